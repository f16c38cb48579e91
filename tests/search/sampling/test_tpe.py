"""TPE on a bounded copy of a study: what it learns from, and that it learns."""

import copy
import random
from collections.abc import Iterator, Sequence

import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from search.sampling.tpe import KEPT_TRIALS, MAX_TRIALS, BoundedTpe
from space.search_space import SearchSpace
from studies.storage import DIRECTIONS
from studies.summaries import TrialSummaries, TrialSummary
from studies.trials import Outcome
from tests.runners import small_space

SPACE = small_space(width=(2, 60))


class Trials(TrialSummaries):
    """Trials of a study that is in no store."""

    def __init__(self, trials: Sequence[FrozenTrial] = ()) -> None:
        self._trials: dict[int, FrozenTrial] = {}
        self.ended, self.unfinished = [], {}
        self.add(trials)

    def add(self, trials: Sequence[FrozenTrial]) -> "Trials":
        """Take note of trials, and of those that have ended since."""
        known = {trial.number for trial in self.ended}
        for trial in trials:
            self._trials[trial.number] = trial
            self.unfinished.pop(trial.number, None)
            if trial.state == TrialState.RUNNING:
                self.unfinished[trial.number] = trial.number
            elif trial.number not in known:
                self.ended.append(summary_of(trial))
        return self

    def read(self, ids: Sequence[int]) -> list[FrozenTrial]:
        return [self._trials[number] for number in ids]


def running(trial: FrozenTrial, *, number: int | None = None) -> FrozenTrial:
    """The trial before it ended, or one like it."""
    begun = copy.deepcopy(trial)
    begun.number = trial.number if number is None else number
    begun.state, begun.values, begun.datetime_complete = TrialState.RUNNING, None, None
    return begun


def summary_of(trial: FrozenTrial) -> TrialSummary:
    return TrialSummary(
        number=trial.number,
        trial_id=trial.number,
        state=trial.state,
        outcome=Outcome(trial.state.name.lower().replace("fail", "failed")),
        num_params=int(trial.values[1]),
        val_accuracy=trial.values[0],
        num_epochs=1,
        seconds=1.0,
        engine=None,
    )


def make_tpe(seed: int, space: SearchSpace = SPACE) -> BoundedTpe:
    return BoundedTpe(space, 8_000, epochs=1, seed=seed)


def finished_trials(num: int, *, seed: int = 0) -> list[FrozenTrial]:
    """Random ones; the accuracy grows with size, and is best at a dropout of 0."""
    study = optuna.create_study(directions=DIRECTIONS, sampler=RandomSampler(seed=seed))
    for _ in range(num):
        trial = study.ask()
        candidate = SPACE.suggest_candidate(trial, epochs=1)
        trial.set_user_attr("notation", str(candidate.architecture))
        study.tell(trial, [1 - (0.05 + trial.params["dropout"]) / candidate.num_params**0.3, candidate.num_params])
    return study.get_trials()


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Numbers of the trials that were handed to Optuna's studies in memory."""
    numbers: list[int] = []
    add_trials = optuna.study.Study.add_trials

    def add(study: optuna.Study, trials: list[FrozenTrial]) -> None:
        numbers.extend(trial.number for trial in trials)
        add_trials(study, trials)

    monkeypatch.setattr(optuna.study.Study, "add_trials", add)
    return numbers


def test_its_parameters_are_a_candidate_of_the_space() -> None:
    suggested = make_tpe(0).suggest(Trials(finished_trials(20)), is_first=False)
    assert SPACE.suggest_candidate(FixedTrial(suggested.params), epochs=1) == suggested.candidate
    assert suggested.candidate.num_params > 0


def test_each_finished_trial_is_read_once_and_unfinished_ones_when_they_are_finished(added: list[int]) -> None:
    trials = finished_trials(30)
    ended, trials[3] = trials[3], running(trials[3])
    trials[4].state = TrialState.FAIL
    tpe, known = make_tpe(0), Trials(trials[:20])
    tpe.suggest(known, is_first=False)
    assert added == [number for number in range(20) if number not in (3, 4)]
    trials[3] = ended
    added.clear()
    tpe.suggest(known.add(trials), is_first=False)
    tpe.suggest(known, is_first=False)
    assert added == [3, *range(20, 30)]


