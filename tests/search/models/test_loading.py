"""Every command that reads a trial's weights reads those of the trial, or refuses."""

import json
import shutil
from pathlib import Path

import pytest

from mnist_core.checkpoint import load_checkpoint, save_checkpoint
from search.models.loading import load_confirmed, load_trial
from space.errors import InputError
from studies.artifacts import confirmed_file
from studies.confirmations import Confirmation, Stage, read_measured
from studies.storage import Store
from tests.runners import make_runner, run_all
from tests.search.conftest import CommandHere, SmallStudy
from tests.stores import restore_store

READERS = {
    "evaluate": "evaluate {trial}",
    "analyse": "analyse {trial} --out report",
    "export": "export --trial {trial} --out best",
    "export of one file": "export --trial {trial} --out best.onnx",
}


def complete_trials(study: SmallStudy) -> list[int]:
    trials = Store.open_read_only(study.url).load_study(study.name).get_trials(deepcopy=False)
    return [trial.number for trial in trials if "weights" in trial.user_attrs]


def weights_of(study: SmallStudy, number: int) -> Path:
    store = Store.open_read_only(study.url)
    return store.artifacts.find(store.load_study(study.name).get_trials(deepcopy=False)[number].user_attrs["weights"])


@pytest.mark.parametrize("reader", READERS)
def test_weights_that_are_not_the_trials_are_refused(
    reader: str, copied_study: SmallStudy, search_here: CommandHere
) -> None:
    mine, other = complete_trials(copied_study)[:2]
    shutil.copyfile(weights_of(copied_study, other), weights_of(copied_study, mine))
    refused = search_here(*READERS[reader].format(trial=mine).split())
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"is not the model that trial {mine} left: its SHA-256 is " in refused.stderr
    assert not (copied_study.folder / "best").exists()
    assert not (copied_study.folder / "report").exists()


def test_one_changed_weight_is_enough(copied_study: SmallStudy) -> None:
    number = complete_trials(copied_study)[0]
    path = weights_of(copied_study, number)
    store = Store.open_read_only(copied_study.url)
    checkpoint = load_trial(store, copied_study.name, number)
    name = min(checkpoint.weights)
    checkpoint.weights[name].view(-1)[0] += 1
    save_checkpoint(path, checkpoint)
    with pytest.raises(InputError, match="its SHA-256 is"):
        load_trial(store, copied_study.name, number)


def test_without_a_hash_what_the_file_says_of_itself_must_fit(tmp_path: Path) -> None:
    store = Store.open_read_only(restore_store(tmp_path, 1))
    name = store.resolve_study_name(None)
    confirmation = Confirmation.find(store.database, name)
    assert confirmation is not None
    first, second = (
        read_measured(store.database, name, trial, confirmation.seeds[Stage.MEASURE][0]) for trial in (0, 2)
    )
    assert first.weights_sha256 is None
    assert load_confirmed(store, name, first).trial == 0
    assert load_trial(store, name, 0).trial == 0

    folder = tmp_path / "studies.artifacts"
    files = [folder / confirmed_file(name, result.trial, result.seed) for result in (first, second)]
    shutil.copyfile(files[1], files[0])
    with pytest.raises(InputError, match=r"is not the model that trial 0 left: it holds trial 2, 3s:br"):
        load_confirmed(store, name, first)
    files[0].unlink()
    with pytest.raises(InputError, match=r"trial 0 has no weights in .*\.db\.artifacts: confirmed-.* is not there"):
        load_confirmed(store, name, first)


def test_stores_of_one_stem_keep_their_models_apart(tmp_path: Path, search_here: CommandHere) -> None:
    # An earlier version's store, whose confirmed models lie in a folder that studies.db would have shared then.
    earlier = Path(restore_store(tmp_path, 1).removeprefix("sqlite:///")).rename(tmp_path / "studies.sqlite3")
    runner = make_runner(tmp_path, study="digits-700", seed=3, trials=1)
    run_all(runner)
    confirmed = search_here("confirm", "--seeds", 2, "--workers", 1, "--quiet", "--json")
    assert confirmed.returncode == 0, confirmed.stderr
    (mine,) = json.loads(confirmed.stdout)
    theirs = search_here.json("front", "--confirmed", "--storage", f"sqlite:///{earlier.name}")[-1]
    assert (mine["trial"], mine["seeds"]) == (theirs["trial"], theirs["seeds"]), "or their files had other names anyway"
    assert mine["notation"] != theirs["notation"]
    for name, point in (("studies.db", mine), (earlier.name, theirs)):
        arguments = ("--storage", f"sqlite:///{name}", "--trial", point["trial"], "--format", "safetensors")
        exported = search_here("export", *arguments, "--out", f"of-{name}")
        assert exported.returncode == 0, exported.stderr
        assert str(load_checkpoint(tmp_path / f"of-{name}").candidate.architecture) == point["notation"]
