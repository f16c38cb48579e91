"""The ranges a search samples from, and the conversion of a trial's parameters to a candidate."""

import difflib
import math
import random
import tomllib
from collections.abc import Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from space.architecture import ArchitectureSpec
from space.candidate import MAX_BATCH_SIZE, CandidateSpec, TrainingConfig
from space.errors import InputError
from space.layers import Conv, GlobalAveragePool, Layer, Linear, MaxPool

NUM_CLASSES = 10
DROPOUT_STEP = 0.01
# Augmentation at strength 1. MNIST's digits are centred: shifting them further gains nothing (docs/decisions.md).
UNIT_ROTATION, UNIT_TRANSLATION, UNIT_SCALE = 10.0, 0.05, 0.1


_Number = TypeVar("_Number", int, float)


class Trial(Protocol):
    """The part of `optuna.trial.Trial` that `SearchSpace.suggest_candidate` needs."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int: ...

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float: ...

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any: ...


def _ordered(bounds: tuple[_Number, _Number]) -> tuple[_Number, _Number]:
    if bounds[0] > bounds[1]:
        raise ValueError("a range reads [low, high], low first")
    return bounds


def _distinct(choices: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(choices)) != len(choices):
        raise ValueError("each choice is given once")
    return choices


def _in_dropout_steps(bounds: tuple[float, float]) -> tuple[float, float]:
    if any(bound != round(bound, 2) for bound in bounds):
        raise ValueError(f"a dropout rate is a multiple of {DROPOUT_STEP}")
    return bounds


# The upper ends only keep a typing error from filling the memory.
_NumLayers = Annotated[int, Field(ge=1, le=16, strict=True)]
_Width = Annotated[int, Field(ge=1, le=1024, strict=True)]
_PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
_Fraction = Annotated[float, Field(ge=0, lt=1, strict=True)]
_LogRange = Annotated[tuple[_PositiveFloat, _PositiveFloat], AfterValidator(_ordered)]
_FractionRange = Annotated[tuple[_Fraction, _Fraction], AfterValidator(_ordered)]
_Strength = Annotated[float, Field(ge=0, le=5, strict=True)]
_BatchSize = Annotated[int, Field(ge=2, le=MAX_BATCH_SIZE, strict=True)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Stage(_Section):
    """Convolutions between two pools: ranges of their number and widths, and their shared kernel and padding."""

    layers: Annotated[tuple[_NumLayers, _NumLayers], AfterValidator(_ordered)]
    width: Annotated[tuple[_Width, _Width], AfterValidator(_ordered)]
    kernel: Literal[1, 3, 5] = 3
    padding: Literal["same", "valid"] = "same"

    def conv(self, width: int, dropout: float) -> Conv:
        padding = self.kernel // 2 if self.padding == "same" else 0
        return Conv(width, kernel=self.kernel, padding=padding, dropout=dropout)


class ArchitectureRanges(_Section):
    dropout: Annotated[_FractionRange, AfterValidator(_in_dropout_steps)]


class TrainingRanges(_Section):
    batch_size_choices: Annotated[tuple[_BatchSize, ...], Field(min_length=1), AfterValidator(_distinct)]
    max_lr: _LogRange
    weight_decay: _LogRange
    label_smoothing: _FractionRange
    augmentation: Annotated[tuple[_Strength, _Strength], AfterValidator(_ordered)]


class SearchSpace(_Section):
    """The ranges of every candidate a search may try.

    A net has stages of convolutions without bias, each with BatchNorm and ReLU, and a 2x2 max-pool between stages; then
    global average pooling and a 1x1 classifier with bias.
    """

    stage: Annotated[tuple[Stage, ...], Field(min_length=1)]
    architecture: ArchitectureRanges
    training: TrainingRanges

    @classmethod
    def default(cls) -> Self:
        return cls._validate(_default_tables(), "the default space")

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a TOML file laid over the default. Raises `InputError` naming the file, the key and the rule."""
        try:
            return cls.from_toml(path.read_text(encoding="utf-8"), str(path))
        except OSError as error:
            raise InputError(f"the space file {path} can't be read: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise InputError(f"the space file {path} is not TOML: {error}") from None

    @classmethod
    def from_toml(cls, text: str, source: str = "the stored space") -> Self:
        """Read the output of `to_toml`, or any TOML laid over the default. Raises `InputError` naming ``source``."""
        try:
            tables = tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            # The text is not TOML, or holds numbers too long or lists too deep for the parser.
            raise InputError(f"the space file {source} is not TOML: {error}") from None
        merged = _default_tables()
        for name, table in tables.items():
            both_tables = isinstance(table, dict) and isinstance(merged.get(name), dict)
            merged[name] = merged[name] | table if both_tables else table
        return cls._validate(merged, source)

    @classmethod
    def _validate(cls, tables: dict[str, Any], source: str) -> Self:
        try:
            return cls.model_validate(tables)
        except ValidationError as error:
            raise InputError(f"{source}: {_first_error(error)}") from None

    @model_validator(mode="after")
    def _deepest_can_be_built(self) -> Self:
        try:
            self._architecture([[stage.width[0]] * stage.layers[1] for stage in self.stage], dropout=0.0)
        except InputError as error:
            deepest = " + ".join(str(stage.layers[1]) for stage in self.stage)
            raise ValueError(f"its deepest net, of {deepest} layers, can't be built: {error}") from None
        return self

    @cached_property
    def smallest(self) -> ArchitectureSpec:
        """An architecture of the space with the fewest parameters."""
        # A narrower layer never adds parameters, and among layers of one width, fewer layers always have fewer.
        return self._architecture([[stage.width[0]] * stage.layers[0] for stage in self.stage], dropout=0.0)

    def suggest_candidate(self, trial: Trial, *, epochs: int) -> CandidateSpec:
        """Sample every parameter of the space from ``trial`` and build a candidate from them.

        The space is static: widths of layers that this candidate does not have are sampled too, since a conditional
        space makes multivariate TPE fall back to independent sampling.
        """
        widths = []
        for i, stage in enumerate(self.stage, start=1):
            depth = trial.suggest_int(f"stage{i}_layers", *stage.layers)
            stage_widths = [
                trial.suggest_int(f"stage{i}_width{j}", *stage.width, log=True) for j in range(1, stage.layers[1] + 1)
            ]
            widths.append(stage_widths[:depth])
        dropout = trial.suggest_float("dropout", *self.architecture.dropout, step=DROPOUT_STEP)
        ranges = self.training
        batch_size = trial.suggest_categorical("batch_size", ranges.batch_size_choices)
        max_lr = trial.suggest_float("max_lr", *ranges.max_lr, log=True)
        weight_decay = trial.suggest_float("weight_decay", *ranges.weight_decay, log=True)
        label_smoothing = trial.suggest_float("label_smoothing", *ranges.label_smoothing)
        strength = trial.suggest_float("augmentation", *ranges.augmentation)
        training = TrainingConfig(
            epochs=epochs,
            batch_size=batch_size,
            max_lr=max_lr,
            weight_decay=weight_decay,
            label_smoothing=label_smoothing,
            rotation=strength * UNIT_ROTATION,
            translation=strength * UNIT_TRANSLATION,
            scale=strength * UNIT_SCALE,
        )
        return CandidateSpec(self._architecture(widths, round(dropout, 2)), training)

    def _architecture(self, widths: Sequence[Sequence[int]], dropout: float) -> ArchitectureSpec:
        layers: list[Layer] = []
        for stage, stage_widths in zip(self.stage, widths, strict=True):
            if layers:
                layers.append(MaxPool())
            layers += [stage.conv(width, dropout) for width in stage_widths]
        return ArchitectureSpec((*layers, GlobalAveragePool(), Linear(NUM_CLASSES)))

    def to_toml(self) -> str:
        """Return the space as TOML that `from_toml` reads back to an equal space."""
        lines = []
        for stage in self.stage:
            lines += ["[[stage]]", *_toml_lines(stage), ""]
        lines += ["[architecture]", *_toml_lines(self.architecture), ""]
        lines += ["[training]", *_toml_lines(self.training)]
        return "\n".join(lines) + "\n"


def space_differences(was: SearchSpace, now: SearchSpace) -> list[str]:
    """List the keys that differ, with both values, such as ``stage.2.width was [4, 20] and is now [4, 32]``."""
    before, after = _flat(was.model_dump(mode="json")), _flat(now.model_dump(mode="json"))
    return [
        f"{key} was {before.get(key)} and is now {after.get(key)}"
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    """Return the leaves of nested tables by their dotted keys; positions in lists of tables count from 1."""
    if isinstance(value, dict):
        inner = [(str(name), item) for name, item in value.items()]
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        inner = [(str(place), item) for place, item in enumerate(value, start=1)]
    else:
        return {key: value}
    leaves: dict[str, Any] = {}
    for name, item in inner:
        leaves |= _flat(item, f"{key}.{name}" if key else name)
    return leaves


class RandomDraw:
    """A `Trial` that samples every parameter independently from its range and remembers what it drew in `params`."""

    def __init__(self, generator: random.Random) -> None:
        self._generator = generator
        self.params: dict[str, Any] = {}

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        if log:
            # Widening the range by half a unit gives both ends their full share, as Optuna does.
            drawn = round(math.exp(self._generator.uniform(math.log(low - 0.5), math.log(high + 0.5))))
            value = min(max(drawn, low), high)
        else:
            value = self._generator.randint(low, high)
        self.params[name] = value
        return value

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        if step is not None:
            # Clip, since 57 steps of 0.01 come out slightly above 0.57.
            value = min(low + step * self._generator.randint(0, math.floor((high - low) / step + 1e-9)), high)
        elif log:
            drawn = math.exp(self._generator.uniform(math.log(low), math.log(high)))
            value = min(max(drawn, low), high)
        else:
            value = self._generator.uniform(low, high)
        self.params[name] = value
        return value

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self.params[name] = self._generator.choice(choices)
        return self.params[name]


def _default_tables() -> dict[str, Any]:
    return tomllib.loads(resources.files("space").joinpath("default.toml").read_text(encoding="utf-8"))


def _toml_lines(section: _Section) -> list[str]:
    def value(item: object) -> str:
        if isinstance(item, tuple):
            return "[" + ", ".join(map(value, item)) + "]"
        return f'"{item}"' if isinstance(item, str) else repr(item)

    return [f"{name} = {value(item)}" for name, item in section]


def _first_error(error: ValidationError) -> str:
    """Describe the first error in one line: its place, the rule, and the value or the key that was probably meant."""
    # A misspelt key is also reported as a missing one, which helps less.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    if not first["loc"]:
        # The rule about the whole space has the whole file as its input, which is no help in a message.
        return f"'stage': {first['msg'].removeprefix('Value error, ')}"
    *parents, key = first["loc"]
    # Positions in lists are counted from 1, like the names of the stages' parameters.
    where = repr(".".join(str(part + 1) if isinstance(part, int) else part for part in first["loc"]))
    if first["type"] == "extra_forbidden":
        sections: dict[str, type[_Section]] = {
            "stage": Stage,
            "architecture": ArchitectureRanges,
            "training": TrainingRanges,
        }
        known = list((sections[str(parents[0])] if parents else SearchSpace).model_fields)
        close = difflib.get_close_matches(str(key), known, n=1)
        meant = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(known)}"
        return f"unknown key {where}; {meant}"
    if first["type"] == "missing":
        return f"{where} is missing from {first['input']!r}"
    message = first["msg"].removeprefix("Value error, ").partition(" after validation")[0]
    return f"{where}: {message}, not {first['input']!r}"
