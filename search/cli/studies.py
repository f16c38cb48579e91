"""The command studies."""

from typing import Annotated

import typer

from search.cli.options import OUTPUT, AsJson, Storage, example
from search.defaults import DEFAULT_STORAGE
from space.errors import InputError

EXAMPLE = example("python -m search studies", "python -m search studies delete mnist-8000")


def studies(
    action: Annotated[
        str | None,
        typer.Argument(metavar="[delete]", help="Delete a study with its model files, instead of a list."),
    ] = None,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Name of the study to delete.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.", rich_help_panel=OUTPUT)] = False,
    storage: Storage = DEFAULT_STORAGE,
    as_json: AsJson = False,
) -> None:
    """List the studies of a store, or delete one."""
    from search.reports.studies import ask_to_delete, print_studies
    from studies.listing import delete_study, list_studies, list_study
    from studies.storage import Store

    if action is None:
        if yes:
            raise InputError("--yes requires delete NAME")
        print_studies(list_studies(Store.open_read_only(storage)), as_json=as_json)
        return
    if action != "delete":
        raise InputError(f"studies takes nothing, or delete and the name of a study, not {action!r}")
    if name is None or as_json:
        raise InputError("studies delete takes the name of a study" + (" and no --json" if name else ""))
    store = Store.open_read_only(storage)
    listed = list_study(store, store.resolve_study_name(name))
    if not yes and not ask_to_delete(listed):
        print("nothing was deleted")
        return
    delete_study(Store.open(storage), name)
    print(f"study {name!r} is deleted")
