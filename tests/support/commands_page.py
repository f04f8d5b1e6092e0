"""Turns the command line into `docs/commands.md`: every command with its `--help`, word for word.

`python -m tests.support.commands_page` writes the page anew; a test says so when it is out of date.
"""

from collections.abc import Iterator
from pathlib import Path

import click

import vigil

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
WIDTH = 100
HEAD = """\
# Every command of `vigil`

For whoever types one: the `--help` of each command, word for word. What they are for is told in
[operating.md](operating.md), [models.md](models.md) and [your-data.md](your-data.md).

Made by `python -m tests.support.commands_page`; do not edit.
"""


def commands(
    command: click.Command = vigil.main, name: str = "vigil", parent: click.Context | None = None
) -> Iterator[tuple[str, click.Context]]:
    """Yield the name and context of a command and of all below it, each group before its own."""
    context = click.Context(command, parent, name.split()[-1], max_content_width=WIDTH)
    context.terminal_width = WIDTH
    yield name, context
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            yield from commands(found, f"{name} {inner}", context)


def page() -> str:
    """Return the whole page."""
    parts = (f"\n## {name}\n\n```\n{context.get_help()}\n```\n" for name, context in commands())
    return HEAD + "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
