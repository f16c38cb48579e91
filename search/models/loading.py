"""Models that a study kept, read after making sure that each is the one that its trial left."""

from mnist_core.checkpoint import Checkpoint, load_checkpoint
from space.candidate import CandidateSpec
from space.errors import InputError
from studies.artifacts import StoredWeights, confirmed_file, sha256_of
from studies.confirmations import SeedResult
from studies.records import candidate_of
from studies.storage import Store


def load_trial(store: Store, study_name: str, number: int) -> Checkpoint:
    """The model that a complete trial left. Raises `InputError` where its file is gone or is not the trial's."""
    trial = store.load_study(study_name).get_trials(deepcopy=False)[number]
    attributes = trial.user_attrs
    artifact = attributes.get("weights")
    if artifact is None:
        raise InputError(f"trial {number} has no weights in {store.artifacts.folder}")
    stored = StoredWeights(store.artifacts.find(artifact), attributes.get("weights_sha256"))
    return load_stored(stored, candidate_of(trial), trial=number, seed=attributes["seed"])


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
