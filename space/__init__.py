"""What a candidate is: architectures, counting and the ranges to search. No torch and no optuna in here."""
