import itertools
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mnist_core.data import SPLIT_SEED, load_dataset
from search.defaults import DEFAULT_TRIALS, MAX_EPOCHS
from search.runs.config import RunConfig
from space.architecture import ArchitectureSpec, num_params
from space.errors import InputError
from space.footprint import footprint
from space.limits import DeviceLimits
from space.search_space import SearchSpace
from tests.runners import few_digits, small_space

SMALLEST = num_params(SearchSpace.default().smallest)

# (setting, value, what the message says of option, rule and value)
BAD_SETTINGS: list[tuple[str, Any, str]] = [
    ("budget", SMALLEST - 1, f"--budget must be at least {SMALLEST}"),
    ("budget", SMALLEST - 1, "(3s:br ap sep3s:br sep3s:br ap sep3v:br sep3v:br gap fc10+)"),
    ("budget", 0, "not 0"),
    ("budget", -5, "not -5"),
    ("trials", 0, "--trials must be at least 1, not 0"),
    ("trials", -1, "--trials must be at least 1, not -1"),
    ("epochs", 0, f"--epochs must be from 1 to {MAX_EPOCHS}, not 0"),
    ("epochs", MAX_EPOCHS + 1, f"--epochs must be from 1 to {MAX_EPOCHS}, not {MAX_EPOCHS + 1}"),
    ("timeout", 0, "--timeout must be above 0 seconds, not 0"),
    ("timeout", -0.5, "--timeout must be above 0 seconds, not -0.5"),
    ("timeout", math.nan, "--timeout must be above 0 seconds, not nan"),
    ("study", "", "--study must be a name, not ''"),
    ("study", "  ", "--study must be a name, not '  '"),
    ("study", "a\nb", "--study must consist of printable characters, not 'a\\nb'"),
    ("study", "\udcff", "--study must consist of printable characters, not '\\udcff'"),
    ("study", "x" * 201, "--study must have at most 200 characters, not 201"),
    ("study", "a.curves", "--study must not end in .curves, which names a study's curves, as 'a.curves' does"),
    ("budget", 10**400, "--budget must be at most 1,000,000,000, not "),
    ("timeout", math.inf, "--timeout must be at most 1,000,000,000 seconds, not inf"),
    ("confirm_seeds", 10**18, "--confirm-seeds must be at most 1,000, not "),
    ("train_size", 10**400, "--train-size must be at most 1,000,000, not "),
    ("trials", 10**7, "--trials must be at most 1,000,000, not 10000000"),
    ("workers", 5_000, "--workers must be at most 1024, not 5000"),
    ("dataset", "cifar", "--dataset must be one of mnist, fashion-mnist, kmnist, digits, not 'cifar'"),
    ("dataset", "MNIST", "not 'MNIST'"),
    ("sampler", "gp", "--sampler must be one of front, tpe, random, not 'gp'"),
    ("pruner", "median", "--pruner must be one of size-aware, none, not 'median'"),
    ("device", "tpu", "--device must be one of auto, cpu, cuda, xpu, mps, not 'tpu'"),
    ("engine", "numpy", "--engine must be one of auto, native, torch, not 'numpy'"),
    ("seed", -1, "--seed must be from 0 to 2^63 - 1, not -1"),
    ("seed", 2**63, f"--seed must be from 0 to 2^63 - 1, not {2**63}"),
    ("workers", 0, "--workers must be at least 1, not 0"),
    ("workers", -2, "--workers must be at least 1, not -2"),
    ("confirm_seeds", 1, "--confirm-seeds must be at least 2, not 1"),
    ("train_size", 0, "--train-size must be at least 1, not 0"),
]


