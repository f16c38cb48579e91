"""The study store: trials, their results and the Pareto front, without importing torch."""
