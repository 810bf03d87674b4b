"""The command-line program gan-study, and its code for Ray clusters and for the MLflow server."""
