"""Our tables beside Optuna's in the same database, readable with plain SQL."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Enum,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    column,
    table,
)

SCHEMA_VERSION = 5
"""Version of the tables below. Every change to them needs a migration, which raises it (studies/migrations.py)."""

metadata = MetaData()
server_metadata = MetaData()
"""Tables that only stores on a server have; an SQLite file has a folder of files instead."""

# PostgreSQL compares a state only with values of Optuna's own type.
_TRIAL_STATE = String().with_variant(
    Enum("RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING", name="trialstate", create_type=False), "postgresql"
)

# Of Optuna's tables, what is read here without Optuna.
optuna_studies = table("studies", column("study_id", Integer), column("study_name", String))
optuna_study_attributes = table(
    "study_user_attributes", column("study_id", Integer), column("key", String), column("value_json", String)
)
optuna_trials = table(
    "trials",
    *(column(name, Integer) for name in ("trial_id", "study_id", "number")),
    column("state", _TRIAL_STATE),
    column("datetime_start"),
    column("datetime_complete"),
)
optuna_params = table(
    "trial_params",
    *(column("param_id", Integer), column("trial_id", Integer), column("param_name", String)),
    *(column("param_value", Float), column("distribution_json", String)),
)
optuna_values = table(
    "trial_values",
    *(column("trial_id", Integer), column("objective", Integer), column("value", Float), column("value_type", String)),
)
optuna_system_attributes = table(
    "trial_system_attributes", column("trial_id", Integer), column("key", String), column("value_json", String)
)
optuna_attributes = table(
    "trial_user_attributes", column("trial_id", Integer), column("key", String), column("value_json", String)
)
OPTUNA_VERSION_TABLES = ("alembic_version", "version_info")
OPTUNA_TABLES = (
    *OPTUNA_VERSION_TABLES,
    *("studies", "study_directions", "study_user_attributes", "study_system_attributes"),
    *("trials", "trial_params", "trial_values", "trial_intermediate_values"),
    *("trial_user_attributes", "trial_system_attributes"),
)
"""Tables that every version of Optuna makes, and without which a study can't be read."""

schema_version = Table("search_schema_version", metadata, Column("version", Integer, primary_key=True))

# One row per search. Updating it first makes a transaction on its slots or front exclusive, on every database.
searches = Table(
    "searches",
    metadata,
    Column("study_name", String(255), primary_key=True),
    Column("fingerprint", JSON, nullable=False),
    Column("num_transactions", Integer, nullable=False, default=0),
)


def _study_name() -> Column[str]:
    return Column("study_name", String(255), ForeignKey("searches.study_name"), nullable=False, index=True)


# Places for the trials that a search will train, each reserved before training and released on failure.
trial_slots = Table(
    "trial_slots",
    metadata,
    Column("id", Integer, primary_key=True),
    _study_name(),
    Column("state", String(16), nullable=False),  # a SlotState, or the Outcome of a trained trial
    Column("trial_number", Integer),  # trial number of the latest attempt
    Column("seed_number", Integer),  # trial number of the first attempt: a retry keeps its seed
    Column("num_attempts", Integer, nullable=False, default=1),
    Column("num_params", Integer),
    Column("worker", BigInteger, nullable=False),  # the byte of the lock file that the owner holds
    Column("host", String(255), nullable=False),
    Column("heartbeat", Float, nullable=False),  # when the owner renewed its lease, by the clock of the database
    Column("candidate_key", String(16)),  # key of its candidate, which no other slot trains
    Column("num_losses", Integer, nullable=False, default=0, server_default="0"),  # see Slot.num_losses
    Index("ix_trial_slots_study_name_state", "study_name", "state"),
    Index("ix_trial_slots_study_name_candidate_key", "study_name", "candidate_key"),
)

# Candidates to be trained before any that a sampler draws, in the order of their IDs.
queued_candidates = Table(
    "queued_candidates",
    metadata,
    Column("id", Integer, primary_key=True),
    _study_name(),
    Column("candidate_key", String(16), nullable=False),  # prevents queuing a candidate twice
    Column("source", String, nullable=False),  # the known net that the candidate is near
    Column("params", JSON, nullable=False),
    Column("slot_id", Integer),  # the slot that took it; null while it waits
    UniqueConstraint("study_name", "candidate_key"),
)

epochs = Table(
    "epochs",
    metadata,
    Column("id", Integer, primary_key=True),
    _study_name(),
    Column("trial_number", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("train_loss", Float, nullable=False),
    Column("train_accuracy", Float, nullable=False),
    Column("val_loss", Float, nullable=False),
    Column("val_accuracy", Float, nullable=False),
    Column("learning_rate", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("val_balanced_accuracy", Float),
    UniqueConstraint("study_name", "trial_number", "epoch"),
)

# What the model of each complete trial made of the validation images.
confusions = Table(
    "confusions",
    metadata,
    Column("id", Integer, primary_key=True),
    _study_name(),
    Column("trial_number", Integer, nullable=False),
    Column("counts", JSON, nullable=False),  # numbers of images by label, then by prediction
    Column("mistakes", JSON, nullable=False),  # the first of those that are wrong: image, label, prediction
    UniqueConstraint("study_name", "trial_number"),
)

pareto_front = Table(
    "pareto_front",
    metadata,
    Column("id", Integer, primary_key=True),
    _study_name(),
    Column("trial_number", Integer, nullable=False),
    Column("num_params", Integer, nullable=False),
    Column("val_accuracy", Float, nullable=False),
    Column("notation", String, nullable=False),
    UniqueConstraint("study_name", "trial_number"),
)

# The settings and decisions of the confirmation of a search's front; at most one row per search.
confirmations = Table(
    "confirmations",
    metadata,
    Column("study_name", String(255), ForeignKey("searches.study_name"), primary_key=True),
    Column("seeds", JSON, nullable=False),  # the seeds of each stage
    Column("top", Integer),  # largest number of contenders, if there was a limit
    Column("num_complete", Integer, nullable=False),  # complete trials that the contenders were chosen from
    Column("contenders", JSON, nullable=False),  # front points, as the search measured them
    Column("members", JSON),  # trial numbers; null until decided, by validation images alone
)

# Every training of a confirmation, with the images that its model classifies correctly.
confirmation_trainings = Table(
    "confirmation_trainings",
    metadata,
    Column("id", Integer, primary_key=True),
    _study_name(),
    Column("stage", Integer, nullable=False),  # 1: decides, on validation images; 2: measures, on the test set
    Column("trial_number", Integer, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("num_images", Integer),  # null until the images were opened
    Column("correct", LargeBinary),  # one bit per image: whether its highest logit is its label's
    Column("confusion", JSON),  # counts by label and prediction
    Column("weights_sha256", String(64)),  # hash of the model's file, if one is kept
    UniqueConstraint("study_name", "stage", "trial_number", "seed"),
)

# Each time that the sealed test set was opened. Rows are never deleted.
test_openings = Table(
    "test_openings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_name", String(255), nullable=False, index=True),  # of a study that may have been deleted since
    Column("opened", String(32), nullable=False),  # ISO 8601, UTC
    Column("num_models", Integer, nullable=False),
)

# Model files, checkpoints and lists of sealed images, by the names that they have as files beside an SQLite store.
artifacts = Table(
    "artifacts",
    server_metadata,
    Column("name", String(255), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
