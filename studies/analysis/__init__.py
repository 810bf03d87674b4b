"""Tables of a comparison: stable volumes, widths, chances of success, pairs, tuning, robustness, outcomes."""
