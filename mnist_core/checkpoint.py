"""Models as files that stand alone: safetensors for PyTorch, ONNX to run anywhere (docs/model-files.md)."""

import contextlib
import importlib
import io
import json
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from mnist_core.data import Dataset
from mnist_core.evaluation import BATCH_SIZE, predict_logits
from mnist_core.model import build_model
from space.candidate import CandidateSpec
from space.errors import InputError

PRODUCER = "small-model-search"
FORMAT_VERSION = 1
OPSET = 18
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
_CLASS_NAMES = {
    "fashion-mnist": (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    "kmnist": ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
}
"""In the order of the labels; the other datasets' classes are the digits themselves."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A trained model with what it takes to use it and to know where it came from."""

    candidate: CandidateSpec
    weights: dict[str, Tensor]
    """The module's ``state_dict``, in fp32 on the CPU (see `cpu_weights`)."""
    mean: float
    """Mean of the training pixels, scaled to 0..1; the model takes (pixel - mean) / std."""
    std: float
    dataset: str
    dataset_sha256: str
    val_accuracy: float | None
    """Fraction of the validation images, of these weights; None for a model that was trained on them too."""
    seed: int
    """The seed that `build_model` and `train` were given."""
    trial: int | None = None
    """Number of the trial in its study; None for a model trained on its own."""
    torch_version: str = str(torch.__version__)
    """Of the PyTorch that trained it."""

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
        """What a training on ``data`` has made of ``candidate``; ``weights`` are those of `cpu_weights`."""
        return cls(candidate, weights, data.mean, data.std, data.name, data.sha256, val_accuracy, seed, trial)

    @property
    def class_names(self) -> tuple[str, ...]:
        """What each logit stands for."""
        return _CLASS_NAMES.get(self.dataset, tuple(map(str, range(self.candidate.architecture.num_classes))))


def cpu_weights(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the ``state_dict`` on the CPU, which further training leaves as it is."""
    return {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}


def restore_model(checkpoint: Checkpoint) -> nn.Sequential:
    """The trained module in evaluation mode: (N, 1, 28, 28) normalised pixels to (N, num_classes) logits."""
    model = build_model(checkpoint.candidate.architecture)
    model.load_state_dict(checkpoint.weights)
    return model.eval()


def checkpoint_logits(checkpoint: Checkpoint, images: NDArray[np.uint8]) -> Tensor:
    """(N, 28, 28) bytes to the (N, num_classes) fp32 logits of the trained model, on the CPU."""
    return predict_logits(restore_model(checkpoint), torch.tensor(images), mean=checkpoint.mean, std=checkpoint.std)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a safetensors file, whole or not at all; equal checkpoints give equal bytes.

    Raises `InputError` where the file cannot be written.
    """
    metadata = {
        "format": FORMAT_VERSION,
        "candidate": checkpoint.candidate.to_json(),
        "num_params": checkpoint.candidate.num_params,
        "class_names": checkpoint.class_names,
        **{name: getattr(checkpoint, name) for name in _PLAIN_FIELDS},
    }
    # Training leaves the weights in channels_last, which safetensors does not store.
    weights = {name: tensor.contiguous() for name, tensor in checkpoint.weights.items()}
    # All under one key: safetensors writes several in an order that changes from run to run.
    write_whole(path, save(weights, {PRODUCER: json.dumps(metadata, sort_keys=True)}))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read what `save_checkpoint` wrote.

    Raises `InputError` for a file that is missing, is not one of ours, or holds weights that do not fit its
    architecture.
    """
    if not path.is_file():
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
        )
    except KeyError as error:
        raise InputError(f"{path}: its metadata lack {error}") from None
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"{path}: its metadata can't be used: {error}") from None
    if problem := _misfit(checkpoint):
        raise InputError(f"{path}: its weights do not fit '{checkpoint.candidate.architecture}': {problem}")
    return checkpoint


def export_onnx(path: Path, checkpoint: Checkpoint) -> None:
    """Write an ONNX model from ``pixels``, (N, 1, 28, 28) float32 of 0..1, to ``logits``, (N, classes).

    Normalisation is part of the graph and N is free. The file has no external data, tells nothing of the
    machine that wrote it, and is the same byte for byte when written again with the same versions of torch
    and onnxscript. Raises `InputError` where the onnx extra is not installed or the file cannot be written.
    """
    require("onnx", "onnxscript")
    import onnx

    module = FromPixels(restore_model(checkpoint), checkpoint.mean, checkpoint.std).eval()
    with silence():
        program = torch.onnx.export(
            module,
            # Two images: with one, the exporter would take N = 1 for a constant.
            (torch.zeros(2, 1, 28, 28),),
            dynamo=True,
            opset_version=OPSET,
            input_names=["pixels"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("N")},),
            external_data=False,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    clear_notes(model)
    onnx.helper.set_model_props(model, onnx_properties(checkpoint))
    write_whole(path, model.SerializeToString(deterministic=True))


def onnx_properties(checkpoint: Checkpoint) -> dict[str, str]:
    """What an ONNX file tells of its model."""
    properties = {
        "producer": PRODUCER,
        "notation": str(checkpoint.candidate.architecture),
        "num_params": str(checkpoint.candidate.num_params),
        "class_names": json.dumps(checkpoint.class_names),
        "dataset": checkpoint.dataset,
        "dataset_sha256": checkpoint.dataset_sha256,
    }
    if checkpoint.val_accuracy is not None:
        properties["val_accuracy"] = repr(checkpoint.val_accuracy)
    return properties


def onnx_accuracy(path: Path, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
    """Fraction of (N, 28, 28) bytes whose highest logit is their label's, by onnxruntime on one CPU thread.

    Raises `InputError` for a file that is missing or no ONNX model, or where onnxruntime is not installed.
    """
    require("onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from None
    except Exception as error:  # onnxruntime's own errors have no other base class
        raise InputError(f"{path} is not an ONNX model: {str(error).splitlines()[0]}") from None
    num_right = 0
    for first in range(0, len(labels), BATCH_SIZE):
        batch = slice(first, first + BATCH_SIZE)
        pixels = images[batch, np.newaxis].astype(np.float32) / np.float32(255)
        (logits,) = session.run(["logits"], {"pixels": pixels})
        num_right += int((logits.argmax(axis=1) == labels[batch]).sum())
    return num_right / len(labels)


class FromPixels(nn.Module):
    """A model with its normalisation before it: (N, 1, 28, 28) pixels of 0..1 to logits."""

    def __init__(self, net: nn.Module, mean: float, std: float) -> None:
        super().__init__()
        self.net = net
        self.mean = mean
        self.std = std

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.net((pixels - self.mean) / self.std)
        return logits


def _misfit(checkpoint: Checkpoint) -> str | None:
    """What is wrong with the weights, in a few words; None where they fit."""
    # On the meta device, which holds shapes only: a damaged file must not make us allocate what it claims.
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


def clear_notes(model: Any) -> None:
    """Remove what the exporter notes beside every item: stack traces with source paths, most of it."""
    graph = model.graph
    for item in (
        model,
        graph,
        *graph.input,
        *graph.output,
        *graph.value_info,
        *graph.initializer,
        *graph.node,
    ):
        item.ClearField("metadata_props")
        item.ClearField("doc_string")


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Swallow the exporter's progress lines and its warnings about its own deprecated parts."""
    chatter = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(chatter), contextlib.redirect_stderr(chatter):
        warnings.simplefilter("ignore")
        yield


def require(*packages: str) -> None:
    """Raises `InputError`, with the extra that brings it, where a package is not installed."""
    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError:
            raise InputError(f"this needs the package {package}: pip install '{PRODUCER}[onnx]'") from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is never seen half written. Raises `InputError` where it can't be written."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
