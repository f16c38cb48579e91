"""The model card of an export: the README of its folder, rendered as Markdown."""

import shlex
from collections.abc import Sequence

from mnist_core.checkpoint import Checkpoint
from search.export.subject import C_FORMATS, ExportSubject, ModelFile, accuracy_of
from search.terminal.numbers import counted, format_accuracy
from space.architecture import ArchitectureSpec
from space.footprint import footprint
from space.layers import INPUT_SHAPE, Conv

CODE_BYTES = {"Cortex-M0": (1_618, 1_853), "Cortex-M4": (1_474, 1_697)}
"""Bytes of code of C with integers, with what it needs of the compiler's library, as `benchmarks.cortex_m` prints them:
without and with separable convolutions."""
OPTIMISM = 0.0017
"""How much better the best of 50 equal nets looks than it is, on 10,000 images: the excess of the largest of 50 draws
with its standard error over their mean (docs/decisions.md)."""


def render_model_card(subject: ExportSubject, files: Sequence[ModelFile], *, num_images: int) -> str:
    """Render the card of a folder with these files, whose accuracies are on ``num_images`` validation images."""
    sections = [
        _head(subject),
        f"## Use\n\n{_use(subject, files)}",
        f"## Accuracy\n\n{_accuracy(subject)}",
        f"## Files\n\n{_files(subject, files, num_images)}",
        f"## Place on the front\n\n{_front(subject)}",
        f"## Confusion\n\n{_confusion(subject)}",
        f"## Preprocessing\n\n{_preprocessing(subject.checkpoint)}",
        f"## Training\n\n{_training(subject)}",
        f"## Limits\n\n{_limits(subject.checkpoint)}",
    ]
    return "\n\n".join(sections) + "\n"


def _head(subject: ExportSubject) -> str:
    checkpoint = subject.checkpoint
    candidate, names = checkpoint.candidate, checkpoint.class_names
    channels, height, width = candidate.architecture.input_shape
    state = "" if subject.confirmed else " (unconfirmed)"
    return (
        f"# Classifier of {checkpoint.dataset} with {candidate.num_params:,} parameters{state}\n\n"
        f"Trial {checkpoint.trial} of the study `{subject.study_name}`: a convolutional network that names one of "
        f"{len(names)} classes for {_kind_of_image(channels)} of {width}x{height} pixels.\n\n"
        f"- architecture: `{candidate.architecture}`\n"
        f"- trainable parameters: {candidate.num_params:,}\n"
        f"- input: (N, {channels}, {height}, {width}) float32, pixels of 0 to 1; output: (N, "
        f"{len(names)}) logits, the highest is the prediction\n"
        f"- classes, in order: {', '.join(names)}"
    )


def _kind_of_image(channels: int) -> str:
    return {1: "a grey image", 3: "a colour image"}.get(channels, f"an image of {channels} channels")


def _use(subject: ExportSubject, files: Sequence[ModelFile]) -> str:
    channels, height, width = subject.checkpoint.candidate.architecture.input_shape
    sizes = ", ".join(map(str, [height, width] if channels == 1 else [height, width, channels]))
    text = (
        "```sh\n"
        "pip install numpy onnxruntime\n"
        "python predict.py              # the ten images of examples.npy\n"
        f"python predict.py IMAGES.npy   # bytes (uint8) of shape (N, {sizes}) or ({sizes})\n"
        "```\n\n"
        "It prints the label and the confidence of each image."
    )
    if any(file.file_format == "c" and file.included for file in files):
        text += (
            " For microcontrollers, add `model.c` to a program and include `model.h`, which declares the call: C99, "
            f"no library, no allocation. `{_command(subject, 'c-int8')}` writes one that needs no floats."
        )
    return text


def _accuracy(subject: ExportSubject) -> str:
    confirmed, checkpoint = subject.confirmed, subject.checkpoint
    if confirmed is None:
        assert checkpoint.val_accuracy is not None
        return (
            f"**Unconfirmed: {format_accuracy(checkpoint.val_accuracy)} of the validation images.** The model was not "
            "trained on them, but it was chosen by them, and of many trials the luckiest looks best: the best of "
            f"50 equal ones looks about {100 * OPTIMISM:.2f} points better than it is. How good this one is on new "
            "images is not known; the test images were not read."
        )
    return (
        f"**Mean test accuracy {format_accuracy(confirmed.accuracy)} over {len(confirmed.seeds)} seeds** "
        f"({', '.join(map(str, confirmed.seeds))}), 95 % interval {100 * confirmed.low:.2f} to "
        f"{format_accuracy(confirmed.high)}. The probability that no smaller or equal member of the confirmed front is "
        f"more accurate is {100 * confirmed.front_probability:.0f} %.\n\n"
        f"These figures are of the architecture with its training, not of one set of weights. The weights here are "
        f"those of the lowest seed, {checkpoint.seed}; they were not chosen by test accuracy. They were trained on all "
        "images outside the test set, the validation images too: the accuracies of the files below only show that the "
        "formats agree, and are no estimate."
    )


def _files(subject: ExportSubject, files: Sequence[ModelFile], num_images: int) -> str:
    rows = [
        (f"`{file.name}`", _PURPOSES[file.file_format], f"{file.num_bytes:,}", _measured(file))
        for file in files
        if file.included
    ]
    trained_on = "" if subject.confirmed is None else ", which the model was trained on"
    parts = [
        f"Each was measured from the file on the {num_images:,} validation images{trained_on}.",
        _table("llrr", ("file", "for", "bytes", "accuracy"), rows),
    ]
    parts += [
        f"`{file.name}` is left out: {file.reason}."
        for file in files
        if not file.included and file.file_format not in C_FORMATS
    ]
    if in_c := [file for file in files if file.flash_bytes is not None and file.ram_bytes is not None]:
        architecture = subject.checkpoint.candidate.architecture
        parts += ["As C, which computes in floats or in integers:", _c_table(subject, in_c), _linked(architecture)]
    parts.append(
        "`config.json` holds all settings, versions and figures; `predict.py`, `examples.npy` and `confusion.png` "
        "complete the folder."
    )
    return "\n\n".join(parts)


