"""The Docker image, and the scripts for its containers."""
