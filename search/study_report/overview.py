"""What the page shows of a whole study, read again and again while it grows."""

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from typing import Any

from search.study_report.answer import find_answer
from search.study_report.commands import reproduction
from search.study_report.curves import read_curves
from search.study_report.growth import front_growth
from search.study_report.images import ImagesAtHand, class_names_of, find_images
from search.study_report.importance import measure_importances
from space.measured import read_measured
from space.recipes import RECIPES
from space.search_space import SearchSpace
from studies.activity import Activity, read_activity
from studies.confirmations import read_confirmed_front, read_openings
from studies.confusions import read_class_sizes
from studies.damage import reading
from studies.fingerprints import read_fingerprint
from studies.frozen_trials import CHUNK
from studies.intervals import effective_images
from studies.records import read_front
from studies.storage import Store
from studies.summaries import TrialSummaries, TrialSummary, read_attributes
from studies.trials import TRAINED, Outcome

NUM_CURVES = 60
"""Number of the latest trained trials whose learning curves are drawn beside those of the front."""
MAX_FOR_IMPORTANCE = 500
"""Number of complete trials, the latest ones, that importances are measured on."""
GROWN = 1.1
"""Importances are measured anew once there are so many times as many complete trials."""


class StudyReader:
    """Reads one study; each trial that has ended is read once."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.name = name
        self.summaries = TrialSummaries(store, store.load_study(name))
        self._rows: list[list[Any]] = []
        self._reasons: Counter[str] = Counter()
        self._importances: list[dict[str, Any]] = []
        self._num_measured = 0

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        found = read_fingerprint(self.store, self.name)
        assert found is not None
        with reading(self.store.database, f"study {self.name!r} in table searches"):
            for key in ("dataset", "budget"):
                found[key]
        return found

    @cached_property
    def images(self) -> ImagesAtHand | None:
        return find_images(self.fingerprint)

    def read(self, *, target: float | None = None, max_params: int | None = None) -> dict[str, Any]:
        """Return all that the page shows beside single trials, as JSON can hold it."""
        database, name = self.store.database, self.name
        fingerprint, summaries = self.fingerprint, self.summaries
        self._add(summaries.update())
        activity = read_activity(self.store, name)
        front, confirmed = read_front(database, name), read_confirmed_front(database, name)
        trained = [trial for trial in summaries.ended if trial.outcome in TRAINED]
        complete = [trial for trial in trained if trial.outcome == Outcome.COMPLETE]
        on_front = {point.trial for point in front}
        space = SearchSpace.from_stored(fingerprint["space"]) if "space" in fingerprint else None
        num_classes = 10 if space is None else space.architecture.num_classes
        epochs = int(fingerprint.get("epochs", max((trial.num_epochs for trial in trained), default=0)))
        num_validation, num_effective = self.count_validation()
        last_sign = max((slot.heartbeat for slot in [*activity.running, *activity.interrupted]), default=None)
        return {
            "study": name,
            "read": datetime.now(UTC).isoformat(timespec="seconds"),
            "version": version("small-model-search"),
            "settings": {key: value for key, value in fingerprint.items() if key not in ("space", "source")},
            "classes": class_names_of(fingerprint, num_classes, self.images),
            "epochs": epochs,
            "num_validation": num_validation,
            "state": {
                "running": len(activity.running),
                "interrupted": len(activity.interrupted),
                "last_sign": last_sign and datetime.fromtimestamp(last_sign, UTC).isoformat(timespec="seconds"),
            },
            "counts": {outcome.value: summaries.counts[outcome] for outcome in Outcome},
            "num_trained": len(trained),
            "reasons": self._reasons.most_common(),
            "trials": self._rows,
            "front": [asdict(point) for point in front],
            "confirmed": [asdict(point) for point in confirmed],
            "openings": [(f"{opened:%Y-%m-%d %H:%M}", number) for opened, number in read_openings(database, name)],
            "references": references() if fingerprint["dataset"] == "mnist" and "metric" not in fingerprint else [],
            "answer": find_answer(
                front,
                confirmed,
                max_params=fingerprint["budget"] if max_params is None else max_params,
                target=target,
                num_effective=num_effective,
            ),
            "spent": _spent(trained, on_front),
            "saved_epochs": sum(epochs - trial.num_epochs for trial in trained if trial.outcome == Outcome.PRUNED),
            "pruned_after": sorted(
                Counter(trial.num_epochs for trial in trained if trial.outcome == Outcome.PRUNED).items()
            ),
            "growth": front_growth((trial.front_point for trial in complete), fingerprint["budget"]),
            "curves": self._curves([*on_front, *(trial.number for trial in trained[-NUM_CURVES:])]),
            "unfinished": self._unfinished(activity),
            "importances": self._measured(complete),
            "space": fingerprint.get("space", ""),
            "commands": reproduction(
                name,
                fingerprint,
                self.store.url,
                self._recorded(trained),
                len(trained),
                target=target,
                max_params=max_params,
            ),
        }

    def _add(self, new: list[TrialSummary]) -> None:
        for first in range(0, len(new), CHUNK):
            chunk = new[first : first + CHUNK]
            texts = read_attributes(self.store, self.name, [trial.trial_id for trial in chunk], "notation", "reason")
            for trial in chunk:
                text = texts.get(trial.trial_id, {})
                if trial.outcome in TRAINED:
                    accuracy = None if trial.val_accuracy is None else round(trial.val_accuracy, 7)
                    measured = (trial.num_params, accuracy, trial.num_epochs, round(trial.seconds, 1))
                    self._rows.append([trial.number, trial.outcome.value, *measured, text.get("notation", "")])
                if trial.outcome in (Outcome.DIVERGED, Outcome.FAILED):
                    self._reasons[f"{trial.outcome}: {text.get('reason', 'no reason is stored')}"] += 1

    def count_validation(self) -> tuple[int | None, int | None]:
        """Return the number of validation images, and `effective_images`; each is None if it is not known."""
        is_balanced = "metric" in self.fingerprint
        if sizes := read_class_sizes(self.store.database, self.name):
            return sum(sizes), effective_images(sizes, is_balanced=is_balanced)
        num = None if self.images is None else len(self.images.images)
        return num, None if is_balanced else num

    def _curves(self, numbers: list[int]) -> dict[int, list[float]]:
        return {number: val for number, (val, _) in read_curves(self.store, self.name, numbers).items()}

    def _unfinished(self, activity: Activity) -> list[dict[str, Any]]:
        slots = {
            slot.trial_number: (slot, state)
            for state, these in (("running", activity.running), ("interrupted", activity.interrupted))
            for slot in these
            if slot.trial_number is not None
        }
        curves = self._curves(list(slots))
        return [
            {"trial": number, "state": state, "num_params": slot.num_params, "curve": curves.get(number, [])}
            for number, (slot, state) in slots.items()
        ]

    def _measured(self, complete: list[TrialSummary]) -> list[dict[str, Any]]:
        if len(complete) > GROWN * self._num_measured:
            ids = [trial.trial_id for trial in complete[-MAX_FOR_IMPORTANCE:]]
            self._importances = measure_importances(self.summaries.read(ids))
            self._num_measured = len(complete)
        return self._importances

    def _recorded(self, trained: list[TrialSummary]) -> dict[str, Any]:
        """The settings of the call that began the latest trained trial."""
        if not trained:
            return {}
        last = trained[-1].trial_id
        run: dict[str, Any] = read_attributes(self.store, self.name, [last], "run")[last].get("run", {})
        return run


def references() -> list[dict[str, Any]]:
    """The reference systems, with the accuracies on MNIST's test images that are claimed and those measured here."""
    measured = read_measured()
    return [
        {
            "name": recipe.title,
            "num_params": recipe.candidate.num_params,
            "claimed": recipe.claimed_accuracy,
            "claim": recipe.claim,
            "measured": asdict(measured[recipe.name]) if recipe.name in measured else None,
            "notation": str(recipe.candidate.architecture),
        }
        for recipe in RECIPES.values()
    ]


def _spent(trained: list[TrialSummary], on_front: set[int]) -> list[dict[str, Any]]:
    groups: dict[str, list[TrialSummary]] = {
        "on the front": [trial for trial in trained if trial.number in on_front],
        "complete, not on the front": [
            trial for trial in trained if trial.outcome == Outcome.COMPLETE and trial.number not in on_front
        ],
        "pruned": [trial for trial in trained if trial.outcome == Outcome.PRUNED],
        "diverged": [trial for trial in trained if trial.outcome == Outcome.DIVERGED],
    }
    return [
        {
            "what": what,
            "trials": len(trials),
            "epochs": sum(trial.num_epochs for trial in trials),
            "seconds": round(sum(trial.seconds for trial in trials), 1),
        }
        for what, trials in groups.items()
        if trials
    ]
