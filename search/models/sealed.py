"""The sealed test sets of a store's studies: what their images hash to, so that no other command evaluates on them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_core.data import find_present_root, hash_test_set
from mnist_core.data_files import DATASET_NAMES
from mnist_core.datasets.parting import digests_of
from space.errors import InputError
from studies.fingerprints import read_fingerprint
from studies.sealed import read_sealed
from studies.storage import Store


def check_not_sealed(
    names: Sequence[str], images: NDArray[np.uint8], *, storage: str, data_root: Path | None = None
) -> None:
    """Raise `InputError` if one of (N, height, width, channels) images is in the sealed test set of a study in a store.

    Nothing is checked if there is no store.
    """
    store = Store.find(storage)
    if store is None:
        return
    own = [digest.tobytes() for digest in digests_of(images)]
    known: dict[str, frozenset[bytes]] = {}
    for study, dataset, sha256 in _datasets_of(store):
        if sha256 not in known:
            known[sha256] = _sealed(store, dataset, sha256, data_root)
        found = [name for name, digest in zip(names, own, strict=True) if digest in known[sha256]]
        if found:
            num_others = len(found) - 1
            others = f" and {num_others:,} other image{'' if num_others == 1 else 's'} are" if num_others else " is"
            raise InputError(
                f"{found[0]}{others} in the sealed test set of study {study!r} in {store.url}, which is opened only by "
                f"'python -m search confirm --study {study}'"
            )


def _datasets_of(store: Store) -> Iterator[tuple[str, str, str]]:
    """Yield the name of each study, of its dataset, and that dataset's hash."""
    for study in store.study_names():
        fingerprint = read_fingerprint(store, study) or {}
        yield study, str(fingerprint.get("dataset")), str(fingerprint.get("dataset_sha256"))


def _sealed(store: Store, dataset: str, sha256: str, data_root: Path | None) -> frozenset[bytes]:
    digests = read_sealed(store.artifacts, sha256)
    if digests is None and dataset in DATASET_NAMES:
        digests = _hash_known(dataset, data_root)
    return frozenset() if digests is None else frozenset(digest.tobytes() for digest in digests)


def _hash_known(dataset: str, data_root: Path | None) -> NDArray[np.uint8] | None:
    """Return the digests of a named dataset's test images; None if its files are not here, or are damaged."""
    try:
        root = find_present_root(dataset, data_root)
        return None if root is None and dataset != "digits" else hash_test_set(dataset, root)
    except InputError:
        return None
