"""Our tables beside Optuna's in the same database, readable with plain SQL."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

SCHEMA_VERSION = 2
"""Of the tables below. A change of one ships a migration, which raises it (studies/migrations.py)."""

metadata = MetaData()

schema_version = Table("search_schema_version", metadata, Column("version", Integer, primary_key=True))

# One row per search. Touching it first makes a transaction on its slots or front exclusive, on every database.
searches = Table(
    "searches",
    metadata,
    Column("study_name", String(255), primary_key=True),
    Column("fingerprint", JSON, nullable=False),
    Column("num_transactions", Integer, nullable=False, default=0),
)


def _study_name() -> Column[str]:
    return Column("study_name", String(255), ForeignKey("searches.study_name"), nullable=False, index=True)


# A place among the trials that a search will train. It is reserved before training and released on failure.
trial_slots = Table(
    "trial_slots",
    metadata,
    Column("id", Integer, primary_key=True),
    _study_name(),
    Column("state", String(16), nullable=False),  # a SlotState
    Column("trial_number", Integer),  # of the latest attempt
    Column("seed_number", Integer),  # trial number of the first attempt: a retry keeps its seed
    Column("num_attempts", Integer, nullable=False, default=1),
    Column("num_params", Integer),
    Column("worker", BigInteger, nullable=False),  # the byte of the lock file that its owner holds
    Column("host", String(255), nullable=False),
    Column("heartbeat", Float, nullable=False),  # Unix time of the owner's last sign of life
)

# Candidates to be trained before any that a sampler draws, in the order of their ids.
queued_candidates = Table(
    "queued_candidates",
    metadata,
    Column("id", Integer, primary_key=True),
    _study_name(),
    Column("candidate_key", String(16), nullable=False),  # so that none is queued twice
    Column("source", String, nullable=False),  # the known net that it is near
    Column("params", JSON, nullable=False),
    Column("slot_id", Integer),  # the slot that took it; none while it waits
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
    UniqueConstraint("study_name", "trial_number", "epoch"),
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

# What a confirmation of a search's front was asked for and decided; one a search.
confirmations = Table(
    "confirmations",
    metadata,
    Column("study_name", String(255), ForeignKey("searches.study_name"), primary_key=True),
    Column("seeds", JSON, nullable=False),  # those of each stage
    Column("top", Integer),  # most contenders, where there was a limit
    Column("num_complete", Integer, nullable=False),  # complete trials that it chose the contenders from
    Column("contenders", JSON, nullable=False),  # front points, as the search measured them
    Column("members", JSON),  # trial numbers; none until they are decided by validation images alone
)

# Every training of a confirmation, with what its model is right about.
confirmation_trainings = Table(
    "confirmation_trainings",
    metadata,
    Column("id", Integer, primary_key=True),
    _study_name(),
    Column("stage", Integer, nullable=False),  # 1: decides, on validation images; 2: measures, on the test set
    Column("trial_number", Integer, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("num_images", Integer),  # none until the images were opened
    Column("correct", LargeBinary),  # a bit an image: whether its highest logit is its label's
    Column("confusion", JSON),  # counts by label and prediction
    Column("weights_sha256", String(64)),  # of the model's file, where one is kept
    UniqueConstraint("study_name", "stage", "trial_number", "seed"),
)

# Each time that the sealed test set was opened. Nothing is ever deleted from here.
test_openings = Table(
    "test_openings",
    metadata,
    Column("id", Integer, primary_key=True),
    _study_name(),
    Column("opened", String(32), nullable=False),  # ISO 8601, UTC
    Column("num_models", Integer, nullable=False),
)
