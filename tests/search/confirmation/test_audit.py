"""What pruning cost a study: a pruned trial, trained to the end by the audit's own worker."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_core.checkpoint import checkpoint_logits
from mnist_core.engine import resolve_engine
from search.confirmation.audit import AuditRequest, audit_pruning
from search.reports.audits import Audit, AuditedTrial, print_audit
from search.runs.pruning import MIN_RIVALS, WARM_UP_EPOCHS
from search.workers.training import CandidateTraining
from space.errors import InputError
from studies.trials import Outcome, attributes_of, candidate_of
from tests.runners import few_digits, make_runner, run_all
from tests.stores import reopen, train_one

pytestmark = pytest.mark.usefixtures("one_thread")

EPOCHS = WARM_UP_EPOCHS + 2
TRIAL = AuditedTrial(7, 900, "4s:br gap fc10+", 5, val_accuracy=0.91, best_accuracy=0.90)


def test_a_pruned_trial_is_trained_to_the_end_with_its_own_seed(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, pruner="size-aware", epochs=EPOCHS, trials=MIN_RIVALS + 1)
    for _ in range(MIN_RIVALS):
        train_one(runner.search, 1, [0.999] * EPOCHS)  # as small as nets are, and hard to beat
    assert run_all(runner) == [Outcome.PRUNED]
    trial = reopen(runner.search).study.trials[-1]
    training = CandidateTraining(
        candidate_of(trial),
        few_digits(),
        seed=attributes_of(trial)["seed"],
        device="cpu",
        engine=resolve_engine("torch", "cpu"),
    )
    for _ in training:
        pass
    validation = few_digits().validation
    right = checkpoint_logits(training.checkpoint(), validation.images).argmax(1).numpy() == validation.labels

    before = (tmp_path / "studies.db").read_bytes()
    request = AuditRequest(
        storage=f"sqlite:///{tmp_path / 'studies.db'}", sample=10, device="cpu", engine="torch", workers=1, quiet=True
    )
    audit = audit_pruning(request)
    assert (tmp_path / "studies.db").read_bytes() == before
    assert (audit.study, audit.num_pruned, audit.num_epochs_saved) == ("tiny", 1, 2)
    assert audit.num_epochs_trained == MIN_RIVALS * EPOCHS + WARM_UP_EPOCHS
    (audited,) = audit.trials
    assert (audited.trial, audited.num_epochs) == (trial.number, WARM_UP_EPOCHS)
    assert (audited.val_accuracy, audited.best_accuracy) == (pytest.approx(right.mean()), 0.999)
    assert not audited.is_lost


def test_a_study_of_which_nothing_was_pruned(tmp_path: Path) -> None:
    train_one(make_runner(tmp_path).search, 4, [0.5, 0.6])
    with pytest.raises(InputError, match="no trial of study 'tiny' was pruned, so pruning cost nothing"):
        audit_pruning(AuditRequest(storage=f"sqlite:///{tmp_path / 'studies.db'}", sample=1))


@pytest.mark.parametrize("sample", [0, -1, 2_000_000])
def test_impossible_samples(sample: int) -> None:
    with pytest.raises(InputError, match=f"--sample must be from 1 to 1,000,000, not {sample}"):
        AuditRequest(storage="sqlite:///studies.db", sample=sample)


@pytest.mark.parametrize(("best_accuracy", "is_lost"), [(None, True), (0.90, True), (0.91, False), (0.92, False)])
def test_a_trial_is_lost_if_it_beats_all_as_small(best_accuracy: float | None, is_lost: bool) -> None:
    assert replace(TRIAL, best_accuracy=best_accuracy).is_lost is is_lost


def test_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    kept = replace(TRIAL, trial=8, best_accuracy=None, val_accuracy=0.5)
    audit = Audit("digits-3000", 12, 80, 240, [replace(TRIAL, best_accuracy=0.95), kept])
    print_audit(audit, as_json=False)
    printed = capsys.readouterr().out
    assert "1 of 2 pruned trials would have ended on the front" in printed
    assert "(95 % interval of the share: 1 to 99 %)" in printed
    assert (
        "12 trials of the study were pruned, which saved 80 epochs, 25 % of those that it would have needed" in printed
    )
    print_audit(audit, as_json=True)
    read = json.loads(capsys.readouterr().out)
    assert [trial["is_lost"] for trial in read["trials"]] == [False, True]
    assert read["share_lost"]["low"] == pytest.approx(0.0126, abs=1e-4)
