"""README.md and docs/ name only commands, options, targets and files that are there."""

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from erp_assets.cli import main
from erp_assets.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OURS = [*PAGES, ROOT / "erp.example.toml", ROOT / "Makefile", ROOT / "CHANGELOG.md"]
CODE = re.compile(r"```[a-z]*\n((?:(?!```)[\s\S])*)```|`([^`\n]+)`|^ {4,}(\S.*)$", re.MULTILINE)
COMMAND = re.compile(r"(?<![\w./-])erp(?: +[a-z]+)(?: +[^\s;|&#]+)*")
TARGET = re.compile(r"(?<![\w./-])make ([a-z-]+)")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def code(path):
    """What a page prints as code; of any other file, all of it."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".md":
        return text
    return "\n".join("".join(found) for found in CODE.findall(text))


def said(pattern, paths=OURS):
    return sorted({found for path in paths for found in pattern.findall(code(path))})


def targets():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z-]+):.*?## (.+)$", makefile, re.MULTILINE))


COMMANDS = said(COMMAND)


def test_pages_name_commands_and_targets():
    """The patterns still find something, or nothing below would be tested."""
    assert "erp collect --account coupang --kind orders --since 2026-11-01" in COMMANDS
    assert {"demo", "dev", "test"} <= set(said(TARGET))


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_exists_with_its_options(line):
    _, name, *arguments = line.split()
    command = main.commands[name]
    while isinstance(command, click.Group) and arguments and arguments[0] != "--help":
        command = command.commands[arguments.pop(0)]
    known = {option for it in command.params for option in it.opts + it.secondary_opts} | {"--help"}
    assert [it for it in arguments if it.startswith("-") and it not in known] == []
    kinds = next((it.type.choices for it in command.params if it.name == "kinds"), ())
    values = [arguments[n + 1] for n, it in enumerate(arguments) if it == "--kind"]
    assert [it for it in values if it not in kinds] == []


def test_readme_lists_every_command():
    readme = code(ROOT / "README.md")
    assert [name for name in main.commands if f"erp {name}" not in readme] == []


@pytest.mark.parametrize("name", [*main.commands, None])
def test_every_command_says_what_it_does_and_every_option_too(name):
    done = CliRunner().invoke(main, [name, "--help"] if name else ["--help"])
    assert done.exit_code == 0
    command = main.commands[name] if name else main
    assert command.help.splitlines()[0] in " ".join(done.output.split())
    shown = [it for it in command.params if isinstance(it, click.Option) and not it.hidden]
    assert all(any(option in done.output for option in it.opts) for it in shown)
    assert [it.name for it in shown if not it.help] == []


@pytest.mark.parametrize("target", said(TARGET))
def test_every_target_exists(target):
    assert targets()[target]


def test_make_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [phony] = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert set(phony.split()) == targets().keys()


def test_readme_opens_with_the_commands_of_the_first_minute():
    head = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:8]
    assert said(TARGET, [ROOT / "README.md"])
    assert [word for word in ("make demo", "make dev", "make test") if word not in str(head)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda it: it.name)
def test_every_link_leads_to_a_file(page):
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [it for it in links if not (page.parent / it).exists()] == []


def test_settings_page_and_settings_name_the_same_variables():
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    written = set(re.findall(r"^\| `?[^|]*\| `(ERP_[A-Z_]+)` \|", page, re.MULTILINE))
    assert written == {f"ERP_{name.upper()}" for name in Settings.model_fields} | {"ERP_CONFIG"}
