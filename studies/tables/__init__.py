"""Tables of a study's results as DataFrames, and its trained generators."""
