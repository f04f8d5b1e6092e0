"""One line of what `vigil check` and `vigil doctor` say, and how it is printed."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import click


class Finding(NamedTuple):
    """What was looked at, and what to do about it if that is not `ok`."""

    state: Literal["ok", "note", "wrong"]
    text: str
    mend: str = ""


def tell(findings: Iterable[Finding]) -> int:
    """Print each finding as it comes; return how many are wrong."""
    wrong = 0
    for finding in findings:
        click.echo(f"{finding.state:6}{finding.text} {finding.mend}".rstrip())
        wrong += finding.state == "wrong"
    return wrong
