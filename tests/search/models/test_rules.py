import pytest

from search.models.rules import REQUIREMENTS, Rule, check_rules
from space.architecture import ArchitectureSpec
from space.recipes import RECIPES

NET = "4s:br p 8s:brd0.1 8v gap fc10+"


def rules_of(notation: str, *, max_params: int | None = None, required: tuple[str, ...] = ()) -> list[Rule]:
    return check_rules(ArchitectureSpec.from_text(notation), max_params=max_params, required=required)


@pytest.mark.parametrize(("max_params", "holds"), [(94, True), (93, False), (8_000, True)])
def test_exactly_so_many_parameters_are_within_the_rule(max_params: int, holds: bool) -> None:
    expected = Rule(f"at most {max_params:,} parameters", holds, "94")
    assert rules_of("4s:br gap fc10+", max_params=max_params) == [expected]


@pytest.mark.parametrize(
    ("name", "notation", "holds", "fact"),
    [
        ("batchnorm", NET, True, "after 2 of 3 convolutions"),
        ("batchnorm", "4s:rb gap fc10", True, "after 1 of 1 convolution"),
        ("batchnorm", "4s:r 4s:rd0.1 gap fc10", False, "after none of 2 convolutions"),
        ("batchnorm", "flat fc10", False, "after none of 0 convolutions"),
        ("batchnorm", "4s:r sep4s:br ap sep4s gap fc10", True, "after 1 of 3 convolutions"),
        ("dropout", NET, True, "after 1 of 3 convolutions"),
        ("dropout", "4s:brD0.25 4s:brd.1 gap", True, "after 2 of 2 convolutions"),
        ("dropout", "4s:br gap fc10", False, "after none of 1 convolution"),
        ("gap", NET, True, "the head begins with 'gap', layer 5"),
        ("gap", "4s:br flat fc10", False, "the head begins with 'flat', layer 2"),
    ],
)
def test_what_a_net_has(name: str, notation: str, holds: bool, fact: str) -> None:
    assert rules_of(notation, required=(name,)) == [Rule(name, holds, fact)]


def test_one_parameter_is_one() -> None:
    assert rules_of("gap fc1", max_params=1) == [Rule("at most 1 parameter", True, "1")]


def test_rules_keep_their_order() -> None:
    rules = rules_of(NET, max_params=10_000, required=("gap", "batchnorm", "dropout"))
    assert [rule.name for rule in rules] == ["at most 10,000 parameters", "gap", "batchnorm", "dropout"]
    assert all(rule.holds for rule in rules)


@pytest.mark.parametrize(
    ("recipe", "broken"),
    [
        ("000-step1", {"batchnorm", "dropout", "gap"}),
        ("000-step2", set()),
        ("001", set()),
        ("002-original", {"batchnorm", "dropout", "gap"}),
        ("003", {"dropout"}),
        ("004-v0", {"batchnorm", "dropout", "gap"}),
    ],
)
def test_the_reference_systems(recipe: str, broken: set[str]) -> None:
    rules = check_rules(RECIPES[recipe].candidate.architecture, max_params=None, required=tuple(REQUIREMENTS))
    assert {rule.name for rule in rules if not rule.holds} == broken
