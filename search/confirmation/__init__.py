"""The command confirm: training a front again with fresh seeds and measuring it on the test set."""
