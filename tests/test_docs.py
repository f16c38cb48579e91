"""docs/cli.md and the command line say the same."""

import re
from pathlib import Path

import pytest
import typer

from search.cli.app import app

TEXT = (Path(__file__).resolve().parent.parent / "docs/cli.md").read_text(encoding="utf-8")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def options_of(command: str) -> set[str]:
    parameters = typer.main.get_command(app).commands[command].params
    return {option for parameter in parameters for option in parameter.opts if option.startswith("--")} | {"--help"}


def sections_of(text: str) -> dict[str, str]:
    """The text below each heading of the second level, by heading."""
    _, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    return {heading: body for heading, _, body in (part.partition("\n") for part in parts)}


COMMANDS = sorted(typer.main.get_command(app).commands)
SECTIONS = {heading.strip("`"): body for heading, body in sections_of(TEXT).items()}


def test_sections_are_split_at_their_headings() -> None:
    assert sections_of("# a\nb\n## `c`\nd\n### e\n## f\n") == {"`c`": "d\n### e\n", "f": ""}


def test_the_table_at_the_top_links_every_command() -> None:
    top, _, _ = TEXT.partition("\n## ")
    assert sorted(re.findall(r"^\| \[`([a-z]+)`\]\(#\1\)", top, re.MULTILINE)) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_section_with_an_example_and_every_option(command: str) -> None:
    assert command in SECTIONS, f"docs/cli.md has no section '## `{command}`'"
    section = SECTIONS[command]
    assert f"python -m search {command}" in section, "no example"
    table = "\n".join(line for line in section.splitlines() if line.startswith("|"))
    assert set(OPTION.findall(table)) == options_of(command) - {"--help"}


@pytest.mark.parametrize("command", COMMANDS)
def test_tables_name_values_and_defaults_as_the_command_does(command: str) -> None:
    rows = [
        [cell.strip() for cell in line.split("|")[1:]] for line in SECTIONS[command].splitlines() if "| `--" in line
    ]
    documented = {first.strip("`").partition(" ")[0]: (first.strip("`"), default) for first, default, *_ in rows}
    for parameter in typer.main.get_command(app).commands[command].params:
        name = parameter.opts[0]
        if name.startswith("--"):
            written, default = documented[name]
            assert written == (name if parameter.is_flag else f"{name} {parameter.metavar}")
            if parameter.required:
                assert default == "required"
            elif parameter.default is not None and not parameter.is_flag:
                assert default.strip("`") == str(parameter.default)


@pytest.mark.parametrize("heading", SECTIONS)
def test_only_options_that_exist_are_named(heading: str) -> None:
    own = options_of(heading) if heading in COMMANDS else set().union(*map(options_of, COMMANDS))
    for line in SECTIONS[heading].splitlines():
        if line.startswith("optuna-dashboard "):  # it has options of its own
            continue
        called = re.search(r"python -m search ([a-z][a-z-]*)", line)
        assert set(OPTION.findall(line)) <= (options_of(called[1]) if called else own), line


def test_only_commands_that_exist_are_named() -> None:
    assert set(re.findall(r"python -m search ([a-z][a-z-]*)", TEXT)) <= set(COMMANDS)
