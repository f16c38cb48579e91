"""The complete state of a training in one file, from which it resumes as if it had never been interrupted."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mnist_core.checkpoint import PRODUCER
from mnist_core.files import write_whole
from mnist_core.training import TrainingState
from space.errors import InputError
from space.files import has_file
from space.results import EpochResult

FORMAT_VERSION = 1


@dataclass(eq=False)
class TrainingCheckpoint:
    """A training after one of its epochs, or before the first."""

    configuration: dict[str, Any]
    """Model, data and settings as JSON. Training resumes only with an equal configuration."""
    weights: dict[str, Tensor]
    """The model's ``state_dict``, on the CPU."""
    best_weights: dict[str, Tensor]
    """The ``state_dict`` after the first epoch with the highest validation accuracy; empty before the first epoch."""
    state: TrainingState


def save_training(path: Path, checkpoint: TrainingCheckpoint, *, survives_power_cut: bool = True) -> None:
    """Write a safetensors file, whole or not at all. Raises as `write_whole` does if it can't be written.

    A power cut may leave a file that `load_training` refuses, unless the call waits for the disk.
    """
    # Tensors are copied: training leaves weights in channels_last, and safetensors refuses tensors that share memory.
    tensors = {
        f"{part}.{name}": tensor.clone(memory_format=torch.contiguous_format)
        for part, named in (
            ("weights", checkpoint.weights),
            ("best_weights", checkpoint.best_weights),
            ("optimizer", {name: torch.from_numpy(array) for name, array in checkpoint.state.optimizer.items()}),
        )
        for name, tensor in named.items()
    }
    told = {
        "training_format": FORMAT_VERSION,
        "configuration": checkpoint.configuration,
        "results": [asdict(result) for result in checkpoint.state.results],
    }
    metadata = json.dumps({**told, "sha256": _digest(told, tensors)})
    write_whole(path, save(tensors, {PRODUCER: metadata}), survives_power_cut=survives_power_cut)


def load_training(path: Path) -> TrainingCheckpoint:
    """Read a file written by `save_training`. Raises `InputError` if it can't be read or is incomplete."""
    if not has_file(path, str(path)):
        raise _unusable(path, "it is absent")
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(PRODUCER, "{}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        told = json.loads(text)
        digest = told.pop("sha256")
        if told["training_format"] != FORMAT_VERSION:
            raise InputError(f"format {told['training_format']}, where this version reads {FORMAT_VERSION}")
        if digest != _digest(told, tensors):
            raise InputError("its content is not what was written")
        results = [EpochResult(**result) for result in told["results"]]
        configuration = told["configuration"]
    except KeyError as error:
        raise _unusable(path, f"it lacks {error}") from None
    except (SafetensorError, OSError, AttributeError, TypeError, ValueError) as error:
        raise _unusable(path, error) from None

    def part(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

    return TrainingCheckpoint(
        configuration=configuration,
        weights=part("weights."),
        best_weights=part("best_weights."),
        state=TrainingState(results, {name: tensor.numpy() for name, tensor in part("optimizer.").items()}),
    )


def _digest(told: dict[str, Any], tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()


def _unusable(path: Path, reason: object) -> InputError:
    return InputError(f"{path} can't be used ({reason}); restore it, or start again in another folder")
