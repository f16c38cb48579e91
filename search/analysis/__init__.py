"""The command analyse: a report about one model."""
