"""Data, models, training and evaluation in PyTorch. Knows nothing of studies and does not import optuna."""
