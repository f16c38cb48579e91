"""Search spaces for tests."""

from space.search_space import SearchSpace

STORED_EARLIER = """\
[[stage]]
layers = [1, 2]
width = [3, 16]
kernel = 3
padding = "same"

[[stage]]
layers = [2, 3]
width = [3, 24]
kernel = 3
padding = "same"

[[stage]]
layers = [2, 3]
width = [3, 32]
kernel = 3
padding = "valid"

[architecture]
dropout = [0.0, 0.03]

[training]
batch_size_choices = [32, 64]
max_lr = [0.05, 0.2]
weight_decay = [1e-05, 0.0002]
label_smoothing = [0.0, 0.0]
augmentation = [0.4, 1.2]
"""
"""The default space as studies of an earlier version hold it: without the keys that were added since."""

PLAIN = SearchSpace.from_stored(STORED_EARLIER)
"""That space: plain convolutions and maximum pools."""
