"""Execution of a study on Ray: runner, searcher, trials and resources."""
