from dataclasses import replace
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial

from search.runs.warm_start import KnownNet, queue_known_nets, read_known_nets
from search.sampling.draws import SIZE_RANGE
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from space.footprint import footprint
from space.limits import DeviceLimits
from space.recipes import RECIPES
from studies.records import read_front
from studies.storage import Store
from studies.trials import Outcome, candidate_of, complete_trial, outcome_of
from tests.runners import TrialRunner, make_runner, run_all, small_space, stop_after
from tests.stores import WORKER, reopen

# Reading


def test_a_file_of_nets(tmp_path: Path) -> None:
    path = tmp_path / "nets.txt"
    path.write_text("# mine\n\n  8s:br p 12v:br gap fc10+  # small\r\n   \n4k3p1:brd.05 gap\n", encoding="utf-8")
    nets = read_known_nets(str(path), TrainingConfig(epochs=6), storage="sqlite:///none.db")
    assert [(net.name, str(net.candidate.architecture)) for net in nets] == [
        ("nets.txt:3", "8s:br p 12v:br gap fc10+"),
        ("nets.txt:5", "4s:brd0.05 gap"),
    ]
    assert {net.candidate.training for net in nets} == {TrainingConfig(epochs=6)}


def test_the_recipes() -> None:
    nets = read_known_nets("recipes", TrainingConfig(), storage="sqlite:///none.db")
    assert {net.name: net.candidate for net in nets} == {name: recipe.candidate for name, recipe in RECIPES.items()}


def test_the_front_of_another_study(small_study) -> None:
    store = Store.open_read_only(small_study.url)
    front = read_front(store.database, small_study.name)
    nets = read_known_nets(f"{small_study.url}#{small_study.name}", TrainingConfig(), storage="sqlite:///none.db")
    assert [net.name for net in nets] == [f"{small_study.name}, trial {point.trial}" for point in front]
    expected = [candidate_of(complete_trial(store, small_study.name, point.trial)) for point in front]
    assert [net.candidate for net in nets] == expected
    assert [str(net.candidate.architecture) for net in nets] == [point.notation for point in front]
    for name in (small_study.name, ""):  # the only study need not be named
        assert read_known_nets(f"#{name}", TrainingConfig(), storage=small_study.url) == nets


# Value of --warm-start, what the message says
BAD_NETS = {
    "unknown word": ("recipe", "--warm-start must be recipes, a file of nets, or STORE#STUDY, not 'recipe'"),
    "folder": ("folder", "--warm-start folder is a folder: a file is needed"),
    "binary": ("binary.txt", "--warm-start binary.txt is not text in UTF-8"),
    "empty": ("empty.txt", "--warm-start empty.txt has no net: it takes one notation per line"),
    "comments alone": ("comments.txt", "--warm-start comments.txt has no net: it takes one notation per line"),
    "notation": (
        "bad.txt",
        "--warm-start bad.txt, line 3: layer 2 'pp': unknown token (did you mean 'p'?); a ",
    ),
    "no store": ("none.db#digits-3000", "--warm-start: there is no study store at sqlite:///none.db"),
    "no store of its own": ("#digits-3000", "--warm-start: there is no study store at sqlite:///studies.db"),
    "no head": ("headless.txt", "--warm-start headless.txt, line 1: an architecture ends in a head"),
}


@pytest.mark.parametrize("case", BAD_NETS)
def test_bad_nets_are_refused_in_a_line_and_leave_no_trace(search_here, case: str) -> None:
    folder = search_here.folder
    (folder / "folder").mkdir()
    (folder / "binary.txt").write_bytes(b"\xff\xfe\x00")
    (folder / "empty.txt").touch()
    (folder / "comments.txt").write_text("# 8s:br gap\n\n", encoding="utf-8")
    (folder / "bad.txt").write_text("# mine\n8s:br gap\n8s:br pp gap\n", encoding="utf-8")
    (folder / "headless.txt").write_text("8s:br\n", encoding="utf-8")
    before = sorted(folder.iterdir())
    value, message = BAD_NETS[case]
    refused = search_here("run", "--dataset", "digits", "--budget", "3000", "--warm-start", value)
    assert (refused.returncode, refused.stdout) == (2, "")
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"error: {message}")
    assert sorted(folder.iterdir()) == before


# Queueing nets and training them

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.sampling.draws.MAX_DRAWS", 20)


SIX = "3s:br p 4v:br gap fc10+", "4s:br p 5v:br gap fc10+", "5s:br p 6v:br gap fc10+"


