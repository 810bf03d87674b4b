"""Sentences about a study, from templates and the numbers of its comparison."""
