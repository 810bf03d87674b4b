"""Intervals, permutation tests, sample sizes and estimators: arrays in, numbers out."""
