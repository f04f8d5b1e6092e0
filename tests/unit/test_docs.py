"""README and docs name nothing that does not exist: links, files, commands, options, settings."""

import re
import shlex
import tomllib
from functools import cache
from pathlib import Path
from textwrap import dedent

import click
import msgspec
import pytest

from runtime.settings import Ehr, Settings
from runtime.settings_file import settings_from
from tests.support import commands_page

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
LONGEST_LINE = 140
LINK = re.compile(r"\]\(([^)\s]+)\)")
# A path in backticks that this tree has to hold; `vigil.toml` and the like are a reader's.
OURS = re.compile(r"`((?:[\w.]+/)+(?:[\w.-]+\.(?:py|csv|toml|md))?)`")
SETTING = re.compile(
    r"`((?:hook|frame|cors|smart_client|smart_scopes|redis)_?\w*|public_url|max_body_bytes"
    r"|key_set_hours|metrics_token_file|(?:data|models|model_keys)_dir)(?: = [^`]+)?`"
)
MAKE = re.compile(r"\bmake ([a-z][a-z-]*)")


def by_name(path: Path) -> str:
    return str(path.relative_to(ROOT))


every_page = pytest.mark.parametrize("page", PAGES, ids=by_name)


@cache
def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def fenced(text: str) -> tuple[dict[str, list[str]], str]:
    """Return the blocks of a page by their kind ("" for none), and the prose around them."""
    blocks: dict[str, list[str]] = {}
    parts = re.split(r"^ *```(.*)\n", text, flags=re.MULTILINE)
    for kind, block in zip(parts[1::4], parts[2::4], strict=True):
        blocks.setdefault(kind, []).append(dedent(block))
    return blocks, "".join(parts[::4])


def code_of(text: str) -> list[str]:
    """Return what a reader would type: lines of sh blocks, continued ones whole, and code spans."""
    blocks, prose = fenced(text)
    lines = "".join(blocks.get("sh", [])).replace("\\\n", " ").splitlines()
    return lines + re.findall(r"`([^`\n]+)`", prose)


def anchors(page: Path) -> set[str]:
    """Return the names that a heading gets on the web."""
    found = re.findall(r"^#+ (.*)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in found}


@every_page
def test_links_lead_somewhere(page):
    """Every link to a file of the tree, and to a heading of it, holds."""
    for target in LINK.findall(text_of(page)):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        aim = (page.parent / file).resolve() if file else page
        assert aim.exists(), f"{by_name(page)} links to {target}"
        assert not anchor or anchor in anchors(aim), f"{by_name(page)} links to {target}"


@every_page
def test_files_that_are_named_exist(page):
    """A path in backticks is one of this tree; a bare folder may be another's, as `application/`."""
    rooms = {path.name for path in ROOT.iterdir()}
    named = [
        path
        for path in OURS.findall(text_of(page))
        if not path.endswith("/") or path.split("/")[0] in rooms
    ]
    lost = [path for path in named if not (ROOT / path).exists()]
    assert not lost, f"{by_name(page)} names {lost}"


def test_the_map_shows_the_rooms():
    """Every line of the README's map is a folder or file, and no room is left out."""
    (block,) = fenced(text_of(ROOT / "README.md"))[0][""]
    shown, room = set(), ""
    for line in block.splitlines():
        name = line.split()[0]
        room = name if line[0] != " " else room
        path = name if line[0] != " " else room + name
        assert (ROOT / path).exists(), path
        shown.add(path.rstrip("/"))
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    inner = {f"models/{path.parent.name}" for path in ROOT.glob("models/*/__init__.py")}
    assert rooms | inner <= shown


def called(typed: str) -> tuple[click.Context, list[str]]:
    """Return the context of the command that is typed, and the words behind it."""
    words, known = shlex.split(typed, posix=False), dict(commands_page.commands())
    length = max(n for n in range(1, len(words) + 1) if " ".join(words[:n]) in known)
    return known[" ".join(words[:length])], words[length:]


def options_of(context: click.Context) -> set[str]:
    return {
        name
        for parameter in context.command.get_params(context)
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--")
    }


@every_page
def test_commands_that_are_named_exist(page):
    """Each `vigil ...` of a page is a command, with options that it has."""
    for line in code_of(text_of(page)):
        for typed in re.findall(r"(?:^|&& |\.venv/bin/)(vigil [^#&|>]+)", line):
            context, rest = called(typed)
            alone = isinstance(context.command, click.Group)
            assert not (alone and rest) or rest[0].startswith("-"), f"{by_name(page)}: {line}"
            given = {word.partition("=")[0] for word in rest if word.startswith("--")}
            assert given <= options_of(context), f"{by_name(page)}: {line}"


@every_page
def test_make_targets_that_are_named_exist(page):
    """Each `make ...` of a page is a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for line in code_of(text_of(page)):
        for target in MAKE.findall(line):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{by_name(page)}: {line}"


def test_every_command_and_option_is_documented():
    """docs/commands.md is the command line's own help. To renew it:
    `python -m tests.support.commands_page`.
    """
    assert text_of(commands_page.PAGE) == commands_page.page(), (
        "docs/commands.md is out of date: run `python -m tests.support.commands_page`"
    )


@every_page
def test_records_of_an_ehr_can_be_used(page):
    """Every [[ehr]] record that a page shows is one that Vigil starts with."""
    for block in fenced(text_of(page))[0].get("toml", []):
        if "[[ehr]]" in block:
            settings_from({"public_url": "https://vigil.example.org"} | tomllib.loads(block))


@every_page
def test_settings_that_are_named_exist(page):
    """A key of the configuration in backticks is one that Vigil reads."""
    known = {field.name for kind in (Settings, Ehr) for field in msgspec.structs.fields(kind)}
    named = {name for name in SETTING.findall(text_of(page)) if "_" in name}
    assert named <= known, f"{by_name(page)} names {named - known}"


@every_page
def test_lines_are_short(page):
    """Prose of at most 140 columns; a table's row is as long as it is."""
    long = [
        number
        for number, line in enumerate(text_of(page).splitlines(), 1)
        if len(line) > LONGEST_LINE and not line.startswith("|")
    ]
    assert not long, f"{by_name(page)}: lines {long}"
