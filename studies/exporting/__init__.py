"""Studies in the formats of other programs: trained generators as safetensors and JSON, trials as an Optuna storage."""
