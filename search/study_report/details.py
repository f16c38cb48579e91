"""What the page shows of single trials: layers, learning curve, confusion and mistakes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from search.study_report.curves import read_curves
from search.study_report.images import ImagesAtHand
from search.terminal.numbers import counted
from space.candidate import CandidateSpec
from space.footprint import footprint
from space.summary import describe_layer, summarise
from studies.confusions import Confusion, read_confusions
from studies.damage import reading
from studies.frozen_trials import CHUNK
from studies.storage import Store
from studies.summaries import read_attributes


def read_details(
    store: Store, study_name: str, ids: dict[int, int], images: ImagesAtHand | None = None
) -> dict[int, dict[str, Any]]:
    """Return the details of some trained trials, by their numbers in ``ids``; mistakes only if given ``images``."""
    numbers = list(ids)
    curves = read_curves(store, study_name, numbers)
    confusions = read_confusions(store.database, study_name, numbers)
    candidates: dict[int, dict[str, Any]] = {}
    for first in range(0, len(numbers), CHUNK):
        chunk = [ids[number] for number in numbers[first : first + CHUNK]]
        candidates |= read_attributes(store, study_name, chunk, "candidate")
    details = {}
    for number, trial_id in ids.items():
        if "candidate" not in candidates[trial_id]:
            continue
        with reading(store.database, f"trial {number} of study {study_name!r}: its candidate"):
            candidate = CandidateSpec.from_json(candidates[trial_id]["candidate"])
        val, train = curves.get(number, ([], []))
        details[number] = {
            **_net(candidate),
            "val": val,
            "train": train,
        }
        if number in confusions:
            details[number]["confusion"] = _confusion(confusions[number])
            if images is not None:
                details[number]["mistakes"] = images.show(confusions[number].mistakes)
    return details


def _net(candidate: CandidateSpec) -> dict[str, Any]:
    rows, taken = summarise(candidate.architecture), footprint(candidate.architecture)
    training = candidate.training
    return {
        "layers": [
            (
                row.layer.token,
                describe_layer(row.layer),
                "×".join(map(str, row.output_shape)),
                row.num_params,
                row.num_macs,
                row.receptive_field,
            )
            for row in rows
        ],
        "macs": taken.num_macs,
        "flash_bytes": taken.flash_bytes,
        "ram_bytes": taken.ram_bytes,
        "training": f"{counted(training.epochs, 'epoch')}, batches of {training.batch_size}, learning rate up to "
        f"{training.max_lr:.3g}, weight decay {training.weight_decay:.2g}, rotation up to {training.rotation:.3g}°, "
        f"shifts up to {100 * training.translation:.2g} %, scaling up to {100 * training.scale:.2g} %",
    }


def _confusion(confusion: Confusion) -> dict[str, Any]:
    """The diagonal, and of the rest only what is not zero."""
    counts = np.array(confusion.counts)
    wrong = counts - np.diag(np.diag(counts))
    cells: Sequence[tuple[int, int]] = list(zip(*(axis.tolist() for axis in np.nonzero(wrong)), strict=True))
    return {
        "right": np.diag(counts).tolist(),
        "wrong": [(label, said, int(wrong[label, said])) for label, said in cells],
    }