_PURPOSES = {
    "safetensors": "PyTorch with small-model-search",
    "onnx": "any ONNX runtime, and `predict.py`",
    "onnx-int8": "ONNX runtimes that compute in int8",
    "pt2": "PyTorch alone: `torch.export.load`",
    "c": "microcontrollers, with `model.h`",
}


def _command(subject: ExportSubject, file_format: str) -> str:
    """Return the command that writes a format of this model."""
    which = f"--study {shlex.quote(subject.study_name)} --trial {subject.checkpoint.trial}"
    return f"python -m search export {which} --format {file_format} --out firmware"


def _c_table(subject: ExportSubject, files: Sequence[ModelFile]) -> str:
    rows = [
        (
            "integers" if file.file_format == "c-int8" else "floats",
            f"{file.flash_bytes:,}",
            f"{file.ram_bytes:,}",
            _measured(file),
            "here" if file.included else f"`{_command(subject, file.file_format)}`",
        )
        for file in files
    ]
    return _table("lrrrl", ("computes in", "flash bytes", "RAM bytes", "accuracy", "where"), rows)


def _linked(architecture: ArchitectureSpec) -> str:
    """Say what the code with integers takes once it is linked."""
    taken = footprint(architecture)
    separable = any(isinstance(layer, Conv) and layer.separable for layer in architecture.layers)
    sizes = " and ".join(
        f"{taken.flash_bytes + code[separable]:,} bytes on a {processor}" for processor, code in CODE_BYTES.items()
    )
    return (
        f"Flash is that of the constants, RAM that of the variables. In integers an image takes {taken.num_macs:,} "
        f"multiply-accumulates; linked with its code, the model takes {sizes} (arm-none-eabi-gcc 12.2 with -Os; the "
        "code as `python -m benchmarks.cortex_m` measures it), and a little stack."
    )


def _measured(file: ModelFile) -> str:
    return "not run here" if file.accuracy is None else format_accuracy(file.accuracy)


def _front(subject: ExportSubject) -> str:
    num_points = len(subject.members)
    if subject.position is None:
        return (
            f"Trial {subject.checkpoint.trial} is not on the study's front, which has {counted(num_points, 'point')}."
        )
    kind, measure = ("", "validation") if subject.confirmed is None else ("confirmed ", "mean test")
    if subject.is_balanced:
        measure = "balanced validation"
    rows = [
        (
            f"**{point.trial}**, this one" if point.trial == subject.checkpoint.trial else str(point.trial),
            f"{point.num_params:,}",
            format_accuracy(accuracy_of(point)),
            f"`{point.notation}`",
        )
        for point in subject.neighbours
    ]
    return (
        f"Point {subject.position} of {num_points} of the study's {kind}front, fewest parameters first, with "
        "its neighbours:\n\n" + _table("rrrl", ("trial", "parameters", f"{measure} accuracy", "notation"), rows)
    )


def _confusion(subject: ExportSubject) -> str:
    if subject.confusion is not None:
        images = f"the test images ({int(subject.confusion.sum()):,} predictions)"
    elif subject.confirmed is not None:
        images = "the validation images, which the model was trained on"
    else:
        images = "the validation images"
    return (
        "![Confusion matrix](confusion.png)\n\n"
        f"Counts on {images}: the true class by row, the predicted one by column; mistakes in blue."
    )


def _preprocessing(checkpoint: Checkpoint) -> str:
    channels, height, width = checkpoint.candidate.architecture.input_shape
    if (channels, height, width) == INPUT_SHAPE:
        images = "One channel of 28x28, light on dark: 0 is the background, 1 the full stroke."
    else:
        images = (
            f"{_kind_of_image(channels).capitalize()} of {height} rows of {width} pixels, as in {checkpoint.dataset}."
        )
    return (
        f"{images} Bytes are divided by 255; the C code takes them as they are. "
        f"Normalisation, (pixel - {checkpoint.mean:.6g}) / {checkpoint.std:.6g}, is inside every file but "
        "`model.safetensors`, whose user does it."
    )


def _training(subject: ExportSubject) -> str:
    checkpoint = subject.checkpoint
    settings = checkpoint.candidate.to_json()["training"]
    rows = [(f"`{name}`", "none" if value is None else str(value)) for name, value in settings.items()]
    images = "all images outside the test set" if subject.confirmed else "training images"
    return (
        f"On {images} of {checkpoint.dataset} with seed {checkpoint.seed}, with PyTorch {checkpoint.torch_version} "
        "installed. SHA-256 of the data: "
        f"`{checkpoint.dataset_sha256}`.\n\n" + _table("ll", ("setting", "value"), rows)
    )


def _limits(checkpoint: Checkpoint) -> str:
    return (
        f"- It knows images such as those of {checkpoint.dataset}, placed and scaled as these are; anything else it "
        "has not seen.\n"
        "- It always names one of its classes, whatever the image shows. The confidence is the softmax of the logits: "
        "not calibrated, and no sign of images of another kind.\n"
        "- Files in int8 may name another class for single images, and other hardware may round differently.\n"
        "- It was not tested for safety, fairness or robustness to manipulated images."
    )


def _table(sides: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Render a Markdown table; ``sides`` has one letter per column, l for left-aligned and r for right-aligned."""
    rules = [{"l": "---", "r": "---:"}[side] for side in sides]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rules, *rows))
