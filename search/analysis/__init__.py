"""The command analyse: a report on one model."""
