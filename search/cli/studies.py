"""The command studies."""

from typing import Annotated

import typer

from search.cli.options import OUTPUT, STORAGE, AsJson, Storage, example, storage_url
from search.defaults import DEFAULT_STORAGE
from space.errors import InputError

EXAMPLE = example(
    "python -m search studies",
    "python -m search studies delete mnist-8000",
    "python -m search studies copy mnist-8000 --to postgresql://me@db.example/studies",
)


def studies(
    action: Annotated[
        str | None,
        typer.Argument(
            metavar="[delete|copy]", help="Delete a study with its model files, or copy one. If omitted, list them."
        ),
    ] = None,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Name of the study.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.", rich_help_panel=OUTPUT)] = False,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            callback=lambda to: None if to is None else storage_url(to),
            help="The store to copy to, which is made if there is none.",
            rich_help_panel=STORAGE,
        ),
    ] = None,
    storage: Storage = DEFAULT_STORAGE,
    as_json: AsJson = False,
) -> None:
    """List the studies of a store, delete one, or copy one to another store."""
    from search.reports.studies import ask_to_delete, print_studies
    from studies.activity import check_idle
    from studies.copying import copy_study
    from studies.listing import delete_study, list_studies, list_study
    from studies.storage import Store

    if yes and action != "delete":
        raise InputError("--yes requires delete NAME")
    if (to is None) == (action == "copy"):
        raise InputError("studies copy NAME and --to URL belong together")
    if action is None:
        print_studies(list_studies(Store.open_read_only(storage)), as_json=as_json)
        return
    if action not in ("delete", "copy"):
        raise InputError(f"studies takes delete NAME, copy NAME --to URL, or nothing, which lists them, not {action!r}")
    if name is None or as_json:
        raise InputError(f"studies {action} takes the name of a study" + (" and no --json" if name else ""))
    if to is not None:
        source = Store.open_read_only(storage)
        name = source.resolve_study_name(name)
        check_idle(source, name)  # before the other store is made
        target = Store.create(to)
        copied = copy_study(source, target, name)
        print(
            f"study {name!r} is copied to {target.url}: {copied.num_trials:,} trials and {copied.num_files:,} files, "
            f"equal by SHA-256 {copied.sha256[:16]}"
        )
        return
    store = Store.open_read_only(storage)
    listed = list_study(store, store.resolve_study_name(name))
    if not yes and not ask_to_delete(listed):
        print("nothing was deleted")
        return
    delete_study(Store.open(storage), name)
    print(f"study {name!r} is deleted")
