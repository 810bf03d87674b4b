"""Tables of a comparison: stable volumes and ranges, tuning curves, pairs, tuning, robustness, outcomes."""
