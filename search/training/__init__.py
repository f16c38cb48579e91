"""The command train: training one model on its own."""
