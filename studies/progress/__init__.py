"""Progress of a run: pending trials, events and summaries of evaluations."""
