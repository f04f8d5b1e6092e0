"""The part of the page with its content as text for the clinical note, plain and in Markdown.

Only what the chart and the models say: no value that was tried out, and nothing that names the
patient, in whose chart the note stands.
"""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, render_template

from ehr.markdown import escape
from models.assess import Assessment, Risk
from models.patient.inputs import Input, absent
from smartapp.door import Door
from smartapp.outcomes import bands_text
from smartapp.plots.news2 import news2_strip

LEADING = 5
UNKNOWN = ("missing", "unread", "unusable")


@dataclass(frozen=True, slots=True)
class Driver:
    """What moves a risk, in words and points; `time` is that of its value, if it has one."""

    text: str
    amount: str
    note: str
    time: datetime | None


class Summary:
    """The part `summary`."""

    def __init__(self, door: Door):
        self._door = door

    def add_to(self, blueprint: Blueprint) -> None:
        """Add the part."""
        blueprint.add_url_rule("/l/<handle>/summary", "summary", self.part)

    def part(self, handle: str) -> str:
        """Show what the page shows as text to copy."""
        opened = self._door.open(handle)
        sight = self._door.sight(opened)
        found, zone = self._door.assess(sight, sight.seen), opened.ehr.zone
        values = {
            "assessment": found,
            "strip": news2_strip(found.news2, found.inputs),
            "risks": [(risk, bands_text(risk), drivers(risk, found)) for risk in found.risks],
            "absent": absent(item for item in found.inputs if item.state in UNKNOWN),
            "stale": [item for item in found.inputs if item.state == "stale"],
            "of_card": sight.shown == "card",
            "zone": zone,
        }
        kinds = (("plain text", False), ("Markdown", True))
        texts = [(kind, _text(marked, values)) for kind, marked in kinds]
        return self._door.part(opened, sight, "summary", texts=texts)


def drivers(risk: Risk, assessment: Assessment) -> list[Driver]:
    """Return what leads, with the times of the newest values."""
    inputs: dict[str, Input] = {item.variable: item for item in assessment.inputs}
    return [
        Driver(
            one.text,
            one.amount,
            one.note,
            inputs[one.variable].time if one.value is not None and one.variable in inputs else None,
        )
        for one in risk.explanation.shown(LEADING)
    ]


def _text(marked: bool, values: dict[str, object]) -> str:
    """Return the summary as plain text, or in Markdown, where each value is escaped, so that a
    chart's words stay words. The template writes a line each, and headings as Markdown has them.
    """
    written = render_template("notes/summary.md", t=escape if marked else str, **values)
    lines, before = list[str](), "#"
    for line in filter(str.strip, written.splitlines()):
        kind = line.lstrip()[0]
        if lines and (kind == "#" or (marked and not kind == before == "-")):
            lines.append("")
        lines.append(line.lstrip("# ") if kind == "#" and not marked else line)
        before = kind
    return "\n".join(lines) + "\n"
