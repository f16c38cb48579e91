from dataclasses import replace

import pytest

from mnist_core.checkpoint import Checkpoint, cpu_weights
from mnist_core.model import build_model
from search.export.subject import C_FILES, C_FORMATS, FILE_NAMES, FORMATS, ExportSubject, accuracy_of
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec
from studies.confirmations import ConfirmedPoint
from studies.pareto import FrontPoint

FRONT = [FrontPoint(trial, 100 * place, 0.9 + place / 100, f"net {trial}") for place, trial in enumerate((8, 2, 5), 1)]
CONFIRMED = [
    ConfirmedPoint(
        trial=point.trial,
        num_params=point.num_params,
        notation=point.notation,
        seeds=(1, 2),
        accuracy=point.val_accuracy - 0.003,
        low=0.8,
        high=0.95,
        effective_images=500.0,
        degrees_of_freedom=2.0,
        front_probability=0.9,
        val_accuracy=point.val_accuracy,
    )
    for point in FRONT[1:]
]


def subject_of(trial: int | None, confirmed: ConfirmedPoint | None = None) -> ExportSubject:
    candidate = CandidateSpec(ArchitectureSpec.from_text("2s:br gap fc10+"))
    weights = cpu_weights(build_model(candidate.architecture))
    checkpoint = Checkpoint(candidate, weights, 0.13, 0.31, "mnist", "0" * 64, 0.93, seed=1, trial=trial)
    return ExportSubject(checkpoint, "mnist-8000", FRONT, confirmed, CONFIRMED)


# Trial, its place on the front of the search, the trials around it
PLACES = [
    (8, 1, [8, 2]),
    (2, 2, [8, 2, 5]),
    (5, 3, [2, 5]),
    (7, None, []),
    (None, None, []),
]


@pytest.mark.parametrize(("trial", "position", "neighbours"), PLACES)
def test_a_model_has_its_place_and_neighbours_on_the_front(
    trial: int | None, position: int | None, neighbours: list[int]
) -> None:
    subject = subject_of(trial)
    assert subject.members == FRONT
    assert subject.position == position
    assert [point.trial for point in subject.neighbours] == neighbours


def test_a_confirmed_model_is_compared_with_confirmed_ones() -> None:
    subject = subject_of(2, CONFIRMED[0])
    assert subject.members == CONFIRMED
    assert (subject.position, [point.trial for point in subject.neighbours]) == (1, [2, 5])
    assert [accuracy_of(point) for point in subject.neighbours] == [point.accuracy for point in CONFIRMED]
    assert [accuracy_of(point) for point in subject_of(2).neighbours] == [point.val_accuracy for point in FRONT]
    # One that is no member of that front has no place on it, even where it has one on the search's.
    assert replace(subject, checkpoint=subject_of(8).checkpoint).position is None


def test_every_format_has_a_file_and_only_c_shares_one() -> None:
    assert set(FORMATS) == {"safetensors", "onnx", "onnx-int8", "pt2", "c", "c-int8"}
    single = [name for file_format, name in FILE_NAMES.items() if file_format not in C_FORMATS]
    assert len(set(single)) == len(single)
    assert {FILE_NAMES[file_format] for file_format in C_FORMATS} < {*C_FILES}
    assert not {*single} & {*C_FILES}
