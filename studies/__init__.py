"""The study store: trials, their results and the Pareto front. Does not import torch."""
