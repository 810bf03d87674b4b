"""The ledger: the folder that holds a study's trials, and its storage format."""
