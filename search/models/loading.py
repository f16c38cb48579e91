"""Models that a study kept, read after making sure that each is the one that its trial left."""

from pathlib import Path

from mnist_core.checkpoint import Checkpoint, load_checkpoint
from mnist_core.data import Dataset, check_same_data, find_data_root, load_dataset
from space.candidate import CandidateSpec
from space.errors import InputError
from studies.artifacts import StoredWeights, confirmed_file, sha256_of
from studies.confirmations import SeedResult
from studies.storage import Store
from studies.trials import attributes_of, candidate_of, check_exists, outcome_of


def load_trial(store: Store, study_name: str, number: int) -> Checkpoint:
    """The model that a complete trial left. Raises `InputError` where its file is gone or is not the trial's."""
    trial = store.load_study(study_name).get_trials(deepcopy=False)[number]
    attributes = attributes_of(trial)
    artifact = attributes.get("weights")
    if artifact is None:
        raise InputError(f"trial {number} has no weights in {store.artifacts.folder}")
    stored = StoredWeights(store.artifacts.find(artifact), attributes.get("weights_sha256"))
    return load_stored(stored, candidate_of(trial), trial=number, seed=attributes["seed"])


def stored_candidate(store: Store, study_name: str, number: int) -> CandidateSpec:
    """What a trial trained. Raises `InputError` for a trial that is not there or never began to train."""
    trials = store.load_study(study_name).get_trials(deepcopy=False)
    check_exists(trials, study_name, number)
    attributes = attributes_of(trials[number])
    if (original := attributes.get("duplicate_of")) is not None:
        raise InputError(f"trial {number} is equal to trial {original}: name that one")
    if "candidate" not in attributes:
        raise InputError(f"trial {number} was never trained ({outcome_of(trials[number]) or 'running'})")
    return candidate_of(trials[number])


def load_confirmed(store: Store, study_name: str, measured: SeedResult) -> Checkpoint:
    """The model of a member of the confirmed front. Raises `InputError` where its file is gone or holds another."""
    trial = store.load_study(study_name).get_trials(deepcopy=False)[measured.trial]
    path = store.artifacts.find(confirmed_file(study_name, measured.trial, measured.seed))
    stored = StoredWeights(path, measured.weights_sha256)
    return load_stored(stored, candidate_of(trial), trial=measured.trial, seed=measured.seed)


def load_stored(stored: StoredWeights, candidate: CandidateSpec, *, trial: int, seed: int) -> Checkpoint:
    """The model of a trial's candidate, trained with ``seed``.

    Raises `InputError` where its file is gone, or its hash or what it says of itself is another model's.
    """
    path = stored.path
    if not path.is_file():
        raise InputError(f"trial {trial} has no weights in {path.parent}: {path.name} is not there")
    foreign = f"{path} is not the model that trial {trial} left"
    restore = "restore that file from a copy, or name another trial"
    if stored.sha256 is not None and (found := sha256_of(path)) != stored.sha256:
        raise InputError(f"{foreign}: its SHA-256 is {found[:12]}..., not {stored.sha256[:12]}...; {restore}")
    checkpoint = load_checkpoint(path)
    # All that there is to compare where no hash was kept.
    if (checkpoint.candidate, checkpoint.trial, checkpoint.seed) != (candidate, trial, seed):
        raise InputError(
            f"{foreign}: it holds trial {checkpoint.trial}, {checkpoint.candidate.architecture}, trained with seed "
            f"{checkpoint.seed}; {restore}"
        )
    return checkpoint


def load_its_data(checkpoint: Checkpoint, data_root: Path | None) -> Dataset:
    """The images that a model was trained with. Raises `InputError` where only others of that name are found."""
    data = load_dataset(checkpoint.dataset, find_data_root(checkpoint.dataset, data_root))
    trained = "the model" if checkpoint.trial is None else f"trial {checkpoint.trial}"
    check_same_data(data, checkpoint.dataset_sha256, f"{trained} was trained on")
    return data
