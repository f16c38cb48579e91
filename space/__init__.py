"""Candidates: architectures, parameter counting and the ranges to search. Imports neither torch nor optuna."""
