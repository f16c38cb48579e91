"""Sources of candidates: random draws, TPE, and the neighbourhood of known nets."""
