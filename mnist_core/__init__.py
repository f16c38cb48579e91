"""Data, models, training and evaluation in PyTorch, independent of studies and without importing optuna."""
