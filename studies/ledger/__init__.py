"""The ledger, the folder that holds all trials and studies, and the formats of its files."""
