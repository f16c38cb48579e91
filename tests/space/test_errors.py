import pickle

import pytest

from space.errors import InputError, SearchError, SearchFailedError, UnwritableFileError

# (error, exit code, what else it can be caught as)
ERRORS = [
    (SearchError, 1, Exception),
    (InputError, 2, ValueError),
    (UnwritableFileError, 2, OSError),
    (UnwritableFileError, 2, InputError),
    (SearchFailedError, 1, RuntimeError),
]


@pytest.mark.parametrize(("kind", "exit_code", "other"), ERRORS)
def test_an_error_has_its_exit_code_and_may_be_caught_by_either_base(
    kind: type[SearchError], exit_code: int, other: type[Exception]
) -> None:
    for caught_as in (SearchError, other):
        with pytest.raises(caught_as) as caught:
            raise kind("what is wrong")
        assert str(caught.value) == "what is wrong"
        assert getattr(caught.value, "exit_code", None) == exit_code


def test_wrong_input_and_failed_work_are_told_apart() -> None:
    assert not issubclass(SearchFailedError, InputError)
    assert not issubclass(InputError, SearchFailedError)
    assert not issubclass(InputError, OSError), "only a file that can't be written is one"


@pytest.mark.parametrize("kind", [SearchError, InputError, UnwritableFileError, SearchFailedError])
def test_an_error_of_a_worker_is_the_same_in_its_parent(kind: type[SearchError]) -> None:
    error = pickle.loads(pickle.dumps(kind("'8x': unknown token")))
    assert type(error) is kind
    assert str(error) == "'8x': unknown token"
