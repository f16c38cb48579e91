"""Writing the report on a trial, a model file or a reference system into a folder."""

import csv
import io
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import MISSING, astuple, fields
from pathlib import Path
from typing import get_args

import numpy as np
from sqlalchemy.engine import make_url

from mnist_core.checkpoint import Checkpoint
from mnist_core.data import Dataset, find_data_root, load_dataset, normalised_for
from mnist_core.training import DivergedError
from search.analysis.charts import draw_charts, draw_mistakes
from search.analysis.facts import Analysis, Subject, analyse_model, sample_inputs
from search.analysis.page import describe_confirmation, render_page
from search.models.loading import load_its_data
from search.models.names import load_model, parse_model
from search.output_folder import check_target, replace_folder, temporary_folder
from search.terminal.numbers import counted, format_accuracy
from search.terminal.output import csv_text, print_warnings
from search.training.log import EPOCHS_FILE
from search.training.samples import draw_samples
from search.workers.machine import COMPILING_LINE, find_engine, prepare_process
from search.workers.training import CandidateTraining
from space.errors import SearchFailedError
from space.recipes import RECIPES, Recipe
from space.results import EpochResult
from studies.confirmations import read_confirmed_front, read_openings
from studies.consistency import check_num_epochs
from studies.damage import reading
from studies.fingerprints import read_fingerprint
from studies.records import read_epochs
from studies.storage import Store
from studies.trials import attributes_of, complete_trial

USUAL_LIMIT = 8_000
"""Limit on the number of parameters that is usual for small MNIST nets."""
RECIPE_SEED = 0
PAGE_FILE, FACTS_FILE = "index.html", "analysis.json"
PICTURES = ("error", "loss", "learning-rate", "confusion", "mistakes", "inputs")
TABLES = ("layers", "epochs", "confusion", "classes", "mistakes", "rules")
FILES = (PAGE_FILE, FACTS_FILE, *(f"{name}.png" for name in PICTURES), *(f"{name}.csv" for name in TABLES))


def write_analysis(
    model: str, out: Path, *, study: str | None, storage: str, data_root: Path | None, force: bool
) -> list[str]:
    """Create the folder ``out`` with a page, its pictures and tables; returns lines to print about them.

    Raises `InputError` if ``out`` can't be created or ``model`` is neither a trained model nor a recipe, and
    `SearchFailedError` if the model's accuracy differs from the recorded one or its training diverges.
    """
    check_target(out, "analysis", FILES, force=force)
    with temporary_folder(out) as folder:
        named = parse_model(model)
        if isinstance(named, Recipe):
            subject, data = _train_recipe(named, data_root)
        else:
            checkpoint = load_model(model, storage=storage, study=study)
            data = load_its_data(checkpoint, data_root)
            is_file = isinstance(named, Path)
            subject = _of_file(checkpoint, Path(model)) if is_file else _of_trial(checkpoint, storage, study)
        print_warnings(data.warnings)
        analysis = analyse_model(subject, data)
        _write_files(folder, analysis)
        replace_folder(folder, out)
    lines = [] if subject.confirmed is None else [describe_confirmation(subject)]
    no_estimate = ", which it was trained on as well" if subject.checkpoint.val_accuracy is None else ""
    return [
        f"{subject.title}: {format_accuracy(analysis.val_accuracy)} ± {100 * analysis.standard_error:.2f} of "
        f"{analysis.num_images:,} validation images{no_estimate}, "
        f"{subject.checkpoint.candidate.num_params:,} parameters, {counted(len(analysis.mistakes), 'mistake')}",
        *lines,
        str(out / PAGE_FILE),
    ]


def _of_trial(checkpoint: Checkpoint, storage: str, study: str | None) -> Subject:
    assert checkpoint.trial is not None
    store = Store.open_read_only(storage)
    name = store.resolve_study_name(study)
    number = checkpoint.trial
    fingerprint = read_fingerprint(store, name)
    assert fingerprint is not None
    with reading(store.database, f"study {name!r} in table searches"):
        train_size, budget = fingerprint["train_size"], fingerprint["budget"]
    is_balanced = fingerprint.get("metric") is not None  # accuracy is not named
    trial = complete_trial(store, name, number)
    run = attributes_of(trial)["run"]
    where = make_url(storage).render_as_string(hide_password=True)
    epochs = tuple(read_epochs(store.database, name, [number])[number])
    check_num_epochs(store.database, name, trial, epochs)
    front = read_confirmed_front(store.database, name)
    confirmed = next((point for point in front if point.trial == number), None)
    return Subject(
        checkpoint=checkpoint,
        title=f"Trial {number} of {name}",
        origin=(
            f"Trained by a search: trial {number} of the study {name} in {where}, {counted(len(epochs), 'epoch')} on "
            f"{train_size:,} images of {checkpoint.dataset} with seed {checkpoint.seed}, by the "
            f"{run['engine']} engine on {run['device']}."
            f"{' The validation accuracies of its epochs are balanced ones.' if is_balanced else ''}"
        ),
        epochs=epochs,
        is_balanced=is_balanced,
        max_params=budget,
        limit=f"the budget of the study {name}",
        confirmed=confirmed,
        openings=() if confirmed is None else tuple(read_openings(store.database, name)),
    )


