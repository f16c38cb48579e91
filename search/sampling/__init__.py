"""Where candidates come from: the front search and its model of errors, TPE, random draws, known nets."""
