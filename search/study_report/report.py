"""Writing a study's page into one file."""

import json
from pathlib import Path
from typing import Any

from mnist_core.files import write_whole
from search.models.rules import check_max_params
from search.study_report.details import read_details
from search.study_report.overview import StudyReader
from search.study_report.page import render_page
from space.errors import InputError
from space.files import has_file
from studies.storage import Store

MAX_DETAIL_BYTES = 3_500_000
"""What the details of single trials may take, so that the file stays below 5 MB."""
CHUNK = 200
"""Number of trials whose details are read at a time."""


def write_report(
    out: Path, *, study: str | None, storage: str, target: float | None, max_params: int | None, force: bool
) -> list[str]:
    """Write the page of a study; returns lines to print about it.

    Raises `InputError` for a study that is not there, a target that can't be, and a file that exists unless ``force``.
    """
    if target is not None and not 0 < target <= 1:
        raise InputError(f"--target is a fraction above 0 and at most 1, such as 0.994, not {target:g}")
    check_max_params(max_params)
    if has_file(out, f"--out {out}") and not force:
        raise InputError(f"--out {out} exists already; --force replaces it")
    store = Store.open_read_only(storage)
    reader = StudyReader(store, store.resolve_study_name(study))
    overview = reader.read(target=target, max_params=max_params)
    details = _details(reader, overview)
    page = render_page(f"Search report: {reader.name}", {"overview": overview, "details": details}).encode()
    try:
        write_whole(out, page)
    except InputError as error:
        raise InputError(f"--out {error}") from None
    return [*_verdict(overview["answer"]), f"{out} ({len(page) / 1e6:.1f} MB)"]


def _details(reader: StudyReader, overview: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Return the details of as many trials as there is room for: the front first, then by accuracy."""
    front = [point["trial"] for point in [*overview["front"], *overview["confirmed"]]]
    others = sorted(overview["trials"], key=lambda row: -(row[3] or 0))
    numbers = list(dict.fromkeys([*front, *(row[0] for row in others)]))
    all_ids = reader.summaries.ids_of(numbers)
    on_front = {number: all_ids[number] for number in front if number in all_ids}
    details = read_details(reader.store, reader.name, on_front, reader.images)
    size = len(json.dumps(details))
    rest = [number for number in numbers if number not in details]
    for first in range(0, len(rest), CHUNK):
        chunk = read_details(
            reader.store, reader.name, {number: all_ids[number] for number in rest[first : first + CHUNK]}
        )
        size += len(json.dumps(chunk))
        if size > MAX_DETAIL_BYTES:
            break
        details |= chunk
    return details


def _verdict(answer: dict[str, Any]) -> list[str]:
    lines = []
    if (best := answer["best"]) is not None:
        lines.append(
            f"best within {answer['max_params']:,} parameters: trial {best['trial']}, "
            f"{100 * best['val_accuracy']:.2f} % of the validation images at {best['num_params']:,} parameters"
        )
    if (target := answer["target"]) is not None:
        measured = "test" if answer["is_confirmed"] else "validation"
        net = target["net"]
        found = (
            "no net"
            if net is None
            else (
                f"trial {net['trial']} has {100 * net['accuracy']:.2f} % of the {measured} images at "
                f"{net['num_params']:,} parameters"
            )
        )
        lines.append(f"{'pass' if target['passed'] else 'fail'}: {100 * target['accuracy']:g} % wanted, {found}")
    return lines
