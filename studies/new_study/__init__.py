"""Writing study files: one for some data and a budget of time, or one of the setting that a study has found."""
