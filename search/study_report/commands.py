"""The commands that make a study again, and those that use it."""

import shlex
from dataclasses import fields
from typing import Any

from mnist_core.datasets.sources import ImageSource
from search.defaults import DEFAULT_STORAGE
from space.fitted import default_space
from space.limits import DeviceLimits, option_of
from space.search_space import SearchSpace

SPACE_FILE = "space.toml"
LIMITS = [limit.name for limit in fields(DeviceLimits)]


def reproduction(
    name: str,
    fingerprint: dict[str, Any],
    storage: str,
    recorded: dict[str, Any],
    num_trained: int,
    *,
    target: float | None,
    max_params: int | None,
) -> list[dict[str, str]]:
    """Return commands with what each is for; ``recorded`` holds the settings of the latest call.

    ``target`` and ``max_params`` are the options of the page itself.
    """
    options = "".join(
        f" {option} {value}" for option, value in (("--target", target), ("--max-params", max_params)) if value
    )
    where = "" if storage == DEFAULT_STORAGE else f" --storage {shlex.quote(storage)}"
    study = f" --study {shlex.quote(name)}"
    run = ["python -m search run", f"--budget {fingerprint['budget']}", f"--trials {max(1, num_trained)}"]
    run += [f"{option_of(name)} {fingerprint[name]}" for name in LIMITS if name in fingerprint]
    run += _data_options(fingerprint)
    if "train_size" in fingerprint:
        run.append(f"--train-size {fingerprint['train_size']}")
    run += [f"--{key} {fingerprint[key]}" for key in ("epochs", "seed", "metric") if key in fingerprint]
    run += [f"--{key} {recorded[key]}" for key in ("sampler", "pruner") if recorded.get(key)]
    if recorded.get("workers"):
        run.append(f"--workers {recorded['workers']}")
    options_of_space, note = _space_options(fingerprint)
    run += options_of_space
    return [
        {
            "what": f"Search anew with these settings, or go on with more --trials{note}",
            "command": " ".join(run) + study + where,
        },
        {
            "what": "Find out what the front is worth on the test set",
            "command": f"python -m search confirm{study}{where}",
        },
        {
            "what": "Export the best net as ONNX, C and more",
            "command": f"python -m search export{study}{where} --out {shlex.quote(name.replace('/', '-'))}-best",
        },
        {"what": "Write this page", "command": f"python -m search report{study}{where} --out report.html{options}"},
    ]


def _space_options(fingerprint: dict[str, Any]) -> tuple[list[str], str]:
    """Return what names the space of a study, and where its file is; nothing for the space that is searched anyway."""
    if "space" not in fingerprint:
        return [], ""
    space = SearchSpace.from_stored(fingerprint["space"])
    weights = space.training.class_weights
    options = [] if weights == "none" else [f"--class-weights {weights}"]
    images = space.architecture
    dataset = "" if "source" in fingerprint else fingerprint["dataset"]
    usual = default_space(images.input_shape, images.num_classes, fingerprint["budget"], dataset=dataset)
    if space == usual.with_class_weights(weights):
        return options, ""
    return [*options, f"--space {SPACE_FILE}"], f"; {SPACE_FILE} is the space below"


def _data_options(fingerprint: dict[str, Any]) -> list[str]:
    if "source" not in fingerprint:
        return [f"--dataset {fingerprint['dataset']}"]
    source = ImageSource.from_json(fingerprint["source"])
    size = [] if source.image_size is None else [f"--image-size {'x'.join(map(str, source.image_size))}"]
    flags = [flag for flag, is_given in (("--grey", source.grey), ("--skip-corrupt", source.skip_corrupt)) if is_given]
    return [f"--dataset {shlex.quote(source.location)}", *size, *flags]
