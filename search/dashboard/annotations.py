"""Notes and plots that explain a study in optuna-dashboard, added to what it answers and never written to the store."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from search.study_report.growth import drawn_error
from search.terminal.numbers import counted

Json = dict[str, Any]
ERRORS = (0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.007, 0.005, 0.003, 0.002, 0.001)
"""Errors that the plots label, as the accuracies that they leave."""
FAR = 4
"""Reference systems of more than so many times the budget would press the front into a corner."""
COLOURS = {"on the front": "#1f5fa8", "complete": "#7d8896", "pruned": "#c65d0e"}
REFERENCE, CONFIRMED = "#b3261e", "#1f7a4d"


def annotate(study: Json, overview: Json, details: Mapping[int, Json]) -> None:
    """Add to optuna-dashboard's description of a study what has no note of a person's: notes and plots.

    ``details`` are those of the trials on the front; of the others, the table of trials shows notation and files.
    """
    if not study["note"]["body"]:
        study["note"] = {**study["note"], "body": study_note(overview)}
    for trial in [*study["trials"], *study["best_trials"]]:
        if trial["number"] in details and not trial["note"]["body"]:
            trial["note"] = {**trial["note"], "body": trial_note(details[trial["number"]])}
    study["plotly_graph_objects"] += [
        {"id": name, "graph_object": json.dumps(figure)} for name, figure in figures(overview).items()
    ]


def annotate_curves(study: Json, name: str) -> None:
    """Add a note to the description of the study that holds the learning curves of the study ``name``."""
    if not study["note"]["body"]:
        text = f"The learning curves of the study `{name}`, under the same trial numbers: validation accuracy by epoch."
        study["note"] = {**study["note"], "body": text}


def study_note(overview: Json) -> str:
    """Explain a study in Markdown: what was asked, how it was judged, its front, and the commands that use it."""
    settings = overview["settings"]
    on = f" on {settings['train_size']:,} images" if "train_size" in settings else ""
    held_out = "" if overview["num_validation"] is None else f"{overview['num_validation']:,} "
    front = [
        f"| {point['num_params']:,} | {100 * point['val_accuracy']:.2f} % | {point['trial']} | `{point['notation']}` |"
        for point in overview["front"]
    ]
    lines = [
        f"# {overview['study']}",
        f"The most accurate nets of at most **{settings['budget']:,} trainable parameters** on {settings['dataset']}. "
        f"Each trial trains for at most {counted(overview['epochs'], 'epoch')}{on}. `val_accuracy` is that after the "
        f"last epoch on {held_out}held-out images, never that of the best epoch. The test set stays closed until "
        "`confirm` opens it.",
        "A *complete* trial was trained to its end. Of the trials that are *pruned* here, some were stopped since they "
        "would miss the front, and others were over the budget and never trained: the attribute `outcome` tells.",
        "## The front",
        "\n".join(["| parameters | val accuracy | trial | notation |", "|---:|---:|---:|---|", *front]),
        "## Commands",
        "\n".join(f"- {item['what']}: `{item['command']}`" for item in overview["commands"]),
        "## The space",
        f"```toml\n{overview['space'].strip()}\n```",
    ]
    return "\n\n".join(lines)


def trial_note(detail: Json) -> str:
    """Return the layers of a net as a table in Markdown."""
    rows = [
        f"| `{token}` | {what} | {output} | {params:,} | {macs:,} | {field}×{field} |"
        for token, what, output, params, macs, field in detail["layers"]
    ]
    head = "| layer | what it is | output | parameters | MACs | sees |\n|---|---|---:|---:|---:|---:|"
    return "\n".join([head, *rows]) + f"\n\nTrained with {detail['training']}."


def figures(overview: Json) -> dict[str, Json]:
    """Return plots in plotly's JSON, by their names."""
    return {
        "front": _figure("The front", _front(overview), "parameters", "log"),
        "hypervolume": _figure(
            "Area below the front, in decades of errors × parameters",
            [_line([trial for trial, _ in overview["growth"]], [area for _, area in overview["growth"]], "area")],
            "trial",
            "linear",
            is_accuracy=False,
        ),
        "curves": _figure("Learning curves by what became of the trial", _curves(overview), "epoch", "linear"),
    }


