"""What every command that trains needs: the machine, processes, signals, one training."""
