"""The command line: parse, call, print, exit code. Whatever is slow to import is imported where it is used.

Results go to stdout, logs and displays to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage or input,
130 interrupted.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from search.defaults import DEFAULT_CONFIRM_SEEDS, DEFAULT_STORAGE, DEFAULT_TRIALS, MAX_EPOCHS
from space.errors import InputError, SearchFailedError

app = typer.Typer(
    name="python -m search",
    help="Find the best tiny neural network under a parameter budget.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Storage = Annotated[str, typer.Option(metavar="URL", envvar="SEARCH_STORAGE", help="The study store.")]
Study = Annotated[str | None, typer.Option(metavar="NAME", help="The study; may be left out where there is only one.")]
DataRoot = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder that holds MNIST/raw; else SEARCH_DATA_ROOT, ./data or ../shared/data."),
]
SpaceFile = Annotated[
    Path | None, typer.Option("--space", metavar="FILE", help="TOML file laid over the default space.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
Dataset = Annotated[str, typer.Option(metavar="NAME", help="mnist, fashion-mnist, kmnist or digits.")]
Device = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, xpu or mps.")]
EngineName = Annotated[str, typer.Option("--engine", metavar="NAME", help="auto, native or torch.")]
Workers = Annotated[int | None, typer.Option(metavar="N", help="Processes; default one a core, one on an accelerator.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what an earlier call wrote.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command()
def run(
    budget: Annotated[int, typer.Option(metavar="N", help="Most trainable parameters of a candidate.")],
    trials: Annotated[
        int, typer.Option(metavar="N", help="Trained trials the study shall have in all.")
    ] = DEFAULT_TRIALS,
    epochs: Annotated[int, typer.Option(metavar="1..15", help="Epochs of a trial.")] = MAX_EPOCHS,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="End this call after so long and the running epochs.")
    ] = None,
    study: Annotated[str | None, typer.Option(metavar="NAME", help="Default: DATASET-BUDGET.")] = None,
    storage: Storage = DEFAULT_STORAGE,
    dataset: Dataset = "mnist",
    data_root: DataRoot = None,
    space: SpaceFile = None,
    sampler: Annotated[str, typer.Option(metavar="NAME", help="tpe or random.")] = "tpe",
    pruner: Annotated[str, typer.Option(metavar="NAME", help="size-aware or none.")] = "size-aware",
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the study.")] = 0,
    device: Device = "auto",
    engine: EngineName = "auto",
    workers: Workers = None,
    train_size: Annotated[
        int | None, typer.Option(metavar="N", help="Train on this many images; default all but the validation images.")
    ] = None,
    as_json: AsJson = False,
    warm_start: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Train these first: 'recipes', the reference systems, or a file of nets, one a line."
        ),
    ] = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="At the end confirm the front, as the command confirm does.")
    ] = False,
    confirm_seeds: Annotated[
        int | None, typer.Option(metavar="N", help="Seeds of each point that is confirmed; default 5.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Search for the best nets within a budget; the same command again goes on where it ended."""
    from search.confirmation.confirm import ConfirmRequest, confirm_front
    from search.reports.status import print_run
    from search.runs.config import RunConfig
    from search.runs.progress import make_display
    from search.runs.search import run_search

    planned_seeds = DEFAULT_CONFIRM_SEEDS if confirm_seeds is None else confirm_seeds
    config = RunConfig(
        budget=budget,
        trials=trials,
        epochs=epochs,
        timeout=timeout,
        study=study,
        storage=storage,
        dataset=dataset,
        data_root=data_root,
        space=_load_space(space),
        sampler=sampler,
        pruner=pruner,
        seed=seed,
        device=device,
        engine=engine,
        workers=workers,
        train_size=train_size,
        warm_start=warm_start,
        confirm_seeds=planned_seeds if confirm else None,
    )
    if confirm_seeds is not None and not confirm:
        raise InputError("--confirm-seeds goes with --confirm")
    summary = run_search(config, make_display(quiet=quiet))
    confirmed = None
    ended_early = summary.interrupted or summary.timed_out
    if confirm and not ended_early and summary.num_trained >= config.trials:
        confirmed = confirm_front(
            ConfirmRequest(
                storage=storage,
                study=config.study_name,
                num_seeds=confirm_seeds,
                data_root=data_root,
                device=device,
                engine=engine,
                workers=workers,
                quiet=quiet,
            )
        )
    print_run(summary, config, confirmed, as_json=as_json)
    if summary.interrupted:
        raise typer.Exit(130)


