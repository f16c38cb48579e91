"""The command dashboard: the page of a study, live, beside optuna-dashboard."""