@pytest.mark.parametrize(("name", "value", "message"), BAD_SETTINGS)
def test_bad_settings_are_refused_with_option_rule_and_value(name: str, value: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        RunConfig(**{"budget": 8_000, name: value})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


GOOD_SETTINGS: list[tuple[str, Any]] = [
    ("budget", SMALLEST),
    ("trials", 1),
    ("epochs", 1),
    ("epochs", MAX_EPOCHS),
    ("timeout", 0.001),
    ("timeout", 1e9),
    ("seed", 0),
    ("seed", 2**63 - 1),
    ("workers", 1),
    ("confirm_seeds", 2),
    ("train_size", 1),
    *[("dataset", name) for name in ("mnist", "fashion-mnist", "kmnist", "digits")],
    *[("device", name) for name in ("auto", "cpu", "cuda", "xpu", "mps")],
    *[("engine", name) for name in ("auto", "native", "torch")],
    *[("sampler", name) for name in ("front", "tpe", "random")],
    *[("pruner", name) for name in ("size-aware", "none")],
]


@pytest.mark.parametrize(("name", "value"), GOOD_SETTINGS)
def test_the_ends_of_every_range_are_good(name: str, value: Any) -> None:
    assert getattr(RunConfig(**{"budget": 8_000, name: value}), name) == value


def test_defaults() -> None:
    config = RunConfig(budget=8_000)
    assert (config.trials, config.epochs, config.timeout) == (DEFAULT_TRIALS, MAX_EPOCHS, None)
    assert (config.dataset, config.sampler, config.pruner, config.seed) == ("mnist", "front", "size-aware", 0)
    assert (config.storage, config.device, config.engine, config.workers) == (
        "sqlite:///studies.db",
        "auto",
        "auto",
        None,
    )


def test_the_smallest_budget_is_that_of_the_space() -> None:
    space = small_space(width=(4, 6))
    smallest = num_params(space.smallest)
    assert RunConfig(budget=smallest, space=space).budget == smallest
    with pytest.raises(
        InputError, match=rf"--budget must be at least {smallest}, .* \({space.smallest}\)".replace("+", r"\+")
    ):
        RunConfig(budget=smallest - 1, space=space)


def test_a_study_is_named_after_dataset_and_budget() -> None:
    assert RunConfig(budget=8_000).study_name == "mnist-8000"
    assert RunConfig(budget=3_000, dataset="digits").study_name == "digits-3000"
    assert RunConfig(budget=3_000, study="mine").study_name == "mine"
    limits = DeviceLimits(max_flash=9_999, max_ram=8_192, max_macs=10**6)
    assert RunConfig(budget=8_000, limits=limits).study_name == "mnist-8000-flash9999-ram8k-macs1M"


def test_a_limit_must_leave_a_net() -> None:
    space = SearchSpace.default()
    taken = [
        footprint(space._architecture(widths, kinds, "average"))
        for widths in ([[3] * depth for depth in depths] for depths in itertools.product((1, 2), (2, 3), (2, 3)))
        for kinds in itertools.product(("plain", "separable"), repeat=3)
    ]
    for name in ("flash_bytes", "ram_bytes", "num_macs"):
        least = min(getattr(found, name) for found in taken)
        option = {"flash_bytes": "max_flash", "ram_bytes": "max_ram", "num_macs": "max_macs"}[name]
        RunConfig(budget=8_000, limits=DeviceLimits(**{option: least}))
        rule = (
            rf"^--{option.replace('_', '-')} must be at least {least:,}, the least that a net of the space takes \(.*\)"
        )
        with pytest.raises(InputError, match=rf"{rule}, not {least - 1}$"):
            RunConfig(budget=8_000, limits=DeviceLimits(**{option: least - 1}))


def test_limits_that_are_met_soon_cost_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """A space for large images has many thousands of nets that could be looked at."""
    narrowest_nets, looked_at = SearchSpace.narrowest_nets, []

    def counted(space: SearchSpace) -> Iterator[ArchitectureSpec]:
        for net in narrowest_nets(space):
            looked_at.append(net)
            yield net

    monkeypatch.setattr(SearchSpace, "narrowest_nets", counted)
    RunConfig(budget=8_000, limits=DeviceLimits(max_ram=100_000))
    assert len(looked_at) == 1


def test_limits_must_leave_a_net_together() -> None:
    # Plain convolutions take the least RAM, separable ones the fewest multiply-accumulates.
    limits = DeviceLimits(max_ram=760, max_macs=40_000)
    for name, limit in limits.given.items():
        RunConfig(budget=8_000, limits=DeviceLimits(**{name: limit}))
    message = re.escape(
        "no net of the space is within --budget 8000 and the limits (RAM of at most 760 bytes, at most 40,000 MACs) at "
        "once; the smallest in each, by itself: 241 parameters, RAM of 760 bytes, 36,534 MACs"
    )
    with pytest.raises(InputError, match=f"^{message}$"):
        RunConfig(budget=8_000, limits=limits)
    RunConfig(budget=8_000, limits=limits, uses_stored_space=True)


def test_the_fingerprint_holds_what_makes_trials_comparable() -> None:
    data = few_digits()
    config = RunConfig(budget=3_000, dataset="digits", epochs=4, seed=5)
    fingerprint = config.fingerprint(data)
    assert fingerprint == {
        "dataset": "digits",
        "dataset_sha256": data.sha256,
        "split_seed": SPLIT_SEED,
        "train_size": len(data.train),
        "space": SearchSpace.default().to_stored(),
        "budget": 3_000,
        "epochs": 4,
        "seed": 5,
    }
    assert json.loads(json.dumps(fingerprint)) == fingerprint


@pytest.mark.parametrize(
    ("name", "value", "counts"),
    [
        ("budget", 4_000, True),
        ("limits", DeviceLimits(max_ram=9_000), True),
        ("epochs", 3, True),
        ("seed", 6, True),
        ("space", small_space(), True),
        ("trials", 99, False),
        ("timeout", 60.0, False),
        ("study", "another", False),
        ("storage", "sqlite:///another.db", False),
        ("data_root", Path("elsewhere"), False),
        ("sampler", "random", False),
        ("pruner", "none", False),
        ("device", "cpu", False),
        ("engine", "torch", False),
        ("workers", 7, False),
        ("confirm_seeds", 7, False),
        ("warm_start", "recipes", False),
    ],
)
def test_what_may_not_change_between_calls(name: str, value: Any, counts: bool) -> None:
    settings = {"budget": 3_000, "dataset": "digits", "epochs": 4, "seed": 5}
    before = RunConfig(**settings).fingerprint(few_digits())
    after = RunConfig(**settings | {name: value}).fingerprint(few_digits())
    assert (before != after) == counts


def test_all_images_or_as_many_given_are_the_same_choice() -> None:
    config = RunConfig(budget=3_000, dataset="digits")
    whole = load_dataset("digits", None)
    assert config.fingerprint(whole)["train_size"] == len(whole.train)
    assert config.fingerprint(whole) != config.fingerprint(few_digits())


def test_what_may_change_is_recorded() -> None:
    config = RunConfig(budget=3_000, sampler="random", pruner="none", workers=3, timeout=60.0)
    assert config.recorded("cpu", "native") == {
        "sampler": "random",
        "pruner": "none",
        "device": "cpu",
        "engine": "native",
        "workers": 3,
        "timeout": 60.0,
    }
