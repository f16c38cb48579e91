"""The meaning of MODEL on the command line, the same for every command.

It is tried in this order as the name of a reference system, the number of a trial, a model file and the notation of a
net. Torch and Optuna are imported only if needed, so that a notation is read immediately.
"""

import os
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from space.errors import InputError
from space.image_kinds import ImageKind, with_classes, with_shape
from space.notation import parse_net
from space.recipes import RECIPES, Recipe, similar_names

if TYPE_CHECKING:
    from mnist_core.checkpoint import Checkpoint

_TRIAL_NUMBER = re.compile("0|[1-9][0-9]{0,8}")
"""Pattern of a trial number, which does not match 001 and 003: they are reference systems."""
_STRIDE = re.compile(r"\b(?:sep)?[0-9]+(?:k[0-9]+)?(?:s|v|p[0-9]+)?/[0-9]+(?=[+:\s])")
"""Pattern of a convolution with a stride, whose slash makes no path of a net's notation."""
MAX_SHOWN = 80
"""Largest number of characters of MODEL that an error message repeats."""
_MODEL_SUFFIXES = (".safetensors", ".onnx", ".pt2")


def parse_model(text: str) -> Recipe | int | Path | ArchitectureSpec:
    """Parse MODEL as a reference system, a trial's number, the path of a model file, or a net.

    Raises `InputError` for a net that can't be built and, with the closest names of reference systems, for a word that
    is none of these. Does not check whether a trial or a file exists.
    """
    if recipe := RECIPES.get(text):
        return recipe
    if _TRIAL_NUMBER.fullmatch(text):
        return int(text)
    if os.path.lexists(text) or Path(text).suffix in _MODEL_SUFFIXES or os.sep in _STRIDE.sub("", text):
        return Path(text)
    try:
        shape, layers = parse_net(text)
    except InputError as error:
        if len(text.split()) > 1:
            raise
        if close := similar_names(text):
            raise InputError(f"there is no reference system {text!r}; did you mean {' or '.join(close)}?") from None
        raise InputError(f"MODEL is no file that exists and no reference system; as a net: {error}") from None
    return ArchitectureSpec(layers, shape)


def find_architecture(text: str, *, storage: str, study: str | None, kind: ImageKind | None = None) -> ArchitectureSpec:
    """Return the net of a model. Raises `InputError` as `find_candidate` does."""
    # The training that `find_candidate` gives a notation comes from the default space, which takes time to read.
    model = parse_model(text)
    if isinstance(model, ArchitectureSpec):
        return model if kind is None else with_shape(model, kind)
    return find_candidate(text, storage=storage, study=study, kind=kind)[1].architecture


def find_candidate(
    text: str, *, storage: str, study: str | None, kind: ImageKind | None = None
) -> tuple[Recipe | None, CandidateSpec]:
    """Return the candidate of a model, and its recipe if ``text`` names one.

    A net gets the training of the default space. If the images have another ``kind`` than MNIST's, a net that names no
    shape is for theirs, and a recipe has their number of outputs as well. Raises `InputError` if the model does not
    exist or can't be used, also for such images.
    """
    recipe, candidate = _find_candidate(text, storage=storage, study=study)
    if kind is None:
        return recipe, candidate
    architecture = with_shape(candidate.architecture, kind)
    if recipe is not None:
        architecture = with_classes(architecture, kind)
    return recipe, replace(candidate, architecture=architecture)


def _find_candidate(text: str, *, storage: str, study: str | None) -> tuple[Recipe | None, CandidateSpec]:
    match parse_model(text):
        case Recipe() as recipe:
            return recipe, recipe.candidate
        case int(number):
            from studies.storage import Store
            from studies.trials import candidate_of, trained_trial

            store = Store.open_read_only(storage)
            return None, candidate_of(trained_trial(store, store.resolve_study_name(study), number))
        case Path() as path:
            return None, load_model_file(path).candidate
        case ArchitectureSpec() as architecture:
            from space.search_space import SearchSpace

            return None, CandidateSpec(architecture, SearchSpace.default().usual_training(TrainingConfig().epochs))


def load_model(text: str, *, storage: str, study: str | None) -> "Checkpoint":
    """Load a trained model from a model file or, given a trial's number, from a study store.

    Raises `InputError` if the file or store is missing or can't be used, for a trial without weights, and for a net or
    a reference system, which are not trained.
    """
    match parse_model(text):
        case int(number):
            from search.models.loading import load_trial
            from studies.storage import Store

            store = Store.open_read_only(storage)
            return load_trial(store, store.resolve_study_name(study), number)
        case Path() as path:
            return load_model_file(path)
        case Recipe():
            what = "a reference system"
        case ArchitectureSpec():
            what = "a net"
    shown = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
    raise InputError(
        f"{shown} is {what}, not a trained model: 'python -m search train {shlex.quote(shown)} --out DIR' makes one"
    )


def load_model_file(path: Path) -> "Checkpoint":
    """Load a model file. Raises `InputError` if it is missing or not a complete safetensors file of this program."""
    from mnist_core.checkpoint import load_checkpoint

    if os.path.isdir(path):
        raise InputError(f"{path} is a folder: name the model file in it, such as {path / 'model.safetensors'}")
    if path.suffix in (".onnx", ".pt2"):
        kind = "an ONNX model" if path.suffix == ".onnx" else "a program of torch.export"
        raise InputError(f"{path} is {kind}: name the safetensors file of the same export")
    return load_checkpoint(path)
