"""Options that take one of a few names: every command that has one refuses what nobody has, and nothing at all."""

import pytest
import typer

from search.cli.app import app

TRAIN = "train 8s:r|gap|fc10 --out new"
OTHER = {
    "run": "run --budget 3000 --dataset digits",
    "worker": "worker --storage {studies}",
    "train": f"{TRAIN} --dataset digits",
    "confirm": "confirm --storage {studies}",
    "audit": "audit --storage {studies}",
    "export": "export --storage {studies} --out new",
}
DATASET = {
    "run": "run --budget 3000",
    "train": TRAIN,
    "space": "space",
    "recipes": "recipes",
    "count": "count 8s:r|gap|fc10",
    "check": "check 8s:r|gap|fc10 --require gap",
    "evaluate": "evaluate 0 --storage {studies}",
}
# For each option: its first names, and each command that has it.
CHOICES: dict[str, tuple[str, dict[str, str]]] = {
    "--engine": ("auto, native, torch", OTHER),
    "--device": ("auto, cpu, cuda, xpu, mps", OTHER),
    "--sampler": ("front, tpe, random", OTHER),
    "--pruner": ("size-aware, none", OTHER),
    "--metric": ("accuracy, balanced-accuracy", OTHER),
    "--class-weights": ("none, balanced", OTHER),
    "--format": ("safetensors, onnx, onnx-int8, pt2, c, c-int8", OTHER),
    "--dataset": ("mnist, fashion-mnist, kmnist, digits, ", DATASET),
}


@pytest.mark.parametrize("option", CHOICES)
def test_a_name_that_nobody_has_is_refused_by_every_command(option: str, small_study, search_here) -> None:
    names, lines = CHOICES[option]
    having = [
        name
        for name, command in typer.main.get_command(app).commands.items()
        if any(option in parameter.opts for parameter in command.params)
    ]
    assert having
    for name in having:
        words = [word.replace("|", " ") for word in lines[name].format(studies=small_study.url).split()]
        for given in ("nonsense", ""):
            refused = search_here(*words, option, given)
            assert (refused.returncode, refused.stdout) == (2, ""), name
            assert refused.stderr.startswith(f"error: {option} must be one of {names}"), (name, refused.stderr)
            assert refused.stderr.count("\n") == 1
            assert f"not '{given}'" in refused.stderr
    assert not any(search_here.folder.iterdir())
