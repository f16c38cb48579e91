"""Loading the models of a study, after checking that each file is the one that its trial wrote."""

from pathlib import Path

from mnist_core.checkpoint import Checkpoint, load_checkpoint
from mnist_core.data import Dataset, check_same_data, find_data_again, load_dataset
from space.candidate import CandidateSpec
from space.errors import InputError
from space.files import has_file
from studies.artifacts import StoredWeights, confirmed_file, sha256_of
from studies.confirmations import SeedResult
from studies.storage import Store
from studies.trials import attributes_of, candidate_of, complete_trial


def load_trial(store: Store, study_name: str, number: int) -> Checkpoint:
    """Load the model of a trial. Raises `InputError` if it was not completed, or its file is missing or another's."""
    trial = complete_trial(store, study_name, number)
    attributes = attributes_of(trial)
    artifact = attributes.get("weights")
    if artifact is None:
        raise InputError(f"trial {number} has no weights in {store.artifacts.where}")
    stored = StoredWeights(store.artifacts.find(artifact), attributes.get("weights_sha256"))
    return load_stored(stored, candidate_of(trial), trial=number, seed=attributes["seed"])


def load_confirmed(store: Store, study_name: str, measured: SeedResult) -> Checkpoint:
    """Load the model of a confirmed member. Raises `InputError` if its file is missing or holds another model."""
    trial = complete_trial(store, study_name, measured.trial)
    path = store.artifacts.find(confirmed_file(study_name, measured.trial, measured.seed))
    stored = StoredWeights(path, measured.weights_sha256)
    return load_stored(stored, candidate_of(trial), trial=measured.trial, seed=measured.seed)


def load_stored(stored: StoredWeights, candidate: CandidateSpec, *, trial: int, seed: int) -> Checkpoint:
    """Load the model of a trial's candidate, trained with ``seed``.

    Raises `InputError` if its file is missing, or if its hash or its metadata belong to another model.
    """
    path = stored.path
    if not has_file(path, str(path)):
        raise InputError(f"trial {trial} has no weights in {path.parent}: {path.name} is not there")
    foreign = f"{path} is not the model that trial {trial} left"
    restore = "restore that file from a copy, or name another trial"
    if stored.sha256 is not None and (found := sha256_of(path)) != stored.sha256:
        raise InputError(f"{foreign}: its SHA-256 is {found[:12]}..., not {stored.sha256[:12]}...; {restore}")
    checkpoint = load_checkpoint(path)
    # Without a recorded hash, this is all that can be compared.
    if (checkpoint.candidate, checkpoint.trial, checkpoint.seed) != (candidate, trial, seed):
        raise InputError(
            f"{foreign}: it holds trial {checkpoint.trial}, {checkpoint.candidate.architecture}, trained with seed "
            f"{checkpoint.seed}; {restore}"
        )
    return checkpoint


def load_its_data(checkpoint: Checkpoint, data_root: Path | None) -> Dataset:
    """Load the dataset that a model was trained on. Raises `InputError` if the one found has other images."""
    dataset = checkpoint.source or checkpoint.dataset
    data = load_dataset(dataset, find_data_again(dataset, checkpoint.dataset_sha256, data_root))
    trained = "the model" if checkpoint.trial is None else f"trial {checkpoint.trial}"
    check_same_data(data, checkpoint.dataset_sha256, f"{trained} was trained on")
    return data