def _of_file(checkpoint: Checkpoint, path: Path) -> Subject:
    recipe = next((recipe for recipe in RECIPES.values() if recipe.candidate == checkpoint.candidate), None)
    epochs = read_epochs_beside(path, checkpoint)
    trained = f"Read from the file {path}: trained on {checkpoint.dataset} with seed {checkpoint.seed}"
    if checkpoint.trial is not None:
        trained += f", as trial {checkpoint.trial} of a search"
    if checkpoint.val_accuracy is None:
        trained += ", on the validation images as well, so that its accuracy on them is no estimate"
    return Subject(
        checkpoint=checkpoint,
        title=f"{path.resolve().parent.name}/{path.name}" if recipe is None else f"Recipe {recipe.title}",
        origin=f"{trained}." if recipe is None else f"{trained}. {_about(recipe)}",
        epochs=epochs,
        max_params=USUAL_LIMIT,
        limit=f"the usual limit of {USUAL_LIMIT:,}",
    )


def read_epochs_beside(path: Path, checkpoint: Checkpoint) -> tuple[EpochResult, ...]:
    """Return the epochs that `train` wrote beside its model file; empty if they are missing or of another model."""
    table = path.parent / EPOCHS_FILE
    if not table.is_file():  # reading a named pipe would wait for its writer
        return ()
    try:
        rows = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
        epochs = [_result_of(row) for row in rows]
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    numbers = [result.epoch for result in epochs]
    fits = (
        numbers == list(range(1, len(epochs) + 1))
        and len(epochs) <= checkpoint.candidate.training.epochs
        and all(math.isfinite(value) for result in epochs for value in astuple(result) if value is not None)
        and checkpoint.val_accuracy in [result.val_accuracy for result in epochs]
    )
    return tuple(epochs) if fits else ()


def _result_of(row: dict[str, str]) -> EpochResult:
    """Return the result in a row of the table; fields with a default may be missing from it, or empty."""
    values = {}
    for item in fields(EpochResult):
        if item.default is MISSING or row.get(item.name):
            kind = (get_args(item.type) or (item.type,))[0]
            values[item.name] = kind(row[item.name])
    return EpochResult(**values)


def _train_recipe(recipe: Recipe, data_root: Path | None) -> tuple[Subject, Dataset]:
    """Train a recipe unchanged, including its early stopping, and print a line per epoch to stderr."""
    candidate = recipe.candidate
    data = normalised_for(load_dataset("mnist", find_data_root("mnist", data_root)), candidate.training)
    prepare_process()
    device, engine = find_engine("auto", "auto", compiling=lambda: _say(COMPILING_LINE))
    training = CandidateTraining(candidate, data, seed=RECIPE_SEED, device=device, engine=engine)
    _say(
        f"training recipe {recipe.title} first: {candidate.num_params:,} parameters, one seed ({RECIPE_SEED}), "
        f"{len(data.train):,} training images of {data.name}, at most {counted(candidate.training.epochs, 'epoch')}, "
        f"engine {training.engine.name} on {device}"
    )
    try:
        for result in training:
            _say(
                f"epoch {result.epoch}/{candidate.training.epochs}  train {format_accuracy(result.train_accuracy)}  "
                f"val {format_accuracy(result.val_accuracy)}  {result.seconds:.1f} s"
            )
    except DivergedError as error:
        raise SearchFailedError(f"recipe {recipe.title}: {error}") from None
    checkpoint, epochs = training.checkpoint(), training.results
    subject = Subject(
        checkpoint=checkpoint,
        title=f"Recipe {recipe.title}",
        origin=(
            f"Trained for this analysis with the recipe's own settings, its reasons to stop early included: "
            f"{len(epochs)} of {candidate.training.epochs} epochs on {len(data.train):,} images of {data.name} with "
            f"seed {RECIPE_SEED}, by the {training.engine.name} engine on {device}. {_about(recipe)}"
        ),
        epochs=tuple(epochs),
        max_params=USUAL_LIMIT,
        limit=f"the usual limit of {USUAL_LIMIT:,}",
    )
    return subject, data


def _about(recipe: Recipe) -> str:
    text = f"The document of {recipe.name} claims {format_accuracy(recipe.claimed_accuracy)}: {recipe.claim}."
    if recipe.reconstruction:
        text += " Its layers are a reconstruction: one layout that fits what the document says of the net."
    if recipe.assumed:
        text += f" Assumed, since the document does not say: {'; '.join(recipe.assumed)}."
    return text


def _write_files(folder: Path, analysis: Analysis) -> None:
    charts = draw_charts(analysis)
    images, labels = sample_inputs(analysis)
    (folder / PAGE_FILE).write_text(render_page(analysis, charts, images), encoding="utf-8")
    pictures = {name: chart.png for name, chart in charts.items()}
    pictures["inputs"] = draw_samples(images.astype(np.float32), labels, title="Training images")
    if analysis.mistakes:
        pictures["mistakes"] = draw_mistakes(analysis)
    for name, png in pictures.items():
        (folder / f"{name}.png").write_bytes(png)
    facts = analysis.to_json()
    (folder / FACTS_FILE).write_text(json.dumps(facts, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    for layer in facts["layers"]:
        layer["output_shape"] = "x".join(map(str, layer["output_shape"]))
    tables = {name: facts[name] for name in TABLES if facts[name] and name != "confusion"}
    for name, rows in tables.items():
        (folder / f"{name}.csv").write_text(csv_text(list(rows[0]), rows), encoding="utf-8")
    (folder / "confusion.csv").write_text(confusion_csv(facts["class_names"], facts["confusion"]), encoding="utf-8")


def confusion_csv(names: Sequence[str], confusion: Sequence[Sequence[int]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["true", *names])  # a class may have that name too
    writer.writerows([name, *row] for name, row in zip(names, confusion, strict=True))
    return text.getvalue()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
