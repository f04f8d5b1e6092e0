"""Turns an Assessment into what the explanation page shows: plots, tables, and one sentence about
what changed since the card.
"""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

from flask import Blueprint

from models.assess import Assessment
from models.course import COURSE_HOURS, DAY_HOURS, hourly, moments
from models.fitted.registry import Model
from models.patient.chart import Chart
from models.patient.inputs import absent, percent
from models.patient.news2 import chart_news2
from models.patient.printing import age
from models.patient.series import series
from models.patient.vocabulary import VARIABLES
from smartapp import wording
from smartapp.attention import attention
from smartapp.changing.difference import told
from smartapp.outcomes import outcomes
from smartapp.plots.news2 import news2_strip
from smartapp.unused import unused


def register_words(blueprint: Blueprint) -> None:
    """Give the templates the words of wording.py as filters, tell them what is charted, and escape
    in every page and part of one (D3): by itself Flask does so in `.html` alone.
    """
    blueprint.record(lambda state: setattr(state.app.jinja_env, "autoescape", escapes))
    for word in (percent, wording.clock, wording.day, wording.moment, age):
        blueprint.add_app_template_filter(word, word.__name__)
    blueprint.add_app_template_test(VARIABLES.__contains__, "charted")


def escapes(template: str | None) -> bool:
    """Tell whether a template is of a page or a part of one."""
    return template is None or template.endswith((".html", ".jinja"))


def explanation(
    chart: Chart, assessment: Assessment, models: Sequence[Model], zone: tzinfo, parts: bool = False
) -> dict[str, Any]:
    """Return the template's values for one assessment and the chart that it was made from; times
    are told in `zone`. A page with `parts` leaves the course of the risk to one of them.
    """
    at = assessment.at
    known = hourly(series(chart), at, DAY_HOURS if parts else COURSE_HOURS)
    day = [chart_news2(snapshot) for snapshot in known[-DAY_HOURS - 1 :]]
    return {
        "zone": zone,
        "assessment": assessment,
        "attention": attention(chart, assessment),
        "outcomes": outcomes(() if parts else moments(known), assessment, models),
        "strip": news2_strip(assessment.news2, assessment.inputs, day),
        "strange": {(r.variable, r.time) for r in chart.readings if not r.known},
        "unused": unused(chart, assessment),
        "present": [i for i in assessment.inputs if i.value is not None],
        "absent": absent(
            i for i in assessment.inputs if i.state in ("missing", "unread", "unusable")
        ),
    }


def headline(card: Assessment, now: Assessment) -> str:
    """Say in a sentence whether the chart holds now what the card did not know, or the reverse, and
    how the risk stands.
    """
    before = {item.variable: item for item in card.inputs}
    changed = any(
        told(item) != told(before[item.variable]) for item in now.inputs if item.variable in before
    )
    data = "Newer data since then" if changed else "No newer data since then"
    if now.lead is None:
        if card.lead is None:
            return f"{data}; there is still no number."
        return f"{data}: no number can be given now (the card said {card.lead.figure})."
    if card.lead is None:
        return f"{data}: risk now {now.lead.figure} (the card had no number)."
    after, earlier = now.lead.figure, card.lead.figure
    if not changed and after == earlier:
        return f"{data}; the risk is still {after}."
    return f"{data}: risk now {after} (was {earlier})."
