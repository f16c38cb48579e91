"""The sections of a search space: ranges and menus, each checked when it is read."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from space.candidate import MAX_BATCH_SIZE, MAX_EPOCHS, MAX_SETTING
from space.layers import INPUT_SHAPE, MAX_WIDTH, Conv, Shape, check_input_shape

DROPOUT_STEP = 0.01
NUM_CLASSES = 10

Convolution = Literal["plain", "separable"]
PoolKind = Literal["max", "average", "stride"]
"""What halves the maps between two stages: a pool of 2x2, or a stride of 2 in the first convolution after."""

_Number = TypeVar("_Number", int, float)
_Choice = TypeVar("_Choice", bound=int | str)


def _ordered(bounds: tuple[_Number, _Number]) -> tuple[_Number, _Number]:
    if bounds[0] > bounds[1]:
        raise ValueError("a range reads [low, high], low first")
    return bounds


def _distinct(choices: tuple[_Choice, ...]) -> tuple[_Choice, ...]:
    if len(set(choices)) != len(choices):
        raise ValueError("each choice is given once")
    return choices


def _shape(shape: Shape) -> Shape:
    check_input_shape(shape)
    return shape


def _in_dropout_steps(bounds: tuple[float, float]) -> tuple[float, float]:
    if any(bound != round(bound, 2) for bound in bounds):
        raise ValueError(f"a dropout rate is a multiple of {DROPOUT_STEP}")
    return bounds


# Upper ends keep a typing error from filling the memory.
_NumLayers = Annotated[int, Field(ge=1, le=16, strict=True)]
_Width = Annotated[int, Field(ge=1, le=1024, strict=True)]
_PositiveFloat = Annotated[float, Field(gt=0, le=MAX_SETTING, allow_inf_nan=False, strict=True)]
_Fraction = Annotated[float, Field(ge=0, lt=1, strict=True)]
_OptionalShare = Annotated[
    tuple[Annotated[float, Field(ge=0, le=1, strict=True)], Annotated[float, Field(ge=0, le=1, strict=True)]],
    AfterValidator(_ordered),
]
_LogRange = Annotated[tuple[_PositiveFloat, _PositiveFloat], AfterValidator(_ordered)]
_FractionRange = Annotated[tuple[_Fraction, _Fraction], AfterValidator(_ordered)]
_Strength = Annotated[float, Field(ge=0, le=5, strict=True)]
_BatchSize = Annotated[int, Field(ge=2, le=MAX_BATCH_SIZE, strict=True)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_ADDED_LATER: dict[str, JsonValue] = {"added_later": True}
"""Marks keys that spaces stored by earlier versions do not have. Without such a key a stored space means what it meant
then, which is the key's default here; at that default the key is not written, so that the text stays the same."""


class Stage(Section):
    """Convolutions between two pools: ranges of their number and widths; their kernel and kind are shared."""

    layers: Annotated[tuple[_NumLayers, _NumLayers], AfterValidator(_ordered)]
    width: Annotated[tuple[_Width, _Width], AfterValidator(_ordered)]
    kernel: Literal[1, 3, 5] = 3
    padding: Literal["same", "valid"] = "same"
    convolution_choices: Annotated[tuple[Convolution, ...], Field(min_length=1), AfterValidator(_distinct)] = Field(
        default=("plain",), json_schema_extra=_ADDED_LATER
    )
    unpadded: Annotated[int, Field(ge=0, le=16, strict=True)] = Field(default=0, json_schema_extra=_ADDED_LATER)
    """Number of convolutions at the stage's end that are not padded, whatever its padding is."""

    def convs(self, widths: Sequence[int], dropout: float, *, separable: bool) -> list[Conv]:
        padded = len(widths) - self.unpadded if self.padding == "same" else 0
        return [
            Conv(
                width,
                kernel=self.kernel,
                padding=self.kernel // 2 if position < padded else 0,
                dropout=dropout,
                separable=separable,
            )
            for position, width in enumerate(widths)
        ]


class ArchitectureRanges(Section):
    dropout: Annotated[_FractionRange, AfterValidator(_in_dropout_steps)]
    pool_choices: Annotated[tuple[PoolKind, ...], Field(min_length=1), AfterValidator(_distinct)] = Field(
        default=("max",), json_schema_extra=_ADDED_LATER
    )
    input_shape: Annotated[tuple[int, int, int], AfterValidator(_shape)] = Field(
        default=INPUT_SHAPE, json_schema_extra=_ADDED_LATER
    )
    """(channels, height, width) of the images."""
    num_classes: Annotated[int, Field(ge=2, le=MAX_WIDTH, strict=True)] = Field(
        default=NUM_CLASSES, json_schema_extra=_ADDED_LATER
    )


class TrainingRanges(Section):
    batch_size_choices: Annotated[tuple[_BatchSize, ...], Field(min_length=1), AfterValidator(_distinct)]
    max_lr: _LogRange
    weight_decay: _LogRange
    label_smoothing: _FractionRange
    augmentation: Annotated[tuple[_Strength, _Strength], AfterValidator(_ordered)]
    flip: _OptionalShare = Field(default=(0.0, 0.0), json_schema_extra=_ADDED_LATER)
    shift: _OptionalShare = Field(default=(0.0, 0.0), json_schema_extra=_ADDED_LATER)
    brightness: _OptionalShare = Field(default=(0.0, 0.0), json_schema_extra=_ADDED_LATER)
    contrast: _FractionRange = Field(default=(0.0, 0.0), json_schema_extra=_ADDED_LATER)
    plain_epochs: Annotated[int, Field(ge=0, le=MAX_EPOCHS, strict=True)] = Field(
        default=0, json_schema_extra=_ADDED_LATER
    )
    precise_batch_norm: Annotated[bool, Field(strict=True)] = Field(default=False, json_schema_extra=_ADDED_LATER)
    class_weights: Literal["none", "balanced"] = Field(default="none", json_schema_extra=_ADDED_LATER)


def is_added_later(section: type[Section], key: str) -> bool:
    """Return whether spaces stored by earlier versions may lack the key."""
    field = section.model_fields.get(key)
    return field is not None and field.json_schema_extra == _ADDED_LATER
