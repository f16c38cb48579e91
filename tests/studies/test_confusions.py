"""Tests of studies/confusions.py."""

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import update

from space.errors import DamagedStoreError
from studies.confusions import MAX_MISTAKES, Confusion, read_confusions, write_confusion
from studies.tables import confusions
from tests.stores import make_search


def test_every_image_is_counted_and_the_first_mistakes_are_named() -> None:
    found = Confusion.of(np.array([0, 1, 1, 2, 0]), np.array([0, 2, 1, 2, 1]), num_classes=4)
    assert found.counts == [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert found.mistakes == [(1, 1, 2), (4, 0, 1)]
    many = Confusion.of(np.zeros(1_000, np.int64), np.ones(1_000, np.int64), num_classes=2)
    assert many.counts == [[0, 1_000], [0, 0]]
    assert many.mistakes == [(image, 0, 1) for image in range(MAX_MISTAKES)]


def test_what_is_written_is_read_and_may_be_written_again(tmp_path: Path) -> None:
    search = make_search(tmp_path)
    first, second = (Confusion.of(np.array([0, 1]), np.array([0, said]), num_classes=2) for said in (0, 1))
    for confusion in (first, second):
        with search.store.database.begin() as connection:
            write_confusion(connection, search.name, 3, confusion)
    assert read_confusions(search.store.database, search.name, [3, 4]) == {3: second}


@pytest.mark.parametrize("values", [{"counts": [[1, 2]]}, {"counts": "many"}, {"mistakes": [[1, 2]]}])
def test_a_damaged_row_is_named(tmp_path: Path, values: dict[str, object]) -> None:
    search = make_search(tmp_path)
    with search.store.database.begin() as connection:
        write_confusion(connection, search.name, 3, Confusion([[1, 0], [0, 1]], []))
        connection.execute(update(confusions).values(**values))
    with pytest.raises(DamagedStoreError, match="trial 3 of study 'digits-1000' in table confusions"):
        read_confusions(search.store.database, search.name, [3])
