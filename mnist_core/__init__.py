"""Data, models, training and evaluation in PyTorch. Knows nothing of studies: no optuna in here."""
