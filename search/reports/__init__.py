"""Printing the contents of a store: studies, their progress, trials, curves, fronts and audits."""
