"""The command curves."""

from search.cli.options import AsJson, CsvFile, Storage, Study, check_one_format, example
from search.defaults import DEFAULT_STORAGE

EXAMPLE = example("python -m search curves", "python -m search curves --csv curves.csv")


def curves(
    study: Study = None, storage: Storage = DEFAULT_STORAGE, as_json: AsJson = False, csv: CsvFile = None
) -> None:
    """Show the learning curves of a study: what each of its trials had reached after each epoch."""
    check_one_format(as_json=as_json, csv=csv)
    from search.reports.trials import curves_csv, print_curves
    from search.terminal.output import write_csv
    from studies.records import curve_rows
    from studies.storage import Store

    store = Store.open_read_only(storage)
    rows = curve_rows(store.database, store.resolve_study_name(study))
    if csv is not None:
        write_csv(curves_csv(rows), csv)
    else:
        print_curves(rows, as_json=as_json)
