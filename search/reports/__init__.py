"""Printing the contents of a study: its progress and its fronts."""
