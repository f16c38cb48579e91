from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text, update

from studies.confirmations import Confirmation, SeedResult, Stage, read_confirmed_front, read_openings
from studies.pareto import FrontPoint
from studies.storage import Store
from studies.study import SearchStudy
from studies.tables import metadata, schema_version
from tests.stores import NAME, make_search, reopen

SEEDS = {Stage.DECIDE: (11, 12, 13), Stage.MEASURE: (21, 22)}
CONTENDERS = [FrontPoint(4, 100, 0.9, "small"), FrontPoint(2, 200, 0.95, "middle"), FrontPoint(7, 300, 0.94, "large")]


@pytest.fixture
def confirmation(search: SearchStudy) -> Confirmation:
    return Confirmation.begin(search.store.database, NAME, seeds=SEEDS, top=3, num_complete=9, contenders=CONTENDERS)


def result(stage: Stage, trial: int, seed: int, accuracy: float | None = None, num_images: int = 1_003) -> SeedResult:
    """Right about the first images; 1,003 are no whole number of bytes."""
    correct = None if accuracy is None else np.arange(num_images) < accuracy * num_images
    return SeedResult(stage, trial, seed, 1.5, correct)


def confirm(confirmation: Confirmation) -> None:
    """All that a confirmation writes, with trials 4 and 2 as members."""
    for trial, accuracy in ((4, 0.9), (2, 0.95), (7, 0.93)):
        confirmation.write(result(Stage.DECIDE, trial, seed, accuracy) for seed in (11, 12))
    confirmation.freeze([4, 2])
    confirmation.write(result(Stage.MEASURE, trial, seed) for trial in (4, 2) for seed in (21, 22))
    confirmation.record_opening(4)
    for trial, accuracy in ((4, 0.91), (2, 0.96)):
        confirmation.write(result(Stage.MEASURE, trial, seed, accuracy + (seed - 21) / 100) for seed in (21, 22))


def test_what_was_begun_is_found_again(search: SearchStudy, confirmation: Confirmation) -> None:
    found = Confirmation.find(reopen(search).store.database, NAME)
    assert found is not None
    assert found.seeds == SEEDS
    assert found.contenders == tuple(CONTENDERS)
    assert (found.top, found.num_complete, found.members) == (3, 9, None)


def test_a_study_without_a_confirmation(search: SearchStudy) -> None:
    assert Confirmation.find(search.store.database, NAME) is None
    assert read_confirmed_front(search.store.database, NAME) == []


def test_a_store_from_before_there_were_confirmations(search: SearchStudy) -> None:
    engine = search.store.database
    tables = [metadata.tables[name] for name in ("confirmations", "confirmation_trainings", "test_openings")]
    metadata.drop_all(engine, tables)
    with engine.begin() as connection:
        connection.execute(update(schema_version).values(version=1))
    assert Confirmation.find(Store.open_read_only(search.store.url).database, NAME) is None
    engine = Store.open(search.store.url).database
    assert Confirmation.find(engine, NAME) is None
    Confirmation.begin(engine, NAME, seeds=SEEDS, top=None, num_complete=9, contenders=CONTENDERS)
    assert Confirmation.find(engine, NAME) is not None


def test_results_come_back_bit_for_bit(search: SearchStudy, confirmation: Confirmation) -> None:
    correct = np.random.default_rng(0).random(1_003) < 0.9
    confusion = [[3, 1], [0, 2]]
    confirmation.write([SeedResult(Stage.MEASURE, 4, 2**32 - 1, 2.5, correct, confusion)])
    (read,) = confirmation.read(Stage.MEASURE)
    assert (read.trial, read.seed, read.seconds, read.confusion) == (4, 2**32 - 1, 2.5, confusion)
    assert read.correct is not None
    assert np.array_equal(read.correct, correct)
    assert confirmation.read(Stage.DECIDE) == []


def test_a_training_written_again_replaces_itself_alone(confirmation: Confirmation) -> None:
    confirmation.write([result(Stage.MEASURE, 4, 21), result(Stage.MEASURE, 4, 22), result(Stage.DECIDE, 4, 21, 0.5)])
    confirmation.write([result(Stage.MEASURE, 4, 21, 0.75)])
    read = {
        (one.stage, one.seed): one.correct
        for one in (*confirmation.read(Stage.MEASURE), *confirmation.read(Stage.DECIDE))
    }
    assert len(read) == 3
    assert read[Stage.MEASURE, 22] is None
    changed, kept = read[Stage.MEASURE, 21], read[Stage.DECIDE, 21]
    assert changed is not None
    assert kept is not None
    assert (changed.mean() > 0.7, kept.mean() < 0.6) == (True, True)


def test_the_front_is_there_when_all_its_members_are_measured(search: SearchStudy, confirmation: Confirmation) -> None:
    assert confirmation.front() == []
    confirm(confirmation)
    front = read_confirmed_front(search.store.database, NAME)
    assert front == confirmation.front()
    assert [(point.trial, point.num_params, point.notation, point.seeds) for point in front] == [
        (4, 100, "small", (21, 22)),
        (2, 200, "middle", (21, 22)),
    ]
    assert [point.accuracy for point in front] == pytest.approx([0.915, 0.965], abs=0.001)
    assert [point.val_accuracy for point in front] == pytest.approx([0.9, 0.95], abs=0.001)
    for point in front:
        assert point.low < point.accuracy < point.high
        assert point.front_probability > 0.9
        assert point.confidence_of(point.accuracy) == pytest.approx(0.5)
    assert [point.trial for point in confirmation.members or []] == [4, 2]


def test_one_model_that_is_not_measured_leaves_the_front_unconfirmed(confirmation: Confirmation) -> None:
    confirm(confirmation)
    confirmation.write([result(Stage.MEASURE, 2, 22)])
    assert confirmation.front() == []


def test_models_of_other_seeds_do_not_count(confirmation: Confirmation) -> None:
    confirm(confirmation)
    before = confirmation.front()
    confirmation.write([result(Stage.MEASURE, 2, 99, 0.1), result(Stage.DECIDE, 2, 99, 0.1)])
    assert confirmation.front() == before


def test_openings_are_kept_whatever_else_is_dropped(search: SearchStudy, confirmation: Confirmation) -> None:
    confirm(confirmation)
    confirmation.discard()
    assert Confirmation.find(search.store.database, NAME) is None
    again = Confirmation.begin(
        search.store.database, NAME, seeds=SEEDS, top=None, num_complete=9, contenders=CONTENDERS
    )
    again.record_opening(7)
    (opened, _), _ = openings = read_openings(search.store.database, NAME)
    assert [num_models for _, num_models in openings] == [4, 7]
    assert len(again.read(Stage.DECIDE)) == 6, "the trainings stay as well"
    with search.store.database.connect() as connection:
        stored = connection.scalar(text("SELECT opened FROM test_openings LIMIT 1"))
    assert stored == opened.isoformat()
    assert opened.utcoffset() == timedelta(0)


def test_two_searches_in_a_store_are_confirmed_apart(tmp_path: Path) -> None:
    one, other = make_search(tmp_path), make_search(tmp_path, "other")
    first = Confirmation.begin(one.store.database, NAME, seeds=SEEDS, top=None, num_complete=9, contenders=CONTENDERS)
    second = Confirmation.begin(
        other.store.database, "other", seeds=SEEDS, top=None, num_complete=9, contenders=CONTENDERS
    )
    confirm(first)
    assert (second.members, second.read(Stage.DECIDE), second.front()) == (None, [], [])
    assert len(read_openings(one.store.database, NAME)) == 1
    assert read_openings(one.store.database, "other") == []
