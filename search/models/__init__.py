"""Naming, loading, selecting, checking and evaluating a single net or trained model."""