@app.command()
def confirm(
    study: Study = None,
    storage: Storage = DEFAULT_STORAGE,
    seeds: Annotated[
        int | None,
        typer.Option(metavar="N", help="Seeds of each member, and most of each contender; default 5, or as begun."),
    ] = None,
    top: Annotated[
        int | None, typer.Option(metavar="K", help="Most contenders; default all trials that may be on the front.")
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Choose contenders again; what is trained already is used.")
    ] = False,
    data_root: DataRoot = None,
    device: Device = "auto",
    engine: EngineName = "auto",
    workers: Workers = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find out what the front is worth: train it again with fresh seeds, then open the sealed test set once."""
    from search.confirmation.confirm import ConfirmRequest, confirm_front
    from search.reports.status import print_confirmed_front

    request = ConfirmRequest(
        storage=storage,
        study=study,
        num_seeds=seeds,
        top=top,
        anew=anew,
        data_root=data_root,
        device=device,
        engine=engine,
        workers=workers,
        quiet=quiet,
    )
    print_confirmed_front(confirm_front(request), as_json=as_json)


@app.command()
def status(study: Study = None, storage: Storage = DEFAULT_STORAGE, as_json: AsJson = False) -> None:
    """How far a study is: trained, pruned, rejected, duplicate, diverged, running, best and time."""
    from search.reports.status import print_status
    from studies.storage import Store

    store = Store.open_read_only(storage)
    print_status(store, store.resolve_study_name(study), as_json=as_json)


@app.command()
def front(
    study: Study = None,
    storage: Storage = DEFAULT_STORAGE,
    confirmed: Annotated[
        bool, typer.Option("--confirmed", help="The front as it was confirmed, with test accuracies.")
    ] = False,
    as_json: AsJson = False,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a CSV file instead.")] = None,
) -> None:
    """The Pareto front: no other trial has both fewer parameters and a higher validation accuracy."""
    from search.models.selection import require_confirmed_front
    from search.reports.status import print_confirmed_front, print_front, write_front_csv
    from studies.records import read_front
    from studies.storage import Store

    store = Store.open_read_only(storage)
    name = store.resolve_study_name(study)
    if csv is not None:
        write_front_csv(require_confirmed_front(store, name) if confirmed else read_front(store.engine, name), csv)
    elif confirmed:
        print_confirmed_front(require_confirmed_front(store, name), as_json=as_json)
    else:
        print_front(read_front(store.engine, name), as_json=as_json)


@app.command()
def space(space: SpaceFile = None) -> None:
    """The ranges in force, as TOML that --space takes."""
    print(_load_space(space).to_toml(), end="")


@app.command()
def count(
    notation: Annotated[str, typer.Argument(metavar="NOTATION", help="Such as '8s:br p 12v:br gap fc10+'.")],
    as_json: AsJson = False,
) -> None:
    """Layers of a net with shapes, parameters and their share, receptive fields, multiply-accumulates and memory."""
    from search.reports.status import print_count
    from space.architecture import ArchitectureSpec

    print_count(ArchitectureSpec.from_text(notation), as_json=as_json)


@app.command()
def recipes(as_json: AsJson = False) -> None:
    """The reference systems: parameters, claimed and measured accuracy, notation, what their documents leave open."""
    from search.models.recipes import print_recipes

    print_recipes(as_json=as_json)


@app.command()
def check(
    model: Annotated[str, typer.Argument(metavar="MODEL|NOTATION|RECIPE", help="A model file, a net or a recipe.")],
    max_params: Annotated[int | None, typer.Option(metavar="N", help="At most so many parameters.")] = None,
    require: Annotated[
        str | None, typer.Option(metavar="LIST", help="What it must have: batchnorm, dropout, gap, comma-separated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Whether a net keeps to rules; exit code 1 where it breaks one, so that it can guard a build."""
    from search.models.check import print_check

    if not print_check(model, max_params=max_params, require=require, as_json=as_json):
        raise typer.Exit(1)


@app.command()
def train(
    model: Annotated[str, typer.Argument(metavar="RECIPE|NOTATION", help="A reference system, or a net.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for what it writes; with what is there it goes on.")],
    epochs: Annotated[int | None, typer.Option(metavar="N", help="Default: the recipe's, else 15.")] = None,
    batch_size: Annotated[int | None, typer.Option(metavar="N", help="Default: the recipe's, else 32.")] = None,
    max_lr: Annotated[float | None, typer.Option(metavar="X", help="The peak, or constant, learning rate.")] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Any other training setting, repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the first training.")] = 0,
    seeds: Annotated[int, typer.Option(metavar="N", help="Train so many times, each seed in a folder of its own.")] = 1,
    dataset: Dataset = "mnist",
    data_root: DataRoot = None,
    train_size: Annotated[
        int | None, typer.Option(metavar="N", help="Train on this many images; default all but the validation images.")
    ] = None,
    device: Device = "auto",
    engine: EngineName = "auto",
    tensorboard: Annotated[Path | None, typer.Option(metavar="DIR", help="Write TensorBoard logs there.")] = None,
    quiet: Quiet = False,
) -> None:
    """Train one model, as a reference system was or as a search would, and keep everything about it."""
    from search.training.request import TrainRequest, train_model

    train_model(
        TrainRequest(
            model=model,
            out=out,
            epochs=epochs,
            batch_size=batch_size,
            max_lr=max_lr,
            settings=tuple(setting or ()),
            seed=seed,
            num_seeds=seeds,
            dataset=dataset,
            data_root=data_root,
            train_size=train_size,
            device=device,
            engine=engine,
            tensorboard=tensorboard,
            quiet=quiet,
        )
    )


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL|TRIAL", help="A model file, or a trial's number.")],
    study: Study = None,
    storage: Storage = DEFAULT_STORAGE,
    dataset: Annotated[
        str | None, typer.Option(metavar="NAME", help="Default: the dataset that it was trained on.")
    ] = None,
    data_root: DataRoot = None,
    images: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Classify these images instead: PNG, JPEG, BMP, .npy or a folder."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Accuracy and loss of a trained model on validation images, or what it makes of your own."""
    from search.models.evaluate import print_evaluation

    print_evaluation(
        model, study=study, storage=storage, dataset=dataset, data_root=data_root, images=images, as_json=as_json
    )


@app.command()
def analyse(
    model: Annotated[str, typer.Argument(metavar="TRIAL|MODEL|RECIPE", help="What to look at; a recipe is trained.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to make.")],
    study: Study = None,
    storage: Storage = DEFAULT_STORAGE,
    data_root: DataRoot = None,
    force: Force = False,
) -> None:
    """A report on a trained model as one HTML page, with its pictures and tables beside it."""
    from search.analysis.analyse import write_analysis

    for line in write_analysis(model, out, study=study, storage=storage, data_root=data_root, force=force):
        print(line)


@app.command()
def export(
    out: Annotated[
        Path, typer.Option(metavar="PATH", help="A folder to make, or with --format one file (C: a folder).")
    ],
    study: Study = None,
    storage: Storage = DEFAULT_STORAGE,
    trial: Annotated[int | None, typer.Option(metavar="N", help="This trial.")] = None,
    max_params: Annotated[
        int | None, typer.Option(metavar="N", help="The most accurate of the front within so many parameters.")
    ] = None,
    min_accuracy: Annotated[
        float | None, typer.Option(metavar="X", help="The smallest of the front that reaches X, such as 0.99.")
    ] = None,
    confidence: Annotated[
        float | None, typer.Option(metavar="P", help="How sure that must be, of a confirmed front; default 0.95.")
    ] = None,
    file_format: Annotated[
        str | None, typer.Option("--format", metavar="NAME", help="safetensors, onnx, onnx-int8, pt2, c or c-int8.")
    ] = None,
    force: Force = False,
    data_root: DataRoot = None,
) -> None:
    """Write a trained model to files; without a selector the most accurate one."""
    from search.export.export import export_model
    from search.models.selection import select_trial
    from studies.storage import Store

    store = Store.open_read_only(storage)
    name = store.resolve_study_name(study)
    number = select_trial(
        store, name, trial=trial, max_params=max_params, min_accuracy=min_accuracy, confidence=confidence
    )
    for line in export_model(store, name, number, out, file_format=file_format, force=force, data_root=data_root):
        print(line)


@app.command()
def dashboard(
    storage: Storage = DEFAULT_STORAGE,
    port: Annotated[int, typer.Option(metavar="N", help="Port on this machine.")] = 8080,
) -> None:
    """Serve optuna-dashboard on this store, model files included, to this machine alone."""
    from search.dashboard import serve

    serve(storage, port)


def main() -> None:
    sys.exit(_main())


def _main() -> int:
    try:
        # Without standalone mode errors arrive here, to become one line each, and an exit code is returned.
        return int(app(standalone_mode=False) or 0)
    except typer.TyperException as error:
        return _fail(error.format_message(), error.exit_code)
    except InputError as error:
        return _fail(str(error), 2)
    except SearchFailedError as error:
        return _fail(str(error), 1)
    except BrokenPipeError:
        # The reader of stdout, such as head, has what it wanted. Python would complain at exit when it flushes.
        sys.stdout = None
        return 0
    except OSError as error:
        return _fail(str(error), 1)
    except Exception as error:
        from studies.storage import store_failure

        if failure := store_failure(error):
            return _fail(failure, 1)
        raise


def _fail(message: str, exit_code: int) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return exit_code


def _load_space(path: Path | None) -> Any:
    from space.search_space import SearchSpace

    return SearchSpace.default() if path is None else SearchSpace.from_file(path)
