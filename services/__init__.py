"""The command gan-study, and what it needs to run studies on a machine or a cluster."""
