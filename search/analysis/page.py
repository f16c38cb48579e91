"""An analysis as one self-contained HTML page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from html import escape
from string import Template

import numpy as np
from numpy.typing import NDArray

from search.analysis.facts import Analysis, Subject
from search.analysis.picture import Picture
from search.models.shown import in_colours
from search.pages.content import image_uri, read_part, shared_style
from search.terminal.numbers import counted, format_accuracy, format_kib, format_seconds
from space.summary import LayerSummary, describe_layer


def render_page(analysis: Analysis, charts: Mapping[str, Picture], augmented: NDArray[np.uint8]) -> str:
    """Render the HTML page; ``augmented`` are training images as the model saw them."""
    template = Template(read_part("search.analysis", "page.html"))
    subject = analysis.subject
    return template.substitute(
        style=shared_style(),
        title=escape(subject.title),
        notation=escape(str(subject.architecture)),
        origin=escape(subject.origin),
        tiles=_tiles(analysis),
        confirmed=_confirmed(subject),
        remark=escape(_remark(analysis)),
        rules_lead=escape(f"Its parameters against {subject.limit}, and the parts that small nets are asked to have."),
        rules=_rules(analysis),
        layers=_layers(analysis),
        peak=format_kib(analysis.peak_activation_bytes),
        image_size="{1}×{2}".format(*subject.architecture.input_shape),
        receptive_fields=_receptive_fields(analysis.layers),
        learning=_learning(analysis, charts),
        num_images=f"{analysis.num_images:,}",
        confusion=charts["confusion"].svg,
        scores=_scores(analysis),
        mistakes=_mistakes(analysis),
        inputs=_inputs(analysis, augmented),
        settings=_settings(analysis),
    )


def describe_confirmation(subject: Subject) -> str:
    """Describe in a line what a confirmation measured of the candidate, and when it opened the test set for that."""
    point = subject.confirmed
    assert point is not None
    openings = " and ".join(
        f"{opened:%Y-%m-%d %H:%M} UTC for {counted(num_models, 'model')}" for opened, num_models in subject.openings
    )
    return (
        f"confirmed test accuracy {format_accuracy(point.accuracy)}, 95 % interval {100 * point.low:.2f} to "
        f"{100 * point.high:.2f} %, the mean of {len(point.seeds)} models of this net that were trained anew on all "
        f"images outside the test set, which was opened {openings}; this command did not read it"
    )


def _confirmed(subject: Subject) -> str:
    if subject.confirmed is None:
        return ""
    text = describe_confirmation(subject)
    return f'<p class="lead" id="confirmed">{escape(text[0].upper() + text[1:])}.</p>'


def _tiles(analysis: Analysis) -> str:
    rows = analysis.layers
    error = f"<small>± {100 * analysis.standard_error:.2f}</small>"
    tiles = [
        (f"{format_accuracy(analysis.val_accuracy)} {error}", "validation accuracy after the last epoch"),
        (f"{sum(row.num_params for row in rows):,}", "trainable parameters"),
        (
            f"{len(analysis.mistakes):,}",
            f"mistake{'' if len(analysis.mistakes) == 1 else 's'} in {analysis.num_images:,} validation images",
        ),
        (f"{sum(row.num_macs for row in rows):,}", "multiply-accumulates for one image"),
        (format_kib(sum(row.param_bytes for row in rows)), "of weights in fp32"),
    ]
    cells = [f"<dt>{label}</dt><dd>{value}</dd>" for value, label in tiles]
    return f'<div class="first">{cells[0]}</div>' + "".join(f"<div>{cell}</div>" for cell in cells[1:])


def _remark(analysis: Analysis) -> str:
    subject = analysis.subject
    remark = f"± is one standard error from {analysis.num_images:,} images. "
    if subject.checkpoint.val_accuracy is None:
        remark += "The model was trained on these images as well, so this is no estimate of how good it is on others."
    else:
        remark += (
            "This is validation, not test: no model was trained on these images, but one that was chosen by them, by a "
            "search or by when to stop, looks better than it is."
        )
    if subject.confirmed is None:
        remark += " The test images were not read."
    if subject.epochs and subject.epoch != subject.epochs[-1].epoch:
        of_epoch = "an earlier epoch" if subject.epoch is None else f"epoch {subject.epoch}"
        remark += (
            f" The weights in the file are those of {of_epoch}, with {format_accuracy(analysis.measured_accuracy)}; "
            "classes and mistakes are theirs."
        )
    return remark


def _rules(analysis: Analysis) -> str:
    marks = {True: '<span class="holds">✓ holds</span>', False: '<span class="broken">✗ broken</span>'}
    rows = [(escape(rule.name), marks[rule.holds], escape(rule.fact)) for rule in analysis.rules]
    return _table(("rule", "", "found"), rows, num_texts=3)


def _layers(analysis: Analysis) -> str:
    layers = analysis.subject.architecture.layers
    rows = [
        (
            f"<code>{escape(row.layer.token)}</code>",
            describe_layer(layer),
            "×".join(map(str, row.output_shape)),
            f"{row.num_params:,}",
            _bar(f"{100 * row.share:.1f} %", row.share),
            f"{row.num_macs:,}",
            format_kib(row.param_bytes),
            format_kib(row.activation_bytes),
        )
        for layer, row in zip(layers, analysis.layers, strict=True)
    ]
    total = (
        "total",
        "",
        "",
        f"{sum(row.num_params for row in analysis.layers):,}",
        "",
        f"{sum(row.num_macs for row in analysis.layers):,}",
        format_kib(sum(row.param_bytes for row in analysis.layers)),
        format_kib(sum(row.activation_bytes for row in analysis.layers)),
    )
    heads = ("layer", "what it is", "output", "parameters", "share", "MACs", "weights", "activations")
    return _table(heads, rows, num_texts=2, total=total)


def _receptive_fields(layers: Sequence[LayerSummary]) -> str:
    side = max(layers[0].input_shape[1:])
    rows = [
        (
            f"<code>{escape(row.layer.token)}</code>",
            f"{row.kernel}×{row.kernel}",
            str(row.stride),
            f"{row.output_shape[1]}×{row.output_shape[2]}",
            f"{row.receptive_field}×{row.receptive_field}",
            _bar(f"{min(row.receptive_field, side)} of {side}", row.receptive_field / side),
        )
        for row in layers
    ]
    return _table(("layer", "kernel", "stride", "output", "receptive field", "of the image's side"), rows)


def _learning(analysis: Analysis, charts: Mapping[str, Picture]) -> str:
    epochs, last = analysis.subject.epochs, analysis.last_epochs
    if not epochs:
        return (
            '<p id="epochs-unknown">The epochs of its training are not known: a model file does not hold them. '
            "They are known of a trial, and of a file in the folder that it was trained in.</p>"
        )
    balanced = " In validation, each class counts alike." if analysis.subject.is_balanced else ""
    captions = {
        "error": "The share of images that are wrong, on a log scale. In training, images are augmented and "
        f"seen with dropout and the weights of the moment, so its error can be the higher one.{balanced}",
        "loss": "Mean cross-entropy on a log scale; in training with label smoothing, where that is used.",
        "learning-rate": "The schedule, with dots where epochs ended.",
    }
    if len(epochs) > len(last):
        captions["error"] += f" The last {len(last)} epochs are shaded."
    figures = [
        f'<figure id="{name}">{charts[name].svg}<figcaption>{text}</figcaption></figure>'
        for name, text in captions.items()
    ]
    steady = analysis.steadiness
    assert steady is not None, "there are epochs"
    seconds = sum(result.seconds for result in epochs)
    facts = [
        ("lowest", format_accuracy(steady["lowest"])),
        ("highest", format_accuracy(steady["highest"])),
        ("spread", f"{100 * steady['spread']:.2f} points"),
    ]
    times = [
        ("in all", format_seconds(seconds)),
        ("an epoch", f"{seconds / len(epochs):.1f} s"),
        ("epochs", str(len(epochs))),
    ]
    span = "epoch" if len(last) == 1 else f"{len(last)} epochs"
    measure = "Balanced validation accuracy" if analysis.subject.is_balanced else "Validation accuracy"
    steadiness = (
        f"<div><h3>{measure} over the last {span}</h3>{_facts('last-epochs', facts)}"
        f"<h3>Training time</h3>{_facts('training-time', times)}</div>"
    )
    return f'<div class="columns">{"".join(figures)}{steadiness}</div>'


def _scores(analysis: Analysis) -> str:
    rights = np.diag(analysis.confusion)
    rows = [
        (
            escape(score.name),
            f"{score.support:,}",
            f"{100 * score.precision:.2f}",
            f"{100 * score.recall:.2f}",
            f"{100 * score.f1:.2f}",
            str(score.support - right),
        )
        for score, right in zip(analysis.scores, rights, strict=True)
    ]
    means = [np.mean([getattr(score, name) for score in analysis.scores]) for name in ("precision", "recall", "f1")]
    total = ("all", f"{analysis.num_images:,}", *(f"{100 * mean:.2f}" for mean in means), str(len(analysis.mistakes)))
    heads = ("class", "images", "precision, %", "recall, %", "F1, %", "missed")
    return _table(heads, rows, total=total)


def _mistakes(analysis: Analysis) -> str:
    num_mistakes = len(analysis.mistakes)
    if not num_mistakes:
        return "<p>There are none: it is right about every validation image.</p>"
    names = analysis.subject.checkpoint.class_names
    shown = analysis.shown_mistakes
    images = in_colours(analysis.data.validation.images[[mistake.index for mistake in shown]])
    figures = []
    for mistake, pixels in zip(shown, images, strict=True):
        was, said = escape(names[mistake.label]), escape(names[mistake.predicted])
        image = _image(pixels, f"{was} taken for {said}")
        caption = f"<strong>{was}</strong> taken for <strong>{said}</strong><br>{100 * mistake.confidence:.1f} % sure"
        figures.append(f"<figure>{image}<figcaption>{caption}</figcaption></figure>")
    if num_mistakes == 1:
        lead = "The only validation image that it gets wrong."
    else:
        first = f"The first {len(shown)} of {num_mistakes:,}" if len(shown) < num_mistakes else f"All {num_mistakes:,}"
        lead = f"{first} validation images that it gets wrong, the surest first."
    return f'<p class="lead">{lead}</p><div class="gallery">{"".join(figures)}</div>'


def _inputs(analysis: Analysis, augmented: NDArray[np.uint8]) -> str:
    config = analysis.subject.checkpoint.candidate.training
    if not config.augments:
        lead = "Training images as they are: this training did not augment them."
    else:
        lead = (
            f"Training images, each time turned by up to {config.rotation:.3g}° either way, moved by up to "
            f"{100 * config.translation:.3g} % of the side and resized by up to {100 * config.scale:.3g} %."
        )
        if config.plain_share:
            lead += f" {100 * config.plain_share:.3g} % of them, drawn anew in every epoch, are shown as they are."
        if config.plain_epochs:
            lead += f" In the last {counted(config.plain_epochs, 'epoch')} none is augmented."
    shown = in_colours(augmented)
    figures = "".join(f"<figure>{_image(image, 'training image')}</figure>" for image in shown)
    return f'<p class="lead">{lead}</p><div class="gallery">{figures}</div>'


def _settings(analysis: Analysis) -> str:
    training = asdict(analysis.subject.checkpoint.candidate.training)
    facts = [(name, _setting(value)) for name, value in training.items() if value is not None]
    half = (len(facts) + 1) // 2
    return _facts("settings-1", facts[:half]) + _facts("settings-2", facts[half:])


def _setting(value: object) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _facts(name: str, facts: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f'<tr><th class="text" scope="row">{label}</th><td>{value}</td></tr>' for label, value in facts)
    return f'<table id="{name}"><tbody>{rows}</tbody></table>'


def _table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], *, num_texts: int = 1, total: Sequence[str] | None = None
) -> str:
    """Render a table of HTML cells; the first ``num_texts`` columns are aligned as text, the others as numbers."""

    def line(cells: Sequence[str], *, is_head: bool = False) -> str:
        html = []
        for column, cell in enumerate(cells):
            text = ' class="text"' if column < num_texts else ""
            if is_head:
                html.append(f'<th scope="col"{text}>{cell}</th>')
            elif column == 0:
                html.append(f'<th scope="row"{text}>{cell}</th>')
            else:
                html.append(f"<td{text}>{cell}</td>")
        return f"<tr>{''.join(html)}</tr>"

    foot = f"<tfoot>{line(total)}</tfoot>" if total else ""
    body = "".join(line(row) for row in rows)
    return f"<table><thead>{line(heads, is_head=True)}</thead><tbody>{body}</tbody>{foot}</table>"


def _bar(text: str, part: float) -> str:
    return f'{text}<span class="bar" style="--part:{min(100 * part, 100):.1f}%"></span>'


def _image(pixels: NDArray[np.uint8], description: str) -> str:
    return f'<img class="digit" alt="{description}" src="{image_uri(pixels)}">'
