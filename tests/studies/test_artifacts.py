import hashlib
import io
import itertools
from pathlib import Path

import pytest
from optuna.artifacts.exceptions import ArtifactNotFound

from studies.artifacts import StoredWeights, StudyArtifacts, confirmed_file, sha256_of
from studies.storage import Store

NAMES = ("x", "x.db", "x.sqlite3", "x.db.old")


def test_stores_of_one_stem_have_folders_of_their_own(tmp_path: Path) -> None:
    folders = {Store.create(f"sqlite:///{tmp_path / name}").artifacts.folder for name in NAMES}
    assert folders == {tmp_path / f"{name}.artifacts" for name in NAMES}
    assert all(folder.is_dir() for folder in folders)


def test_what_an_earlier_version_wrote_is_found_until_it_is_written_anew(tmp_path: Path) -> None:
    artifacts = StudyArtifacts(tmp_path / "x.db")
    artifacts.folder.mkdir()
    assert artifacts.find("model") == tmp_path / "x.db.artifacts/model"
    with pytest.raises(ArtifactNotFound):
        artifacts.open_reader("model")

    earlier = tmp_path / "x.artifacts"
    earlier.mkdir()
    (earlier / "model").write_bytes(b"earlier")
    assert artifacts.find("model") == earlier / "model"
    assert artifacts.open_reader("model").read() == b"earlier"

    artifacts.write("model", io.BytesIO(b"anew"))
    assert artifacts.find("model") == tmp_path / "x.db.artifacts/model"
    assert artifacts.open_reader("model").read() == b"anew"
    assert (earlier / "model").read_bytes() == b"earlier"
    artifacts.remove("model")
    assert artifacts.open_reader("model").read() == b"earlier"


def test_weights_are_intact_only_with_the_content_that_was_written(tmp_path: Path) -> None:
    path = tmp_path / "model"
    assert not StoredWeights(path, None).is_intact()
    path.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    assert sha256_of(path) == digest
    assert StoredWeights(path, digest).is_intact()
    assert StoredWeights(path, None).is_intact()
    path.write_bytes(b"others")
    assert not StoredWeights(path, digest).is_intact()


def test_each_confirmed_model_has_a_file_of_its_own() -> None:
    models = list(itertools.product(("a", "a/b", "a%2Fb"), (1, 11), (1, 2)))
    names = {confirmed_file(*model) for model in models}
    assert len(names) == len(models)
    assert not any("/" in name for name in names)


@pytest.mark.parametrize("study", ["猫" * 200, "x" * 200, "猫" * 27, "a/b"])
def test_the_file_of_a_confirmed_model_has_a_name_that_any_file_system_takes(study: str) -> None:
    assert len(confirmed_file(study, 123_456, 2**32 - 1).encode()) < 200
    assert confirmed_file(study, 1, 2) != confirmed_file(study + "x", 1, 2)
