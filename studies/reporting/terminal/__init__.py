"""Output for a terminal: outline, progress and summary of a run, ranking, verdict, presets."""
