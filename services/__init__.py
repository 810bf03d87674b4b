"""Running studies somewhere: the command gan-study."""
