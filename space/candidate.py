"""A candidate: an architecture together with how it is trained."""

import hashlib
import json
from dataclasses import dataclass, field, fields, replace
from typing import Any

from space.architecture import ArchitectureSpec, num_params
from space.errors import InputError, shortened
from space.fields import LEFT_OUT_AT_DEFAULT, check_types, stored_fields

OPTIMIZERS = ("sgd", "adam")
MAX_BATCH_SIZE, MAX_EPOCHS = 1_000_000, 1_000_000
"""Upper limits, far above any useful value, which keep memory and counters from overflowing."""
MAX_SETTING = 1e12
"""Upper limit of settings that are given as fractions, far above any useful one."""
CLASS_WEIGHTS = ("none", "balanced")
SCHEDULES = ("one_cycle", "step", "plateau", "constant")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """How a net is trained on augmented images. The defaults are those of a search: SGD with a OneCycle schedule."""

    epochs: int = 15
    batch_size: int = 32
    """Images per step. A last batch of a single image joins the one before it."""
    optimizer: str = "sgd"
    """``sgd``, or ``adam`` (Kingma and Ba, arXiv:1412.6980) with a second decay rate of 0.999."""
    schedule: str = "one_cycle"
    """Schedule of the learning rate: ``one_cycle``, ``step``, ``plateau`` or ``constant``."""
    max_lr: float = 0.1
    """OneCycle: the peak of the learning rate. Other schedules: its starting value."""
    pct_start: float = 0.2
    """OneCycle: share of the steps spent rising to `max_lr`."""
    div_factor: float = 25.0
    """OneCycle: `max_lr` divided by the first step's learning rate."""
    final_div_factor: float = 1e4
    """OneCycle: the first step's learning rate divided by the last step's."""
    anneal: str = "cos"
    """OneCycle: shape of both halves of the cycle, ``cos`` or ``linear``."""
    lr_factor: float = 0.1
    """Step and plateau: factor by which the learning rate is multiplied."""
    lr_step: int = 5
    """Step: number of epochs between multiplications."""
    lr_patience: int = 10
    """Plateau: number of epochs without a lower loss that are tolerated before a multiplication."""
    plateau_on: str = "val_loss"
    """Plateau: the loss to watch, ``val_loss`` or ``train_loss``."""
    momentum: float = 0.9
    """SGD's momentum, Adam's first decay rate."""
    peak_momentum: float | None = None
    """OneCycle: the momentum at the peak of the learning rate. Momentum falls while the learning rate rises, and rises
    while it falls (PyTorch's OneCycleLR goes from 0.95 to 0.85 by default); None keeps `momentum` constant."""
    nesterov: bool = True
    weight_decay: float = 1e-4
    """L2 penalty on every parameter, including BatchNorm's and biases, added to its gradient."""
    label_smoothing: float = 0.0
    class_weights: str = field(default="none", metadata=LEFT_OUT_AT_DEFAULT)
    """Factors of the loss of each class: ``none``, or ``balanced``, which is inverse to the number of its training
    images and 1 on average over them all, so that every class counts as much as any other."""
    clip_norm: float | None = None
    """Largest norm of the whole gradient; None means no clipping."""
    rotation: float = 10.0
    """Largest rotation either way, in degrees."""
    translation: float = 0.05
    """Largest shift in each direction, as a fraction of the image's side."""
    scale: float = 0.1
    """Largest enlargement or reduction, as a fraction."""
    flip: float = field(default=0.0, metadata=LEFT_OUT_AT_DEFAULT)
    """Share of the training images that are mirrored left to right, drawn anew in every epoch."""
    shift: float = field(default=0.0, metadata=LEFT_OUT_AT_DEFAULT)
    """Largest shift in each direction by whole pixels, as a fraction of the image's side: no pixel is interpolated, and
    background comes in from outside."""
    brightness: float = field(default=0.0, metadata=LEFT_OUT_AT_DEFAULT)
    """Largest value that is added to all pixels of an image or subtracted from them, as a fraction of their range."""
    contrast: float = field(default=0.0, metadata=LEFT_OUT_AT_DEFAULT)
    """Largest growth or reduction, as a fraction, of the pixels' distances from the mean of all images."""
    plain_share: float = field(default=0.0, metadata=LEFT_OUT_AT_DEFAULT)
    """Share of the training images that are not augmented, drawn anew in every epoch."""
    plain_epochs: int = field(default=0, metadata=LEFT_OUT_AT_DEFAULT)
    """Number of epochs at the end in which no image is augmented. A training that stops early may not reach them."""
    precise_batch_norm: bool = field(default=False, metadata=LEFT_OUT_AT_DEFAULT)
    """Whether, when training ends, BatchNorm's running statistics are replaced by those of unaugmented training images
    under the final weights, without dropout (PreciseBN; Wu and Johnson, arXiv:2105.07576)."""
    pixel_mean: float | None = None
    """Mean that is subtracted from pixels scaled to 0..1; None means that of the training images."""
    pixel_std: float | None = None
    """Standard deviation that the pixels are then divided by; None means that of the training images."""
    stop_accuracy: float | None = None
    """Validation accuracy at which training stops early."""
    patience: int | None = None
    """Number of epochs without a higher validation accuracy after which training stops early."""

    def __post_init__(self) -> None:
        check_types(self)
        _require(self.epochs >= 1, "epochs must be at least 1", self.epochs)
        _require(self.epochs <= MAX_EPOCHS, f"epochs must be at most {MAX_EPOCHS:,}", self.epochs)
        _require(self.batch_size >= 2, "batch_size must be at least 2", self.batch_size)
        _require(self.batch_size <= MAX_BATCH_SIZE, f"batch_size must be at most {MAX_BATCH_SIZE:,}", self.batch_size)
        _require_one_of("optimizer", OPTIMIZERS, self.optimizer)
        _require_one_of("schedule", SCHEDULES, self.schedule)
        _require(self.max_lr > 0, "max_lr must be above 0", self.max_lr)
        _require(0 <= self.pct_start <= 1, "pct_start must be from 0 to 1", self.pct_start)
        _require(self.div_factor > 0, "div_factor must be above 0", self.div_factor)
        _require(self.final_div_factor > 0, "final_div_factor must be above 0", self.final_div_factor)
        _require_one_of("anneal", ("cos", "linear"), self.anneal)
        _require(0 < self.lr_factor <= 1, "lr_factor must be above 0 and at most 1", self.lr_factor)
        _require(self.lr_step >= 1, "lr_step must be at least 1", self.lr_step)
        _require(self.lr_step <= MAX_EPOCHS, f"lr_step must be at most {MAX_EPOCHS:,}", self.lr_step)
        _require(self.lr_patience >= 0, "lr_patience must be at least 0", self.lr_patience)
        _require(self.lr_patience <= MAX_EPOCHS, f"lr_patience must be at most {MAX_EPOCHS:,}", self.lr_patience)
        _require_one_of("plateau_on", ("val_loss", "train_loss"), self.plateau_on)
        _require(0 <= self.momentum < 1, "momentum must be from 0 to below 1", self.momentum)
        if self.peak_momentum is not None:
            _require(0 <= self.peak_momentum < 1, "peak_momentum must be from 0 to below 1", self.peak_momentum)
        _require(not self.nesterov or self.momentum > 0, "Nesterov needs a momentum above 0", self.momentum)
        _require(self.weight_decay >= 0, "weight_decay must be at least 0", self.weight_decay)
        _require(0 <= self.label_smoothing < 1, "label_smoothing must be from 0 to below 1", self.label_smoothing)
        _require(self.clip_norm is None or self.clip_norm > 0, "clip_norm must be above 0", self.clip_norm)
        _require(0 <= self.rotation <= 180, "rotation must be from 0 to 180 degrees", self.rotation)
        _require(0 <= self.translation <= 1, "translation must be from 0 to 1", self.translation)
        _require(0 <= self.scale < 1, "scale must be from 0 to below 1", self.scale)
        _require_one_of("class_weights", CLASS_WEIGHTS, self.class_weights)
        for name in ("flip", "shift", "brightness"):
            _require(0 <= getattr(self, name) <= 1, f"{name} must be from 0 to 1", getattr(self, name))
        _require(0 <= self.contrast < 1, "contrast must be from 0 to below 1", self.contrast)
        _require(0 <= self.plain_share <= 1, "plain_share must be from 0 to 1", self.plain_share)
        _require(
            0 <= self.plain_epochs <= self.epochs,
            f"plain_epochs must be from 0 to epochs ({self.epochs})",
            self.plain_epochs,
        )
        _require(self.pixel_std is None or self.pixel_std > 0, "pixel_std must be above 0", self.pixel_std)
        _require(
            self.stop_accuracy is None or 0 < self.stop_accuracy <= 1,
            "stop_accuracy must be above 0 and at most 1",
            self.stop_accuracy,
        )
        _require(self.patience is None or self.patience >= 1, "patience must be at least 1", self.patience)
        within = self.patience is None or self.patience <= MAX_EPOCHS
        _require(within, f"patience must be at most {MAX_EPOCHS:,}", self.patience)

    def with_epochs(self, epochs: int) -> "TrainingConfig":
        """Return the same training with another number of epochs; at least the first stays augmented."""
        return replace(self, epochs=epochs, plain_epochs=fitting_plain_epochs(self.plain_epochs, epochs))

    @property
    def augments(self) -> bool:
        """Whether any image is augmented in any epoch."""
        changes = self.moves_pixels or self.changes_tones
        return changes and self.plain_share < 1 and self.plain_epochs < self.epochs

    @property
    def moves_pixels(self) -> bool:
        """Whether augmentation moves the pixels of images."""
        return max(self.rotation, self.translation, self.scale, self.flip, self.shift) > 0

    @property
    def changes_tones(self) -> bool:
        """Whether augmentation changes the values of pixels."""
        return max(self.brightness, self.contrast) > 0


