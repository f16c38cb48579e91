"""The settings of one call of a search."""

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mnist_core.data import SPLIT_SEED, Dataset, check_dataset_name
from mnist_core.datasets.sources import AnyDataset, ImageSource
from search.defaults import (
    DEFAULT_STORAGE,
    DEFAULT_TRIALS,
    MAX_EPOCHS,
    METRIC_NAMES,
    MIN_CONFIRM_SEEDS,
    PRUNER_NAMES,
    SAMPLER_NAMES,
)
from search.workers.machine import MAX_SEEDS, check_names, check_train_size, check_workers
from space.architecture import MAX_PARAMS, num_params
from space.candidate import CLASS_WEIGHTS
from space.errors import InputError, without_password
from space.fitted import default_space
from space.footprint import footprint
from space.limits import NO_LIMITS, DeviceLimits, describe, measures_of, option_of, short
from space.results import TRAINING_VERSION
from space.search_space import UNIT_ROTATION, UNIT_SCALE, UNIT_TRANSLATION, SearchSpace
from studies.fingerprints import check_study_name

MAX_TRIALS, MAX_SECONDS = 1_000_000, 1_000_000_000
"""Upper limits, far above any useful value, which catch typing errors."""


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Settings of one call. Raises `InputError` with the option, the rule and the value if one is invalid."""

    budget: int
    """Largest number of trainable parameters of a candidate, inclusive."""
    limits: DeviceLimits = NO_LIMITS
    """What a candidate may take on a device; a study that exists keeps the limits that the call does not name."""
    trials: int = DEFAULT_TRIALS
    """Number of trained trials in the study, over all calls and workers, at which the call ends."""
    epochs: int = MAX_EPOCHS
    timeout: float | None = None
    """Seconds after which this call ends, as soon as the current epochs are finished."""
    study: str | None = None
    """Name of the study; None means a name made from the dataset, the budget and other settings (see `study_name`)."""
    storage: str = DEFAULT_STORAGE
    dataset: AnyDataset = "mnist"
    data_root: Path | None = None
    dataset_sha256: str | None = None
    """Hash of the images of a study that is joined, by which images of one's own are found on another machine."""
    space: SearchSpace = field(default_factory=SearchSpace.default)
    uses_stored_space: bool = False
    """Whether an existing study continues with its own space instead of ``space``."""
    class_weights: str | None = None
    """``balanced`` or ``none``, in place of the setting of the space; None keeps that."""
    sampler: str = SAMPLER_NAMES[0]
    pruner: str = "size-aware"
    metric: str = "accuracy"
    """What is maximised and called validation accuracy: ``accuracy``, or ``balanced-accuracy``, the mean of classes."""
    seed: int = 0
    device: str = "auto"
    engine: str = "auto"
    workers: int | None = None
    """Number of worker processes; None means as many as the machine, or the cluster, has room for."""
    cluster: str | None = None
    """Address of the Ray cluster on which workers are placed; None means this machine."""
    train_size: int | None = None
    """Number of training images; None means all that are not held out for validation."""
    warm_start: str | None = None
    """``recipes``, a file of nets, one notation per line, or ``URL#STUDY``, the front of another study; candidates near
    these nets are trained first."""
    confirm_seeds: int | None = None
    """Seeds per point in the confirmation that follows the search; None means no confirmation."""

    def __post_init__(self) -> None:
        smallest = self.space.smallest
        _require(
            self.uses_stored_space or self.budget >= num_params(smallest),
            f"--budget must be at least {num_params(smallest)}, the size of the space's smallest net ({smallest})",
            self.budget,
        )
        if not self.uses_stored_space:
            _check_limits(self.limits, self.budget, self.space)
        _require(self.budget <= MAX_PARAMS, f"--budget must be at most {MAX_PARAMS:,}", self.budget)
        _require(self.trials >= 1, "--trials must be at least 1", self.trials)
        _require(self.trials <= MAX_TRIALS, f"--trials must be at most {MAX_TRIALS:,}", self.trials)
        _require(1 <= self.epochs <= MAX_EPOCHS, f"--epochs must be from 1 to {MAX_EPOCHS}", self.epochs)
        _require(self.timeout is None or self.timeout > 0, "--timeout must be above 0 seconds", self.timeout)
        within = self.timeout is None or self.timeout <= MAX_SECONDS
        _require(within, f"--timeout must be at most {MAX_SECONDS:,} seconds", self.timeout)
        if isinstance(self.dataset, str):
            check_dataset_name(self.dataset)
        _require_one_of("--sampler", SAMPLER_NAMES, self.sampler)
        _require_one_of("--pruner", PRUNER_NAMES, self.pruner)
        _require_one_of("--metric", METRIC_NAMES, self.metric)
        if self.class_weights is not None:
            _require_one_of("--class-weights", CLASS_WEIGHTS, self.class_weights)
        check_names(self.device, self.engine)
        _require(0 <= self.seed < 2**63, "--seed must be from 0 to 2^63 - 1", self.seed)
        check_workers(self.workers)
        _require(
            self.cluster is None or not self.storage.startswith("sqlite:"),
            "--cluster needs a store that all nodes can reach, --storage postgresql://USER@HOST/DATABASE",
            without_password(self.storage),
        )
        check_train_size(self.train_size)
        _require(
            self.confirm_seeds is None or self.confirm_seeds >= MIN_CONFIRM_SEEDS,
            f"--confirm-seeds must be at least {MIN_CONFIRM_SEEDS}",
            self.confirm_seeds,
        )
        within = self.confirm_seeds is None or self.confirm_seeds <= MAX_SEEDS
        _require(within, f"--confirm-seeds must be at most {MAX_SEEDS:,}", self.confirm_seeds)
        if self.study is not None:
            check_study_name(self.study)

    @property
    def joins(self) -> bool:
        """Whether this call joins a study with settings that the study's latest ``run`` stored."""
        return self.dataset_sha256 is not None

    @property
    def study_name(self) -> str:
        """``study``, or a name made from the settings, such as ``mnist-8000-train2000-epochs5``."""
        if self.study is not None:
            return self.study
        parts = [self.short_study_name, *(short(name, limit) for name, limit in self.limits.given.items())]
        if isinstance(self.dataset, ImageSource):
            parts += self.dataset.conversions
        if self.metric != METRIC_NAMES[0]:
            parts.append(self.metric)
        if self.class_weights == "balanced":
            parts.append("class-weights")
        if self.train_size is not None:
            parts.append(f"train{self.train_size}")
        if self.epochs != MAX_EPOCHS:
            parts.append(f"epochs{self.epochs}")
        if self.seed != 0:
            parts.append(f"seed{self.seed}")
        if self.space != self.usual_space:
            parts.append(f"space{hashlib.sha256(self.space.to_stored().encode()).hexdigest()[:6]}")
        return "-".join(parts)

    @property
    def usual_space(self) -> SearchSpace:
        """The space that is searched where none is named, for the images of ``space``."""
        images = self.space.architecture
        usual = default_space(images.input_shape, images.num_classes, self.budget, dataset=str(self.dataset))
        return self.weighted(usual)

    def weighted(self, space: SearchSpace) -> SearchSpace:
        """Return a space with the class weights of this call."""
        return space if self.class_weights is None else space.with_class_weights(self.class_weights)

    def for_images(self, data: Dataset, *, fits_space: bool) -> "RunConfig":
        """Return the settings with a space for these images: the default one if ``fits_space``, else that of the call.

        Raises `InputError` if no net of it is within the budget, or if the images are too small for its deepest net.
        """
        if fits_space:
            space = default_space(data.input_shape, data.num_classes, self.budget, dataset=str(self.dataset))
        else:
            space = self.space.for_images(data.input_shape, data.num_classes)
        return replace(self, space=self.weighted(space))

    @property
    def augmentation(self) -> str:
        """What is done to training images at most, for the first lines of a run."""
        ranges = self.space.training
        strength = ranges.augmentation[1]
        most = {
            "moved by up to {} of the side": strength * UNIT_TRANSLATION,
            "scaled by up to {}": strength * UNIT_SCALE,
            "shifted by whole pixels by up to {} of the side": ranges.shift[1],
            "brightness changed by up to {}": ranges.brightness[1],
            "contrast changed by up to {}": ranges.contrast[1],
        }
        changes = [text.format(f"{100 * value:.3g} %") for text, value in most.items() if value > 0]
        mirrored = f"up to {100 * ranges.flip[1]:.3g} % of them mirrored" if ranges.flip[1] > 0 else "not mirrored"
        turned = f"turned by up to {strength * UNIT_ROTATION:.3g} degrees"
        return f"augmentation of training images: {', '.join([turned, *changes, mirrored])}"

    @property
    def short_study_name(self) -> str:
        """The name that earlier versions gave a study, regardless of its other settings."""
        return f"{self.dataset}-{self.budget}"

    def fingerprint(self, data: Dataset) -> dict[str, Any]:
        """Return the settings that must stay the same for the trials of one study to be comparable."""
        return {
            "dataset": data.name,
            "dataset_sha256": data.sha256,
            **({} if data.source is None else {"source": data.source.to_json()}),
            "split_seed": SPLIT_SEED,
            "train_size": len(data.train),
            "space": self.space.to_stored(),
            "budget": self.budget,
            **self.limits.given,
            "epochs": self.epochs,
            "seed": self.seed,
            **({} if self.metric == METRIC_NAMES[0] else {"metric": self.metric}),
            **({} if TRAINING_VERSION == 1 else {"training_version": TRAINING_VERSION}),
        }

    def recorded(self, device: str, engine: str) -> dict[str, Any]:
        """Return the settings that may differ between calls on one study; they are stored with each trial."""
        return {
            "sampler": self.sampler,
            "pruner": self.pruner,
            "device": device,
            "engine": engine,
            "workers": self.workers,
            "timeout": self.timeout,
        }


