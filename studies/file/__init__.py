"""The study file: from TOML to a validated Study."""