def fitting_plain_epochs(plain_epochs: int, epochs: int) -> int:
    """Return how many of the last epochs are not augmented: ``plain_epochs``, but never the first epoch."""
    return max(0, min(plain_epochs, epochs - 1))


@dataclass(frozen=True, slots=True)
class CandidateSpec:
    """What one trial trains. Two candidates are equal when all their fields are equal."""

    architecture: ArchitectureSpec
    training: TrainingConfig = field(default_factory=TrainingConfig)

    @property
    def num_params(self) -> int:
        return num_params(self.architecture)

    def to_json(self) -> dict[str, Any]:
        return {
            "notation": str(self.architecture),
            "architecture": self.architecture.to_json(),
            "training": stored_fields(self.training),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "CandidateSpec":
        """Read the output of `to_json`. Raises `InputError` for an unknown field or an invalid value."""
        layers, training = data.get("architecture"), data.get("training")
        if not isinstance(layers, list) or not isinstance(training, dict):
            raise InputError("a candidate has a list of layers under 'architecture' and settings under 'training'")
        known = {item.name for item in fields(TrainingConfig)}
        if unknown := sorted(set(training) - known):
            raise InputError(f"unknown training setting {unknown[0]!r}; known are {', '.join(sorted(known))}")
        return cls(ArchitectureSpec.from_json(layers), TrainingConfig(**training))

    @property
    def key(self) -> str:
        """A short hash that is equal for equal candidates, across processes and versions of Python."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _require(holds: bool, rule: str, value: object) -> None:
    if not holds:
        raise InputError(f"{rule}, not {shortened(value)}")


def _require_one_of(field_name: str, names: tuple[str, ...], value: str) -> None:
    _require(value in names, f"{field_name} must be {', '.join(names[:-1])} or {names[-1]}", value)
