"""Shared parts of commands that train: the machine, processes, signals and a single training."""
