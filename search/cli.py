"""The command line: parse, call, print, exit code. Whatever is slow to import is imported where it is used.

Results go to stdout, logs and displays to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage or input,
130 interrupted.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from search.defaults import DEFAULT_STORAGE, DEFAULT_TRIALS, MAX_EPOCHS
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
    dataset: Annotated[str, typer.Option(metavar="NAME", help="mnist, fashion-mnist, kmnist or digits.")] = "mnist",
    data_root: DataRoot = None,
    space: SpaceFile = None,
    sampler: Annotated[str, typer.Option(metavar="NAME", help="tpe or random.")] = "tpe",
    pruner: Annotated[str, typer.Option(metavar="NAME", help="size-aware or none.")] = "size-aware",
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the study.")] = 0,
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, xpu or mps.")] = "auto",
    engine: Annotated[str, typer.Option(metavar="NAME", help="auto, native or torch.")] = "auto",
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Processes; default one a core, one on an accelerator.")
    ] = None,
    train_size: Annotated[
        int | None, typer.Option(metavar="N", help="Train on this many images; default all but the validation images.")
    ] = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Search for the best nets within a budget; the same command again goes on where it ended."""
    from search.config import RunConfig
    from search.progress import make_display
    from search.report import print_run
    from search.run import run_search

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
    )
    summary = run_search(config, make_display(quiet=quiet))
    print_run(summary, config, as_json=as_json)
    if summary.interrupted:
        raise typer.Exit(130)


@app.command()
def status(study: Study = None, storage: Storage = DEFAULT_STORAGE, as_json: AsJson = False) -> None:
    """How far a study is: trained, pruned, rejected, duplicate, diverged, running, best and time."""
    from search.report import print_status
    from studies.storage import Store

    store = Store.open_read_only(storage)
    print_status(store, store.resolve_study_name(study), as_json=as_json)


@app.command()
def front(
    study: Study = None,
    storage: Storage = DEFAULT_STORAGE,
    as_json: AsJson = False,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a CSV file instead.")] = None,
) -> None:
    """The Pareto front: no other trial has both fewer parameters and a higher validation accuracy."""
    from search.report import print_front, write_front_csv
    from studies.records import read_front
    from studies.storage import Store

    store = Store.open_read_only(storage)
    points = read_front(store.engine, store.resolve_study_name(study))
    if csv is not None:
        write_front_csv(points, csv)
    else:
        print_front(points, as_json=as_json)


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
    from search.report import print_count
    from space.architecture import ArchitectureSpec

    print_count(ArchitectureSpec.from_text(notation), as_json=as_json)


@app.command()
def export(
    out: Annotated[Path, typer.Option(metavar="PATH", help="A folder to make, or with --format one file.")],
    study: Study = None,
    storage: Storage = DEFAULT_STORAGE,
    trial: Annotated[int | None, typer.Option(metavar="N", help="This trial.")] = None,
    max_params: Annotated[
        int | None, typer.Option(metavar="N", help="The most accurate of the front within so many parameters.")
    ] = None,
    min_accuracy: Annotated[
        float | None, typer.Option(metavar="X", help="The smallest of the front that reaches X, such as 0.99.")
    ] = None,
    file_format: Annotated[
        str | None, typer.Option("--format", metavar="NAME", help="safetensors or onnx: one file.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what an earlier export wrote.")] = False,
    data_root: DataRoot = None,
) -> None:
    """Write a trained model to files; without a selector the most accurate one."""
    from search.export import export_model
    from search.selection import select_trial
    from studies.storage import Store

    store = Store.open_read_only(storage)
    name = store.resolve_study_name(study)
    number = select_trial(store, name, trial=trial, max_params=max_params, min_accuracy=min_accuracy)
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
