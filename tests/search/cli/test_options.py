from urllib.parse import quote

import pytest

from search.cli.options import example
from studies.locks import WorkerLocks
from studies.storage import Store
from studies.study import SearchStudy


def test_examples_are_lines_of_their_own() -> None:
    assert example("a") == "Example:\n\na"
    assert example("a", "b") == "Examples:\n\na\n\nb"


@pytest.mark.parametrize("path", ["mine.db", "50%.db", "what?.db", "a%41.db"])
def test_a_plain_path_names_the_store(path: str, search_here) -> None:
    store = Store.create(f"sqlite:///{search_here.folder}/{quote(path)}")
    SearchStudy.create_or_resume(store, "mine", {}, WorkerLocks(store.lock_path))
    assert (search_here.folder / path).is_file()
    for result in (search_here("status", "--storage", path), search_here("status", SEARCH_STORAGE=path)):
        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith("study       mine\n")
