"""An audit of pruning: what was found, as a table and as JSON."""

from dataclasses import asdict, dataclass

from rich.table import Table
from scipy.stats import beta

from search.terminal.numbers import counted, format_accuracy
from search.terminal.output import print_json, print_table


@dataclass(frozen=True, slots=True)
class AuditedTrial:
    trial: int
    num_params: int
    notation: str
    num_epochs: int
    """Epochs after which it was pruned."""
    val_accuracy: float
    """Validation accuracy after all epochs, had it not been pruned."""
    best_accuracy: float | None
    """The best validation accuracy among the complete trials with at most as many parameters; None without any."""

    @property
    def is_lost(self) -> bool:
        """Whether it would have been on the front."""
        return self.best_accuracy is None or self.val_accuracy > self.best_accuracy


@dataclass(frozen=True, slots=True)
class Audit:
    study: str
    num_pruned: int
    """Number of pruned trials in the study."""
    num_epochs_saved: int
    """Epochs that they were not trained for."""
    num_epochs_trained: int
    """Epochs of all trials that were trained."""
    trials: list[AuditedTrial]
    """The sample, fewest parameters first."""

    @property
    def share_lost(self) -> tuple[float, float]:
        """The 95 % interval of the share of pruned trials that would have been on the front (Clopper and Pearson)."""
        lost, num = sum(trial.is_lost for trial in self.trials), len(self.trials)
        low = float(beta.ppf(0.025, lost, num - lost + 1)) if lost else 0.0
        high = float(beta.ppf(0.975, lost + 1, num - lost)) if lost < num else 1.0
        return low, high


def print_audit(audit: Audit, *, as_json: bool) -> None:
    low, high = audit.share_lost
    if as_json:
        trials = [asdict(trial) | {"is_lost": trial.is_lost} for trial in audit.trials]
        print_json(asdict(audit) | {"trials": trials, "share_lost": {"low": low, "high": high}})
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("parameters", "pruned after", "accuracy at the end", "best as small", "lost", "trial"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("notation", overflow="fold")
    for trial in audit.trials:
        table.add_row(
            f"{trial.num_params:,}",
            counted(trial.num_epochs, "epoch"),
            format_accuracy(trial.val_accuracy),
            "-" if trial.best_accuracy is None else format_accuracy(trial.best_accuracy),
            "yes" if trial.is_lost else "no",
            str(trial.trial),
            trial.notation,
        )
    print_table(table)
    num_lost = sum(trial.is_lost for trial in audit.trials)
    saved = audit.num_epochs_saved / (audit.num_epochs_saved + audit.num_epochs_trained)
    print(
        f"\n{num_lost} of {counted(len(audit.trials), 'pruned trial')} would have ended on the front, had they been "
        f"trained to the end (95 % interval of the share: {100 * low:.0f} to {100 * high:.0f} %).\n"
        f"{counted(audit.num_pruned, 'trial')} of the study {'was' if audit.num_pruned == 1 else 'were'} pruned, which "
        f"saved {counted(audit.num_epochs_saved, 'epoch')}, {100 * saved:.0f} % of those that it would have needed."
    )