def _front(overview: Json) -> list[Json]:
    on_front = {point["trial"] for point in overview["front"]}
    traces = []
    for fate in ("complete", "pruned"):
        rows = [row for row in overview["trials"] if row[1] == fate and row[3] is not None and row[0] not in on_front]
        points = [(row[2], row[3], f"trial {row[0]}", row[6]) for row in rows]
        traces.append(_dots(points, fate, COLOURS[fate], opacity=0.5))
    points = [
        (point["num_params"], point["val_accuracy"], f"trial {point['trial']}", point["notation"])
        for point in overview["front"]
    ]
    front = _dots(points, "on the front", COLOURS["on the front"], size=9)
    traces.append({**front, "mode": "lines+markers", "line": {"shape": "hv", "width": 1}})
    if confirmed := overview["confirmed"]:
        points = [
            (point["num_params"], point["accuracy"], f"trial {point['trial']}, confirmed", point["notation"])
            for point in confirmed
        ]
        trace = _dots(points, "confirmed, on the test images", CONFIRMED, symbol="line-ew-open")
        above = [drawn_error(point["low"]) - drawn_error(point["accuracy"]) for point in confirmed]
        below = [drawn_error(point["accuracy"]) - drawn_error(point["high"]) for point in confirmed]
        traces.append({**trace, "error_y": {"type": "data", "array": above, "arrayminus": below, "symmetric": False}})
    largest = FAR * overview["settings"]["budget"]
    systems = [item for item in overview["references"] if item["measured"] and item["num_params"] <= largest]
    if systems:
        points = [
            (item["num_params"], item["measured"]["mean"], item["name"], f"claimed {100 * item['claimed']:.2f} %")
            for item in systems
        ]
        traces.append(_dots(points, "reference systems, on the test images", REFERENCE, symbol="diamond-open", size=9))
    return traces


def _curves(overview: Json) -> list[Json]:
    """One trace for each fate, whose curves have gaps between them."""
    on_front = {point["trial"] for point in overview["front"]}
    fates = {row[0]: row[1] for row in overview["trials"]}
    drawn: dict[str, tuple[list[int | None], list[float | None]]] = {}
    for trial, curve in overview["curves"].items():
        fate = "on the front" if trial in on_front else fates.get(trial, "in training")
        epochs, errors = drawn.setdefault(fate, ([], []))
        epochs += [*range(1, len(curve) + 1), None]
        errors += [*map(drawn_error, curve), None]
    return [
        {**_line(epochs, errors, fate), "line": {"width": 1, "color": COLOURS.get(fate, CONFIRMED)}}
        for fate, (epochs, errors) in drawn.items()
    ]


def _dots(
    points: Sequence[tuple[int, float, str, str]],
    name: str,
    colour: str,
    *,
    symbol: str = "circle",
    size: int = 6,
    opacity: float = 1.0,
) -> Json:
    """A trace of points: number of parameters, accuracy, name and a line about each."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [num_params for num_params, *_ in points],
        "y": [drawn_error(accuracy) for _, accuracy, *_ in points],
        "name": name,
        "text": [f"{which}: {100 * accuracy:.2f} %<br>{about}" for _, accuracy, which, about in points],
        "hoverinfo": "text",
        "marker": {"color": colour, "symbol": symbol, "size": size, "opacity": opacity},
    }


def _line(x: Sequence[float | None], y: Sequence[float | None], name: str) -> Json:
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "name": name, "line": {"shape": "hv"}}


def _figure(title: str, traces: list[Json], x_title: str, x_type: str, *, is_accuracy: bool = True) -> Json:
    y_axis: Json = {"title": {"text": "area"}}
    if is_accuracy:
        y_axis = {
            "type": "log",
            "autorange": "reversed",
            "title": {"text": "validation accuracy"},
            "tickvals": list(ERRORS),
            "ticktext": [f"{100 * (1 - error):.4g} %" for error in ERRORS],
        }
    return {
        "data": traces,
        "layout": {
            "title": {"text": title},
            "xaxis": {"type": x_type, "title": {"text": x_title}},
            "yaxis": y_axis,
            "hovermode": "closest",
            "legend": {"orientation": "h", "y": -0.25},
        },
    }
