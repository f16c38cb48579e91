"""The command train: one model trained on its own."""
