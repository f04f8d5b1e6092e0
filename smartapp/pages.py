"""Turns Assessments into what the explanation page shows: plots, tables, and what changed since
the card.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from flask import Blueprint

from models.assess import Assessment
from models.course import DAY_HOURS, moments
from models.fitted.registry import Model
from models.patient.chart import Chart
from models.patient.inputs import Input, absent, percent
from models.patient.news2 import chart_news2
from models.patient.printing import age
from models.patient.series import series
from smartapp import wording
from smartapp.attention import attention
from smartapp.outcomes import outcomes
from smartapp.plots.news2 import news2_strip
from smartapp.unused import unused


@dataclass(frozen=True, slots=True)
class Change:
    """One input that the card had another value of than the chart has now."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The card's assessment against a fresh one: a sentence, and the inputs that differ."""

    headline: str
    changes: tuple[Change, ...]
    card_at: datetime
    now_at: datetime


def register_words(blueprint: Blueprint) -> None:
    """Give the templates the words of wording.py as filters, and escape in every page and part of
    one (D3): by itself Flask does so in `.html` alone.
    """
    blueprint.record(lambda state: setattr(state.app.jinja_env, "autoescape", escapes))
    for word in (percent, wording.clock, wording.day, wording.moment, age):
        blueprint.add_app_template_filter(word, word.__name__)


def escapes(template: str | None) -> bool:
    """Tell whether a template is of a page or a part of one."""
    return template is None or template.endswith((".html", ".jinja"))


def explanation(
    chart: Chart, assessment: Assessment, models: Sequence[Model], zone: tzinfo
) -> dict[str, Any]:
    """Return the template's values for one assessment and the chart that it was made from; times
    are told in `zone`.
    """
    at, newest = assessment.at, assessment.data_time
    known = moments(series(chart), at)
    day = [chart_news2(one.snapshot) for one in known[-DAY_HOURS - 1 :]]
    return {
        "zone": zone,
        "assessment": assessment,
        "attention": attention(chart, assessment),
        "outcomes": outcomes(known, assessment, models),
        "strip": news2_strip(assessment.news2, assessment.inputs, day),
        "strange": {(r.variable, r.time) for r in chart.readings if not r.known},
        "unused": unused(chart, assessment),
        "present": [i for i in assessment.inputs if i.value is not None],
        "absent": absent(
            i for i in assessment.inputs if i.state in ("missing", "unread", "unusable")
        ),
        "data_age": age((at - newest).total_seconds() / 3600) if newest else "",
    }


def compare(card: Assessment, now: Assessment) -> Comparison:
    """Say what the chart holds now that the card did not know, or the reverse."""
    before = {i.variable: i for i in card.inputs}
    changes = [
        Change(i.label, before[i.variable].display, i.display)
        for i in now.inputs
        if i.variable in before and _told(i) != _told(before[i.variable])
    ]
    return Comparison(_headline(card, now, bool(changes)), tuple(changes), card.at, now.at)


def _told(told: Input) -> tuple[object, ...]:
    """Return what makes an input the same one: an undated value, which can't be used, stands at the
    moment of reading, so that its time says nothing.
    """
    time = None if told.state == "unusable" else told.time
    return told.value, told.display, told.source, time


def _headline(card: Assessment, now: Assessment, changed: bool) -> str:
    data = "Newer data since then" if changed else "No newer data since then"
    if now.lead is None:
        if card.lead is None:
            return f"{data}; there is still no number."
        return f"{data}: no number can be given now (the card said {card.lead.figure})."
    if card.lead is None:
        return f"{data}: risk now {now.lead.figure} (the card had no number)."
    after, before = now.lead.figure, card.lead.figure
    if not changed and after == before:
        return f"{data}; the risk is still {after}."
    return f"{data}: risk now {after} (was {before})."
