"""Numbers without sense, for every option of every command that takes a number."""

import itertools

import pytest
import typer

from search.cli.app import app

NUMBERS = ("-1", "0", "1e30", "nan", "inf", "-inf", "9" * 400, "9" * 5_000)
RUN = "run --dataset digits --budget 3000"
TRAIN = "train 8s:r|gap|fc10 --dataset digits --out new"

# For each option: the command without it, and those of the numbers above that have a sense there.
OPTIONS: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {
    ("run", "--budget"): ("run --dataset digits", ()),
    ("run", "--trials"): (RUN, ()),
    ("run", "--seed"): (RUN, ("0",)),
    ("run", "--timeout"): (RUN, ()),
    ("run", "--epochs"): (RUN, ()),
    ("run", "--train-size"): (RUN, ()),
    ("run", "--workers"): (RUN, ()),
    ("run", "--confirm-seeds"): (f"{RUN} --confirm", ()),
    ("worker", "--workers"): ("worker --storage {studies}", ()),
    ("worker", "--timeout"): ("worker --storage {studies}", ()),
    ("confirm", "--seeds"): ("confirm", ()),
    ("confirm", "--top"): ("confirm", ()),
    ("confirm", "--workers"): ("confirm", ()),
    ("audit", "--sample"): ("audit", ()),
    ("audit", "--seed"): ("audit", ()),
    ("audit", "--workers"): ("audit", ()),
    ("dashboard", "--port"): ("dashboard", ()),
    ("report", "--target"): ("report --out new --storage {studies}", ()),
    ("report", "--max-params"): ("report --out new --storage {studies}", ()),
    ("space", "--budget"): ("space --dataset digits", ()),
    ("check", "--max-params"): ("check 8s:r|gap|fc10", ()),
    ("train", "--epochs"): (TRAIN, ()),
    ("train", "--batch-size"): (TRAIN, ()),
    ("train", "--max-lr"): (TRAIN, ()),
    ("train", "--seed"): (TRAIN, ("0",)),
    ("train", "--seeds"): (TRAIN, ()),
    ("train", "--train-size"): (TRAIN, ()),
    ("export", "--trial"): ("export --out new --storage {studies}", ("0",)),
    ("export", "--max-params"): ("export --out new --storage {studies}", ()),
    ("export", "--min-accuracy"): ("export --out new --storage {studies}", ("0",)),
    ("export", "--confidence"): ("export --out new --min-accuracy 0.5 --storage {studies}", ()),
}
SETTINGS = {
    **dict.fromkeys(("epochs", "batch_size", "lr_step", "patience"), ()),
    "lr_patience": ("0",),
    **dict.fromkeys(("max_lr", "div_factor", "final_div_factor", "lr_factor", "clip_norm", "stop_accuracy"), ()),
    "pct_start": ("0",),
    **dict.fromkeys(("weight_decay", "label_smoothing", "rotation", "translation", "scale"), ("0",)),
    "momentum": ("0",),
    "peak_momentum": ("0",),
    "pixel_mean": ("0", "-1"),
    "pixel_std": (),
}


def test_every_option_that_takes_a_number_is_here() -> None:
    options = {
        (name, parameter.opts[0])
        for name, command in typer.main.get_command(app).commands.items()
        for parameter in command.params
        if parameter.bare_type() in ("int", "float")
    }
    assert options == OPTIONS.keys()


@pytest.mark.parametrize("command", dict.fromkeys(command for command, _ in OPTIONS))
def test_a_number_without_sense_is_refused(command: str, small_study, search_here) -> None:
    for (of, option), (line, sensible) in OPTIONS.items():
        if of == command:
            words = [word.replace("|", " ") for word in line.format(studies=small_study.url).split()]
            for number in ("", *NUMBERS):
                if number not in sensible:
                    assert_refused(search_here, [*words, f"{option}={number}"])


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_without_sense_is_refused(setting: str, search_here) -> None:
    for number in ("", *NUMBERS):
        if number not in SETTINGS[setting]:
            nesterov = ["--set", "nesterov=false"] if setting == "momentum" else []
            assert_refused(
                search_here,
                [word.replace("|", " ") for word in TRAIN.split()] + ["--set", f"{setting}={number}", *nesterov],
            )


NETS = {
    "width": "{}s:r gap fc10",
    "kernel": "8k{}s:r gap fc10",
    "padding": "8p{}:r gap fc10",
    "dropout": "8s:rd{} gap fc10",
    "pool": "8s:r p{} gap fc10",
    "outputs": "8s:r gap fc{}",
}
RANGES = {
    "[[stage]]\nlayers": "[{}, 3]\nwidth = [4, 8]",
    "[[stage]]\nlayers = [1, 2]\nwidth": "[4, {}]",
    "[architecture]\ndropout": "[0.0, {}]",
    "[training]\nbatch_size_choices": "[{}]",
    "[training]\nmax_lr": "[0.1, {}]",
    "[training]\nweight_decay": "[1e-5, {}]",
    "[training]\nlabel_smoothing": "[0.0, {}]",
    "[training]\naugmentation": "[0.0, {}]",
}


def test_numbers_without_sense_in_nets_and_files_are_refused(search_here) -> None:
    zero_is_sensible = {"padding", "dropout", "[architecture]\ndropout", "[training]\nlabel_smoothing"}
    zero_is_sensible |= {"[training]\naugmentation"}
    for (name, net), number in itertools.product(
        NETS.items(), ("-1", "0", "1e30", "nan", "inf", "9" * 400, "9" * 5_000)
    ):
        if not (number == "0" and name in zero_is_sensible):
            text = net.format(number)
            assert_refused(search_here, ["count", text])
            (search_here.folder / "nets.txt").write_text(text)
            assert_refused(search_here, [*RUN.split(), "--warm-start", "nets.txt"])
    for (key, value), number in itertools.product(
        RANGES.items(), ("-1", "0", "1e30", "nan", "inf", "9" * 400, "9" * 5_000)
    ):
        if not (number == "0" and key in zero_is_sensible):
            (search_here.folder / "my.toml").write_text(f"{key} = {value.format(number)}\n")
            assert_refused(search_here, ["space", "--space", "my.toml"])


def assert_refused(search_here, words: list[str]) -> None:
    before = sorted(search_here.folder.iterdir())
    result = search_here(*words)
    shown = [word[:80] for word in words], result.stderr[:1_000]
    assert (result.returncode, result.stdout) == (2, ""), shown
    assert result.stderr.startswith("error: "), shown
    assert result.stderr.count("\n") == 1, shown
    assert "9" * 201 not in result.stderr, shown
    assert len(result.stderr) < 700, shown
    assert sorted(search_here.folder.iterdir()) == before, shown
