"""The command gan-study: one module per group of commands. Heavy packages are imported inside the commands."""