def known(*notations: str) -> list[KnownNet]:
    return [
        KnownNet(f"nets.txt:{line}", CandidateSpec(ArchitectureSpec.from_text(text), TrainingConfig(epochs=1)))
        for line, text in enumerate(notations, start=1)
    ]


def queue_in(runner: TrialRunner, *notations: str) -> list[str]:
    return queue_known_nets(reopen(runner.search), runner.config, known(*notations))


def trials_of(runner: TrialRunner) -> list[FrozenTrial]:
    return reopen(runner.search).study.trials


def told(trials: list[FrozenTrial]) -> list[tuple[str, str]]:
    return [(trial.user_attrs.get("warm_start"), trial.user_attrs["notation"]) for trial in trials]


@pytest.mark.parametrize("sampler", ["front", "tpe", "random"])
def test_queued_nets_are_trained_first_and_once_over_all_calls(tmp_path: Path, sampler: str) -> None:
    first = make_runner(tmp_path, trials=2, epochs=1, sampler=sampler)
    lines = queue_in(first, *SIX)
    assert [line.split(" (")[0] for line in lines[:3]] == [
        f"nets.txt:{line}: trained as {notation}" for line, notation in enumerate(SIX, start=1)
    ]
    assert lines[3] == "3 queued, to be trained before others, 1 of them once --trials leaves room"
    assert run_all(first) == [Outcome.COMPLETE] * 2

    again = make_runner(tmp_path, trials=4, epochs=1, sampler=sampler)
    assert queue_in(again, *SIX) == [
        "nets.txt:1: its candidate is trained already, as trial 0",
        "nets.txt:2: its candidate is trained already, as trial 1",
        "nets.txt:3: its candidate was queued by an earlier call",
        "1 queued, to be trained before others",
    ]
    assert run_all(again) == [Outcome.COMPLETE] * 2
    trials = trials_of(again)
    assert told(trials)[:3] == [(f"nets.txt:{line}", notation) for line, notation in enumerate(SIX, start=1)]
    assert trials[3].user_attrs.get("warm_start") is None
    assert queue_in(again) == []


def test_another_file_adds_only_what_is_new(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, trials=9)
    queue_in(runner, *SIX[:2])
    lines = queue_in(runner, SIX[1], SIX[2], "5s:r p 6v:br gap fc10+")
    assert lines[0] == "nets.txt:1: its candidate was queued by an earlier call"
    assert lines[1].startswith("nets.txt:2: trained as 5s:br p 6v:br gap fc10+ (")
    assert lines[2:] == ["nets.txt:3: the same candidate as nets.txt:2", "3 queued, to be trained before others"]


def test_a_later_call_without_nets_trains_what_still_waits(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, trials=1, epochs=1)
    queue_in(runner, SIX[0])
    assert queue_in(runner) == ["1 queued, to be trained before others"]
    assert run_all(runner) == [Outcome.COMPLETE]
    assert told(trials_of(runner)) == [("nets.txt:1", SIX[0])]


def test_a_net_that_does_not_fit_is_left_out_and_its_size_told(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, space=small_space(width=(2, 60)), budget=800, trials=1)
    assert queue_in(runner, "60s:br p 60v:br gap fc10+") == [
        "nets.txt:1: left out, its nearest candidate is over the budget: 33,790 parameters, "
        "and still too many with 35 % off each width"
    ]
    assert reopen(runner.search).slots.num_queued() == 0


def test_a_net_over_a_limit_of_the_device_is_narrowed_or_left_out(tmp_path: Path) -> None:
    wide = footprint(ArchitectureSpec.from_text("20s:br p 20v:br gap fc10+"))
    limits = DeviceLimits(max_ram=wide.ram_bytes - 1)
    runner = make_runner(tmp_path, space=small_space(width=(2, 60)), budget=9_000, limits=limits, trials=1)
    first, *_ = queue_in(runner, "20s:br p 20v:br gap fc10+", "60s:br p 20v:br gap fc10+")[:2]
    assert "trained as 19s:br p 19v:br gap fc10+" in first
    (left_out,) = [line for line in queue_in(runner, "60s:br p 20v:br gap fc10+") if "left out" in line]
    assert left_out.startswith(
        "nets.txt:1: left out, its nearest candidate does not fit, nor with 35 % off each width: "
    )
    assert left_out.endswith(f"is over the limit of {wide.ram_bytes - 1:,}")