def _check_limits(limits: DeviceLimits, budget: int, space: SearchSpace) -> None:
    """Raise `InputError` for limits that no net of a space is within, alone or together with the budget."""
    # Nearly always one of the first will do; a space of large images has many thousands of these nets.
    if not limits or any(num_params(net) <= budget and limits.allow(net) for net in space.narrowest_nets()):
        return
    nets = {net: measures_of(footprint(net)) for net in space.narrowest_nets()}
    least = {name: min(nets, key=lambda net: nets[net][name]) for name in limits.given}
    for name, limit in limits.given.items():
        taken = nets[least[name]][name]
        rule = f"{option_of(name)} must be at least {taken:,}, the least that a net of the space takes ({least[name]})"
        _require(limit >= taken, rule, limit)
    smallest = ", ".join(describe(name, nets[net][name]) for name, net in least.items())
    raise InputError(
        f"no net of the space is within --budget {budget} and the limits ({limits}) at once; the smallest in each, "
        f"by itself: {num_params(space.smallest):,} parameters, {smallest}"
    )


def _require(holds: bool, rule: str, value: object) -> None:
    if not holds:
        raise InputError(f"{rule}, not {value}")


def _require_one_of(option: str, names: tuple[str, ...], value: str) -> None:
    _require(value in names, f"{option} must be one of {', '.join(names)}", repr(value))
