"""The commands confirm, which trains a front again and measures it on the test set, and audit."""
