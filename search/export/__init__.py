"""The command export: a trained model as files."""
