"""The ranges a search samples from, and the conversion of a trial's parameters to a candidate."""

import difflib
import itertools
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Protocol, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from space.architecture import ArchitectureSpec, num_params
from space.candidate import CLASS_WEIGHTS, CandidateSpec, TrainingConfig, fitting_plain_epochs
from space.errors import InputError, shortened
from space.files import has_file
from space.layers import AveragePool, GlobalAveragePool, Layer, Linear, MaxPool, Shape, format_shape
from space.ranges import (
    DROPOUT_STEP,
    ArchitectureRanges,
    Convolution,
    PoolKind,
    Section,
    Stage,
    TrainingRanges,
    is_added_later,
)

# Augmentation at strength 1. MNIST's digits are centred: shifting them further gains nothing (docs/decisions.md).
UNIT_ROTATION, UNIT_TRANSLATION, UNIT_SCALE = 10.0, 0.05, 0.1

NATURAL_SETTINGS = ("flip", "shift", "brightness", "contrast")
"""Settings of augmentation that are parameters of a trial only where a space gives them a range."""

_Choice = TypeVar("_Choice", bound=int | str)


class Trial(Protocol):
    """The part of `optuna.trial.Trial` that `SearchSpace.suggest_candidate` needs."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int: ...

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float: ...

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any: ...


class SearchSpace(Section):
    """The ranges of every candidate a search may try.

    A net has stages of convolutions without bias, each with BatchNorm and ReLU, and a 2x2 pool or a stride of 2 between
    stages; then global average pooling and a 1x1 classifier with bias. The first convolution is never separable.
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
        has_file(path, f"the space file {path}")
        try:
            return cls._read(path.read_text(encoding="utf-8"), _default_tables(), str(path))
        except OSError as error:
            raise InputError(f"the space file {path} can't be read: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise InputError(f"the space file {path} is not TOML: {error}") from None

    @classmethod
    def from_stored(cls, text: str) -> Self:
        """Read the output of `to_toml`, of this version or of an earlier one. Raises `InputError` for anything else."""
        defaults = _default_tables()
        for name in ("architecture", "training"):
            kept = {key: value for key, value in defaults[name].items() if not is_added_later(_SECTIONS[name], key)}
            defaults[name] = kept
        return cls._read(text, defaults, "the stored space")

    def for_images(self, input_shape: Shape, num_classes: int) -> Self:
        """Return the same space for other images. Raises `InputError` for images that its deepest net can't take."""
        images = {"input_shape": input_shape, "num_classes": num_classes}
        tables = self.model_dump()
        tables["architecture"] |= images
        return self._validate(tables, f"the space, for images of {format_shape(input_shape)}")

    @classmethod
    def _read(cls, text: str, defaults: dict[str, Any], source: str) -> Self:
        try:
            tables = tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            # The text is not TOML, or holds numbers too long or lists too deep for the parser.
            raise InputError(f"the space file {source} is not TOML: {error}") from None
        merged = dict(defaults)
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
            for kinds in self._kinds_of_stages():
                self._architecture([[stage.width[0]] * stage.layers[1] for stage in self.stage], kinds)
        except InputError as error:
            deepest = " + ".join(str(stage.layers[1]) for stage in self.stage)
            raise ValueError(f"its deepest net, of {deepest} layers, can't be built: {error}") from None
        return self

    @cached_property
    def smallest(self) -> ArchitectureSpec:
        """An architecture of the space with the fewest parameters."""
        # A narrower layer never adds parameters, and among layers of one width, fewer layers always have fewer.
        widths = [[stage.width[0]] * stage.layers[0] for stage in self.stage]
        pool = self.architecture.pool_choices[0]
        return min((self._architecture(widths, kinds, pool) for kinds in self._kinds_of_stages()), key=num_params)

    def narrowest_nets(self) -> Iterator[ArchitectureSpec]:
        """Yield the net of the least widths of every depth, kind of convolutions and kind of pools.

        Wider layers take no less of anything, so if none of these nets is within some limits, no net of the space is.
        """
        depths = itertools.product(*(range(stage.layers[0], stage.layers[1] + 1) for stage in self.stage))
        for layers, kinds, pool in itertools.product(depths, self._kinds_of_stages(), self.architecture.pool_choices):
            widths = [[stage.width[0]] * depth for stage, depth in zip(self.stage, layers, strict=True)]
            yield self._architecture(widths, kinds, pool)

    def _kinds_of_stages(self) -> Iterable[tuple[Convolution, ...]]:
        return itertools.product(*(stage.convolution_choices for stage in self.stage))

    def usual_training(self, epochs: int, **sampled: Any) -> TrainingConfig:
        """Return the training of a net that comes without one: the defaults and the settings that this space fixes.

        ``sampled`` holds settings that are known otherwise, by name.
        """
        ranges = self.training
        plain_epochs = fitting_plain_epochs(ranges.plain_epochs, epochs)
        return TrainingConfig(
            epochs=epochs,
            plain_epochs=plain_epochs,
            precise_batch_norm=ranges.precise_batch_norm,
            class_weights=ranges.class_weights,
            **sampled,
        )

    def with_class_weights(self, class_weights: str) -> Self:
        """Return the space with another setting of class weights, one of `CLASS_WEIGHTS`."""
        assert class_weights in CLASS_WEIGHTS
        return self.model_copy(update={"training": self.training.model_copy(update={"class_weights": class_weights})})

    def suggest_candidate(self, trial: Trial, *, epochs: int) -> CandidateSpec:
        """Sample every parameter of the space from ``trial`` and build a candidate from them.

        The space is static: widths of layers that this candidate does not have are sampled too, since a conditional
        space makes multivariate TPE fall back to independent sampling.
        """
        widths, kinds = [], []
        for i, stage in enumerate(self.stage, start=1):
            kinds.append(_choose(trial, f"stage{i}_convolution", stage.convolution_choices))
            depth = trial.suggest_int(f"stage{i}_layers", *stage.layers)
            stage_widths = [
                trial.suggest_int(f"stage{i}_width{j}", *stage.width, log=True) for j in range(1, stage.layers[1] + 1)
            ]
            widths.append(stage_widths[:depth])
        pool = _choose(trial, "pool", self.architecture.pool_choices)
        dropout = trial.suggest_float("dropout", *self.architecture.dropout, step=DROPOUT_STEP)
        ranges = self.training
        batch_size = trial.suggest_categorical("batch_size", ranges.batch_size_choices)
        max_lr = trial.suggest_float("max_lr", *ranges.max_lr, log=True)
        weight_decay = trial.suggest_float("weight_decay", *ranges.weight_decay, log=True)
        label_smoothing = trial.suggest_float("label_smoothing", *ranges.label_smoothing)
        strength = trial.suggest_float("augmentation", *ranges.augmentation)
        training = self.usual_training(
            epochs,
            batch_size=batch_size,
            max_lr=max_lr,
            weight_decay=weight_decay,
            label_smoothing=label_smoothing,
            rotation=strength * UNIT_ROTATION,
            translation=strength * UNIT_TRANSLATION,
            scale=strength * UNIT_SCALE,
            flip=_sample(trial, "flip", ranges.flip),
            shift=_sample(trial, "shift", ranges.shift),
            brightness=_sample(trial, "brightness", ranges.brightness),
            contrast=_sample(trial, "contrast", ranges.contrast),
        )
        return CandidateSpec(self._architecture(widths, kinds, pool, round(dropout, 2)), training)

    def _architecture(
        self,
        widths: Sequence[Sequence[int]],
        kinds: Sequence[Convolution],
        pool: PoolKind = "max",
        dropout: float = 0.0,
    ) -> ArchitectureSpec:
        layers: list[Layer] = []
        for stage, stage_widths, kind in zip(self.stage, widths, kinds, strict=True):
            convs = stage.convs(stage_widths, dropout, separable=kind == "separable")
            if not layers:
                # Images have few channels, and a depthwise convolution has a single filter for each.
                convs[0] = replace(convs[0], separable=False)
            elif pool == "stride":
                convs[0] = replace(convs[0], stride=2)
            else:
                layers.append(AveragePool() if pool == "average" else MaxPool())
            layers += convs
        head = (GlobalAveragePool(), Linear(self.architecture.num_classes))
        return ArchitectureSpec((*layers, *head), self.architecture.input_shape)

    def to_toml(self) -> str:
        """Return the whole space as TOML that `from_file` reads back to an equal space."""
        return self._toml(stored=False)

    def to_stored(self) -> str:
        """Return the space as TOML that `from_stored` reads back; the same text as from versions with fewer keys."""
        return self._toml(stored=True)

    def _toml(self, *, stored: bool) -> str:
        tables: list[tuple[str, Section]] = [("[[stage]]", stage) for stage in self.stage]
        tables += [("[architecture]", self.architecture), ("[training]", self.training)]
        return "\n".join("\n".join([heading, *_toml_lines(section, stored=stored), ""]) for heading, section in tables)


def _sample(trial: Trial, name: str, bounds: tuple[float, float]) -> float:
    """Sample a number; where the range holds a single one, it is taken without a parameter."""
    return trial.suggest_float(name, *bounds) if bounds[0] < bounds[1] else bounds[0]


def _choose(trial: Trial, name: str, choices: Sequence[_Choice]) -> _Choice:
    """Sample a choice; where there is only one, it is taken without a parameter."""
    return trial.suggest_categorical(name, choices) if len(choices) > 1 else choices[0]


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


_SECTIONS: dict[str, type[Section]] = {
    "stage": Stage,
    "architecture": ArchitectureRanges,
    "training": TrainingRanges,
}


def _default_tables() -> dict[str, Any]:
    return tomllib.loads(resources.files("space").joinpath("default.toml").read_text(encoding="utf-8"))


def _toml_lines(section: Section, *, stored: bool) -> list[str]:
    def value(item: object) -> str:
        if isinstance(item, tuple):
            return "[" + ", ".join(map(value, item)) + "]"
        if isinstance(item, bool):
            return str(item).lower()
        return f'"{item}"' if isinstance(item, str) else repr(item)

    kind = type(section)
    return [
        f"{name} = {value(item)}"
        for name, item in section
        if not (stored and is_added_later(kind, name) and item == kind.model_fields[name].default)
    ]


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
        known = list((_SECTIONS[str(parents[0])] if parents else SearchSpace).model_fields)
        close = difflib.get_close_matches(str(key), known, n=1)
        meant = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(known)}"
        return f"unknown key {where}; {meant}"
    if first["type"] == "missing":
        return f"{where} is missing from {shortened(first['input'])}"
    message = first["msg"].removeprefix("Value error, ").partition(" after validation")[0]
    return f"{where}: {message}, not {shortened(first['input'])}"
