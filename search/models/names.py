"""What a MODEL on the command line stands for: a trial's number, a model file, a reference system or a net.

Torch and Optuna are imported only for what holds weights, so that a net's notation is read at once.
"""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec
from space.errors import InputError
from space.recipes import RECIPES, Recipe, find_recipe

if TYPE_CHECKING:
    from mnist_core.checkpoint import Checkpoint

_TRIAL_NUMBER = re.compile("0|[1-9][0-9]{0,8}")
"""Not 001 and 003, which are reference systems."""


def resolve_architecture(text: str) -> ArchitectureSpec:
    """The net of a model file, of a reference system, or of a notation.

    Raises `InputError` for a file that is missing or can't be used, a net that can't be built, and, with the closest
    names of reference systems, for a word that is none of these.
    """
    is_file = os.path.exists(text) or os.sep in text or Path(text).suffix in (".safetensors", ".onnx")
    if is_file and text not in RECIPES:
        return load_model_file(Path(text)).candidate.architecture
    return find_candidate(text)[1].architecture


def find_candidate(text: str) -> tuple[Recipe | None, CandidateSpec]:
    """The recipe of that name with its settings, or a net with the default ones.

    Raises `InputError` for a net that can't be built, and with the closest names for a word that is neither.
    """
    if recipe := RECIPES.get(text):
        return recipe, recipe.candidate
    try:
        return None, CandidateSpec(ArchitectureSpec.from_text(text))
    except InputError:
        if len(text.split()) == 1:
            find_recipe(text)
        raise


def load_model(text: str, *, storage: str, study: str | None) -> "Checkpoint":
    """A trained model: of a model file, or of the trial of that number in a study store.

    Raises `InputError` for a file or store that is missing or can't be used, and for a trial without weights.
    """
    if _TRIAL_NUMBER.fullmatch(text):
        from search.models.loading import load_trial
        from search.models.selection import check_complete
        from studies.storage import Store

        store = Store.open_read_only(storage)
        study_name = store.resolve_study_name(study)
        check_complete(store, study_name, int(text))
        return load_trial(store, study_name, int(text))
    if text in RECIPES:
        raise InputError(
            f"{text} is a recipe, not a trained model: 'python -m search train {text} --out DIR' makes one"
        )
    return load_model_file(Path(text))


def load_model_file(path: Path) -> "Checkpoint":
    """Raises `InputError` for a file that is missing or is not a whole safetensors file of this program."""
    from mnist_core.checkpoint import load_checkpoint

    if os.path.isdir(path):
        raise InputError(f"{path} is a folder: name the model file in it, such as {path / 'model.safetensors'}")
    if path.suffix == ".onnx":
        raise InputError(f"{path} is an ONNX model: name the safetensors file of the same export")
    if not os.path.exists(path):  # unlike pathlib's, it does not raise where a notation is too long for a file's name
        raise InputError(f"there is no model file {path}")
    return load_checkpoint(path)
