"""A trained model, with everything needed to use it, as a safetensors file (docs/model-files.md)."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from mnist_core.data import Dataset, known_class_names
from mnist_core.datasets.sources import ImageSource
from mnist_core.evaluation import predict_logits
from mnist_core.files import write_whole
from mnist_core.model import build_model
from space.candidate import MAX_SETTING, CandidateSpec
from space.errors import InputError, shortened
from space.files import has_file

PRODUCER = "small-model-search"
FORMAT_VERSION = 1
_PLAIN_FIELDS = (
    "mean",
    "std",
    "dataset",
    "dataset_sha256",
    "val_accuracy",
    "seed",
    "trial",
    "torch_version",
)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A trained model with everything needed to use it and to trace its origin."""

    candidate: CandidateSpec
    weights: dict[str, Tensor]
    """The module's ``state_dict``, in fp32 on the CPU (see `cpu_weights`)."""
    mean: float
    """Mean of the training pixels, scaled to 0..1; the model takes (pixel - mean) / std."""
    std: float
    dataset: str
    dataset_sha256: str
    val_accuracy: float | None
    """Validation accuracy of these weights, as a fraction; None if the model was also trained on those images."""
    seed: int
    """Seed that was passed to `build_model` and `train`."""
    trial: int | None = None
    """Number of the trial in its study; None for a model trained on its own."""
    torch_version: str = str(torch.__version__)
    """Version of PyTorch that trained the model."""
    class_names: tuple[str, ...] = ()
    """Name of the class of each logit; where it is not given, that of the dataset, or the number of the logit."""

    source: ImageSource | None = None
    """Where images of one's own were read from; None for a dataset with a name."""

    def __post_init__(self) -> None:
        if not self.class_names:
            names = known_class_names(self.dataset, self.candidate.architecture.num_classes)
            object.__setattr__(self, "class_names", names)

    @classmethod
    def trained_on(
        cls,
        data: Dataset,
        candidate: CandidateSpec,
        weights: dict[str, Tensor],
        *,
        val_accuracy: float | None,
        seed: int,
        trial: int | None = None,
    ) -> "Checkpoint":
        """Return the checkpoint of ``candidate`` after training on ``data``; ``weights`` come from `cpu_weights`."""
        return cls(
            candidate,
            weights,
            data.mean,
            data.std,
            data.name,
            data.sha256,
            val_accuracy,
            seed,
            trial,
            class_names=data.class_names,
            source=data.source,
        )


def cpu_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of the ``state_dict`` on the CPU, which further training does not change."""
    return {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}


def restore_model(checkpoint: Checkpoint) -> nn.Sequential:
    """Return the trained module in evaluation mode: (N, channels, height, width) normalised pixels to logits."""
    model = build_model(checkpoint.candidate.architecture)
    model.load_state_dict(checkpoint.weights)
    return model.eval()


def checkpoint_logits(checkpoint: Checkpoint, images: NDArray[np.uint8]) -> Tensor:
    """Return the trained model's (N, num_classes) fp32 logits for (N, height, width, channels) bytes, from the CPU."""
    return predict_logits(restore_model(checkpoint), torch.tensor(images), mean=checkpoint.mean, std=checkpoint.std)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a safetensors file, whole or not at all; equal checkpoints give equal bytes.

    Raises `InputError` if the file cannot be written.
    """
    metadata = {
        "format": FORMAT_VERSION,
        "candidate": checkpoint.candidate.to_json(),
        "num_params": checkpoint.candidate.num_params,
        "class_names": checkpoint.class_names,
        **{name: getattr(checkpoint, name) for name in _PLAIN_FIELDS},
        **({} if checkpoint.source is None else {"source": checkpoint.source.to_json()}),
    }
    # Training leaves the weights in channels_last, which safetensors can't store.
    weights = {name: tensor.contiguous() for name, tensor in checkpoint.weights.items()}
    # All metadata is under one key: safetensors writes several keys in an order that changes from run to run.
    write_whole(path, save(weights, {PRODUCER: json.dumps(metadata, sort_keys=True)}))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a file written by `save_checkpoint`.

    Raises `InputError` if the file is missing, is not a checkpoint, or holds weights that do not fit its architecture.
    """
    if not has_file(path, str(path)):
        raise InputError(f"there is no model file {path}")
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(PRODUCER)
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} can't be read as safetensors: {error}") from None
    if text is None:
        raise InputError(f"{path} holds no '{PRODUCER}' metadata: it was not written by this program")
    try:
        metadata = json.loads(text)
        if metadata["format"] != FORMAT_VERSION:
            raise InputError(f"format {metadata['format']}, where this version reads {FORMAT_VERSION}")
        checkpoint = Checkpoint(
            candidate=CandidateSpec.from_json(metadata["candidate"]),
            weights=weights,
            **{name: metadata[name] for name in _PLAIN_FIELDS},
            class_names=tuple(metadata.get("class_names", ())),
            source=ImageSource.from_json(metadata["source"]) if "source" in metadata else None,
        )
    except KeyError as error:
        raise InputError(f"{path}: its metadata lack {error}") from None
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"{path}: its metadata can't be used: {error}") from None
    if problem := _senseless(checkpoint):
        raise InputError(f"{path}: its metadata can't be used: {problem}")
    if problem := _misfit(checkpoint):
        raise InputError(f"{path}: its weights do not fit '{checkpoint.candidate.architecture}': {problem}")
    return checkpoint


def _senseless(checkpoint: Checkpoint) -> str | None:
    """Describe the first field whose value no training leaves; None if there is none."""
    mean, std, accuracy = checkpoint.mean, checkpoint.std, checkpoint.val_accuracy
    for name, holds in (
        ("mean", _is_number(mean) and abs(mean) <= MAX_SETTING),
        ("std", _is_number(std) and 0 < std <= MAX_SETTING),
        ("val_accuracy", accuracy is None or (_is_number(accuracy) and 0 <= accuracy <= 1)),
        ("seed", type(checkpoint.seed) is int and 0 <= checkpoint.seed < 2**63),
        ("class_names", all(isinstance(name, str) for name in checkpoint.class_names)),
        ("trial", checkpoint.trial is None or (type(checkpoint.trial) is int and 0 <= checkpoint.trial < 2**63)),
        *((name, isinstance(getattr(checkpoint, name), str)) for name in ("dataset", "dataset_sha256")),
    ):
        if not holds:
            return f"{name} is {shortened(getattr(checkpoint, name))}"
    return None


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def _misfit(checkpoint: Checkpoint) -> str | None:
    """Describe in a few words why the weights do not fit the architecture; None if they do."""
    # The meta device holds only shapes: a damaged file must not make us allocate the sizes it claims.
    with torch.device("meta"):
        expected = build_model(checkpoint.candidate.architecture).state_dict()
    if missing := sorted(expected.keys() - checkpoint.weights.keys()):
        return f"'{missing[0]}' is missing"
    if extra := sorted(checkpoint.weights.keys() - expected.keys()):
        return f"'{extra[0]}' belongs to no layer"
    for name, tensor in expected.items():
        given = checkpoint.weights[name]
        if (given.shape, given.dtype) != (tensor.shape, tensor.dtype):
            return f"'{name}' is {_describe(given)}, not {_describe(tensor)}"
    return None


def _describe(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
