"""What training candidates of a study anew begins with: what a call asks for, and the images of the study."""

from dataclasses import dataclass
from pathlib import Path

from mnist_core.data import Dataset, check_same_data, find_data_again, load_dataset
from mnist_core.datasets.sources import AnyDataset, ImageSource
from search.defaults import METRIC_NAMES
from search.terminal.output import print_warnings, say
from search.workers.machine import check_names, check_workers
from studies.damage import reading
from studies.fingerprints import read_fingerprint
from studies.storage import Store


@dataclass(frozen=True, kw_only=True)
class StudyRequest:
    """Options of every call that trains candidates of a study anew.

    Raises `InputError` with the option, the rule and the value if one is invalid.
    """

    storage: str
    study: str | None = None
    data_root: Path | None = None
    device: str = "auto"
    engine: str = "auto"
    workers: int | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        check_workers(self.workers)
        check_names(self.device, self.engine)


@dataclass(frozen=True)
class StudyData:
    dataset: AnyDataset
    data_root: Path | None
    data: Dataset
    """Its training and validation images, as each trial of the search had them."""
    seed: int
    """Seed of the study."""
    num_epochs: int
    """Epochs of a trial that was trained to the end."""
    is_balanced: bool
    """Whether the study's metric is balanced accuracy."""


def load_study_data(store: Store, study_name: str, data_root: Path | None) -> StudyData:
    """Raises `InputError` if the data are missing or differ, and `DamagedStoreError` if the settings can't be read."""
    fingerprint = read_fingerprint(store, study_name)
    assert fingerprint is not None
    with reading(store.database, f"study {study_name!r} in table searches"):
        dataset: AnyDataset = fingerprint["dataset"]
        if "source" in fingerprint:
            dataset = ImageSource.from_json(fingerprint["source"])
        is_balanced = fingerprint.get("metric") == METRIC_NAMES[1]
        train_size, seed, epochs = fingerprint["train_size"], fingerprint["seed"], fingerprint["epochs"]
        sha256 = fingerprint["dataset_sha256"]
    root = find_data_again(dataset, sha256, data_root, tell=say)
    data = load_dataset(dataset, root, train_size=train_size)
    check_same_data(data, sha256, "the study was made with")
    print_warnings(data.warnings)
    return StudyData(dataset, root, data, seed, epochs, is_balanced)
