"""The image, and what runs in its containers."""
