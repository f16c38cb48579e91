"""The command confirm: a front trained again with fresh seeds, then measured on the test set."""
