"""Candidates: architectures, parameter counting and the ranges to search, without importing torch or optuna."""