def test_a_stop_before_a_queued_net_begins_leaves_it_in_the_queue(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, trials=1, epochs=1)
    queue_in(runner, SIX[0])
    assert run_all(stop_after(runner, 0), 1) == [None]
    assert trials_of(runner) == []
    assert run_all(runner) == [Outcome.COMPLETE]
    assert told(trials_of(runner)) == [("nets.txt:1", SIX[0])]


def test_an_interrupted_net_goes_on(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, trials=2, epochs=2)
    queue_in(runner, *SIX[:2])
    assert run_all(stop_after(runner, 1), 1) == [None]
    assert queue_in(runner, *SIX[:2])[0] == "nets.txt:1: its candidate was queued by an earlier call"
    assert run_all(runner) == [Outcome.COMPLETE] * 2
    assert told(trials_of(runner)) == [("nets.txt:1", SIX[0]), ("nets.txt:2", SIX[1])]


def test_a_candidate_trained_since_it_was_queued_is_not_trained_again(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, trials=3, epochs=1)
    queue_in(runner, SIX[0])
    slots = [runner.search.slots.claim(3, WORKER) for _ in range(2)]
    assert slots[0] is not None
    assert slots[1] is not None
    runner.run(replace(slots[1], queued=slots[0].queued))  # in another way than from the queue
    runner.run(slots[0])
    assert [outcome_of(trial) for trial in trials_of(runner)] == [
        Outcome.COMPLETE,
        Outcome.DUPLICATE,
        Outcome.COMPLETE,
    ]
    assert "warm_start" not in trials_of(runner)[2].user_attrs


@pytest.mark.parametrize(
    ("sampler", "module", "max_learnt_from"),
    [("tpe", "tpe", 250), ("front", "front_search", 250), ("front", "front_search", 1)],
)
def test_known_nets_do_not_stand_in_for_startup_trials(
    sampler: str, module: str, max_learnt_from: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the sampler learns from fewer trials than there are known nets."""
    asked = []
    for constant in ("observations.MAX_OBSERVATIONS", "observations.KEPT_OBSERVATIONS"):
        monkeypatch.setattr(f"search.sampling.{constant}", max_learnt_from)

    def draw_none(*_: object, size_range: float, **__: object) -> None:
        asked.append(size_range)

    monkeypatch.setattr("search.sampling.draws.draw_growing", draw_none)
    monkeypatch.setattr(f"search.sampling.{module}.STARTUP_TRIALS", 1)
    runner = make_runner(tmp_path, sampler=sampler, trials=5, epochs=1)
    queue_in(runner, *SIX[:2])
    assert run_all(runner) == [Outcome.COMPLETE] * 5
    assert asked == [SIZE_RANGE]  # of the third trial


# The command


def test_a_search_starts_from_the_nets_of_a_file(search, search_here) -> None:
    nets = [
        "4s:br ap 6s:br 5s:br ap 5s:br 5v:br 6v:br gap fc10+",
        "3s:br ap sep4s:br sep5s:br ap 7v:br 8v:br gap fc10+",
    ]
    (search.folder / "nets.txt").write_text("# known\n" + "\n".join(nets), encoding="utf-8")
    run = ("run", "--dataset", "digits", "--budget", "3000", "--epochs", "1", "--train-size", "150", "--trials", "3")
    made = search(*run, "--workers", "1", "--warm-start", "nets.txt")
    assert made.returncode == 0, made.stderr
    # A worker that takes long to start is announced.
    lines = [line for line in made.stderr.splitlines() if not line.startswith("starting the worker")]
    _, first, second, waiting, *trained = lines
    assert first.startswith(f"nets.txt:2: trained as {nets[0]} (1,374 parameters): as it is")
    assert second.startswith(f"nets.txt:3: trained as {nets[1]} (")
    assert waiting == "2 queued, to be trained before others"
    assert len(trained) == 3
    trials = (
        Store.open_read_only(f"sqlite:///{search.folder / 'studies.db'}")
        .load_study("digits-3000-train150-epochs1")
        .trials
    )
    assert told(trials)[:2] == [("nets.txt:2", nets[0]), ("nets.txt:3", nets[1])]
    assert [trial.user_attrs.get("warm_start") for trial in trials[2:]] == [None] * len(trials[2:])

    again = search_here(*run, "--warm-start", "nets.txt")
    assert again.returncode == 0, again.stderr
    assert [line.split(",")[0] for line in again.stderr.splitlines()[1:]] == [
        f"nets.txt:{line}: its candidate is trained already" for line in (2, 3)
    ]
