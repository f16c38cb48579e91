"""A candidate: an architecture together with how it is trained."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from space.architecture import ArchitectureSpec, num_params
from space.errors import InputError
from space.fields import check_types


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """SGD with (Nesterov) momentum under one OneCycle, on augmented images."""

    epochs: int = 15
    batch_size: int = 64
    """Images per step. A last batch of a single image joins the one before it."""
    max_lr: float = 0.1
    """Peak learning rate of the OneCycle."""
    pct_start: float = 0.2
    """Share of the steps spent rising to `max_lr`."""
    div_factor: float = 25.0
    """`max_lr` over the first step's learning rate."""
    final_div_factor: float = 1e4
    """The first step's learning rate over the last step's."""
    anneal: str = "cos"
    """``cos`` or ``linear``: the form of both halves of the cycle."""
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 1e-4
    """L2 penalty added to each gradient, BatchNorm's and biases' included."""
    label_smoothing: float = 0.0
    clip_norm: float | None = None
    """Largest norm of the whole gradient; None leaves it as it is."""
    rotation: float = 10.0
    """Largest rotation either way, in degrees."""
    translation: float = 0.1
    """Largest shift in each direction, as a fraction of the image's side."""
    scale: float = 0.1
    """Largest change of size either way, as a fraction."""

    def __post_init__(self) -> None:
        check_types(self)
        _require(self.epochs >= 1, "epochs must be at least 1", self.epochs)
        _require(self.batch_size >= 2, "batch_size must be at least 2", self.batch_size)
        _require(self.max_lr > 0, "max_lr must be above 0", self.max_lr)
        _require(0 <= self.pct_start <= 1, "pct_start must be from 0 to 1", self.pct_start)
        _require(self.div_factor > 0, "div_factor must be above 0", self.div_factor)
        _require(self.final_div_factor > 0, "final_div_factor must be above 0", self.final_div_factor)
        _require(self.anneal in ("cos", "linear"), "anneal must be cos or linear", self.anneal)
        _require(0 <= self.momentum < 1, "momentum must be from 0 to below 1", self.momentum)
        _require(not self.nesterov or self.momentum > 0, "Nesterov needs a momentum above 0", self.momentum)
        _require(self.weight_decay >= 0, "weight_decay must be at least 0", self.weight_decay)
        _require(0 <= self.label_smoothing < 1, "label_smoothing must be from 0 to below 1", self.label_smoothing)
        _require(self.clip_norm is None or self.clip_norm > 0, "clip_norm must be above 0", self.clip_norm)
        _require(0 <= self.rotation <= 180, "rotation must be from 0 to 180 degrees", self.rotation)
        _require(0 <= self.translation <= 1, "translation must be from 0 to 1", self.translation)
        _require(0 <= self.scale < 1, "scale must be from 0 to below 1", self.scale)


@dataclass(frozen=True, slots=True)
class CandidateSpec:
    """What one trial trains. Two candidates are the same when all their fields are equal."""

    architecture: ArchitectureSpec
    training: TrainingConfig = field(default_factory=TrainingConfig)

    @property
    def num_params(self) -> int:
        return num_params(self.architecture)

    def to_json(self) -> dict[str, Any]:
        return {
            "notation": str(self.architecture),
            "architecture": self.architecture.to_json(),
            "training": asdict(self.training),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "CandidateSpec":
        """Read what `to_json` gave. Raises `InputError` for an unknown or impossible field."""
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
        raise InputError(f"{rule}, not {value}")
