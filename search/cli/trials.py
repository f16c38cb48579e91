"""The command trials."""

from search.cli.options import AsJson, CsvFile, Storage, Study, check_one_format, example
from search.defaults import DEFAULT_STORAGE

EXAMPLE = example("python -m search trials", "python -m search trials --csv trials.csv")


def trials(
    study: Study = None, storage: Storage = DEFAULT_STORAGE, as_json: AsJson = False, csv: CsvFile = None
) -> None:
    """List the trials of a study that have ended: how, with how many parameters, and how accurate they are."""
    check_one_format(as_json=as_json, csv=csv)
    from search.reports.trials import print_trials, trials_csv
    from search.terminal.output import write_csv
    from studies.records import trial_rows
    from studies.storage import Store

    store = Store.open_read_only(storage)
    rows = trial_rows(store, store.resolve_study_name(study))
    if csv is not None:
        write_csv(trials_csv(rows), csv)
    else:
        print_trials(rows, as_json=as_json)