def test_of_many_trials_it_keeps_the_best_and_the_latest(added: list[int]) -> None:
    trials = finished_trials(MAX_TRIALS + 1)
    make_tpe(0).suggest(Trials(trials), is_first=False)
    assert len(added) == KEPT_TRIALS
    assert added == sorted(added)

    def is_dominated(trial: FrozenTrial) -> bool:
        return any(a.values[0] > trial.values[0] and a.values[1] <= trial.values[1] for a in trials)

    front = {trial.number for trial in trials if not is_dominated(trial)}
    assert len(front) > 5
    assert front <= set(added)
    assert set(range(len(trials) - KEPT_TRIALS // 2, len(trials))) <= set(added)


def test_it_goes_on_growing_after_it_was_cut(added: list[int]) -> None:
    trials = finished_trials(MAX_TRIALS + 20)
    tpe, known = make_tpe(0), Trials(trials[: MAX_TRIALS + 1])
    tpe.suggest(known, is_first=False)
    added.clear()
    tpe.suggest(known.add(trials), is_first=False)
    assert added == list(range(MAX_TRIALS + 1, MAX_TRIALS + 20))


@pytest.mark.parametrize("num_trials", [60, MAX_TRIALS + 1])
def test_it_learns(num_trials: int) -> None:
    """Dropout only costs accuracy here."""
    tpe = make_tpe(0)
    trials = finished_trials(num_trials)
    known = Trials(trials)
    suggested = [tpe.suggest(known, is_first=False).params["dropout"] for _ in range(30)]
    drawn = [trial.params["dropout"] for trial in trials]
    assert sum(suggested) / len(suggested) < 0.7 * sum(drawn) / len(drawn)


def test_it_repeats_itself_for_a_seed() -> None:
    trials = finished_trials(20)
    one, same, other = (make_tpe(seed).suggest(Trials(trials), is_first=False) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_the_default_space_can_be_sampled() -> None:
    space = SearchSpace.default()
    suggested = make_tpe(random.Random(0).randrange(2**32), space).suggest(Trials(), is_first=False)
    assert space.suggest_candidate(FixedTrial(suggested.params), epochs=1).num_params > 0


def test_it_knows_what_others_are_training() -> None:
    """TPE avoids running trials, which a copy of the finished ones alone would not hold."""
    trials = finished_trials(24)
    alone = make_tpe(0).suggest(Trials(trials[:20]), is_first=False)
    others = [running(trial) for trial in trials[20:]]
    for other in others:
        other.params = dict(alone.params)

    def known_as_running(tpe: BoundedTpe) -> list[dict[str, object]]:
        return [trial.params for trial in tpe._copy.get_trials(states=(TrialState.RUNNING,))]

    tpe, known = make_tpe(0), Trials(trials[:20])
    assert tpe.suggest(known.add(others), is_first=False) != alone
    tpe.suggest(known, is_first=False)
    assert known_as_running(tpe) == [trial.params for trial in others]
    known.add(trials[20:22])
    del known.unfinished[22]  # it has failed
    tpe.suggest(known, is_first=False)
    assert known_as_running(tpe) == [others[3].params]
    assert len(tpe._copy.get_trials(states=(TrialState.COMPLETE,))) == 22


def test_a_trial_that_ends_while_trials_are_read_is_learnt_from_once() -> None:
    """Its summary comes with the next update."""
    trials = finished_trials(12)
    known = Trials([*trials[:11], running(trials[11])])
    known._trials[11] = trials[11]
    tpe = make_tpe(0)
    tpe.suggest(known, is_first=False)
    tpe.suggest(known.add(trials), is_first=False)
    assert [trial.params for trial in tpe._copy.get_trials(states=(TrialState.COMPLETE,))] == [
        trial.params for trial in trials
    ]
