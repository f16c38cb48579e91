"""Measurements behind the numbers in the documentation; each is one command."""
