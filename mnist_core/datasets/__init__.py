"""Reading images of other people: class folders, .npz, CSV, IDX and torchvision's names, into one cache."""
