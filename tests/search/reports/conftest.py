"""A study to report on."""

import pytest

from studies.study import SearchStudy
from tests.search.conftest import make_study_of_every_outcome


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> SearchStudy:
    return make_study_of_every_outcome(tmp_path_factory.mktemp("report"))
