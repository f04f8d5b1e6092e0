"""Says what an assessment speaks for doing, from its findings: a rule a kind, with its source.

Only for living adults, as NEWS2 is. A suggestion takes nothing from what the card says, and none is
made of what the chart shows was done just now.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from models.assess import Assessment
from models.certainty import INDETERMINATE
from models.findings.finding import LEVELS, Finding
from models.findings.response import LEAST, least_response
from models.patient.inputs import Input
from models.patient.news2 import YOUNGEST
from runtime.settings import Suggestion

# NICE NG253 grades suspected sepsis by NEWS2: 5 or 6 is a moderate risk, 7 or more a high one. SSC
# 2021 suggests lactate wherever sepsis is suspected; whether it is, the clinician says.
MODERATE, HIGH = LEAST["5-6"], LEAST["7+"]
# The Surviving Sepsis Campaign's hour-1 bundle (2018) measures a raised lactate again within two to
# four hours.
LACTATE_OLD_HOURS = 4.0
# SIRS (1992) with a risk of sepsis: SSC 2021 and NG253 take cultures where sepsis is suspected.
FEVER, COLD = 38.0, 36.0
PRIORITIES = dict(zip(LEVELS, ("routine", "urgent", "stat"), strict=True))
# What calls a team to the bedside is a value of the chart, never the model's risk alone.
CALLING = {"news2", "zero", "laboratory"}


class Wanted(NamedTuple):
    """One thing to do: `label` is the button, `description` what it does, `reason` the finding.

    `often` says how often, empty is once; `hours` is the longest time between two, None where that
    is no number. `priority` is FHIR's.
    """

    kind: Suggestion
    label: str
    description: str
    reason: str
    priority: str
    often: str = ""
    hours: float | None = None
    recommended: bool = False


def wanted(assessment: Assessment) -> Iterator[Wanted]:
    """Yield what an assessment speaks for, the most urgent first."""
    adult = assessment.age_years is not None and assessment.age_years >= YOUNGEST
    if adult and assessment.status != "deceased":
        yield from (found for rule in RULES if (found := rule(assessment)))


def _escalation(assessment: Assessment) -> Wanted | None:
    """Call the team at a NEWS2 of 7 or more, for which the RCP asks for an emergency review, or at
    a critical value.
    """
    grave = [f for f in assessment.findings if f.level == LEVELS[-1] and f.kind in CALLING]
    if not grave:
        return None
    asked = assessment.news2.low >= HIGH
    why = assessment.news2.figure if asked else grave[0].written
    return Wanted(
        "escalation",
        f"Call the rapid response team: {why}",
        "Request an emergency review by the rapid response team",
        grave[0].sentence,
        PRIORITIES["critical"],
        # R77: only what a guideline asks for in so many words.
        recommended=asked,
    )


def _observations(assessment: Assessment) -> Wanted | None:
    """Observe as often as NEWS2 asks, where that is hourly or more; else now, where overdue."""
    row, score = least_response(assessment.news2), assessment.news2
    if score.known and row.observe:
        label = f"Observe {row.observe}: {score.figure}"
        return Wanted(
            "observations",
            label,
            f"Order vital signs {row.observe}",
            f"{score.text}.",
            PRIORITIES[row.level],
            row.observe,
            # Continuously is no number of hours.
            None if score.low >= HIGH else row.overdue_after_hours,
        )
    late = _finding(assessment, "overdue")
    if not late:
        return None
    return Wanted(
        "observations",
        f"Take a full set of observations: none for {late.written}",
        "Order a full set of vital signs now",
        late.sentence,
        PRIORITIES["warning"],
    )


def _lactate(assessment: Assessment) -> Wanted | None:
    """Measure lactate where sepsis may be, unless there is one of the last hours, or one may stand
    in what could not be read.
    """
    hours = _input(assessment, "lactate").age_hours
    unread = any(f.kind == "unread" and f.written == "labs" for f in assessment.findings)
    recent = hours is not None and hours <= LACTATE_OLD_HOURS
    why = _suspected(assessment)
    if recent or unread or not why:
        return None
    old = "none in the chart" if hours is None else f"the last is {hours:.0f} h old"
    return Wanted(
        "lactate", f"Measure lactate: {old}", "Order a blood lactate", why, PRIORITIES["warning"]
    )


def _cultures(assessment: Assessment) -> Wanted | None:
    """Take cultures where the model sees a risk of sepsis and the temperature is not normal."""
    why, now = _risk_of_sepsis(assessment), _input(assessment, "temperature")
    fresh = now.state == "used" and now.value is not None
    if not why or not fresh or COLD <= (now.value or 0) <= FEVER:
        return None
    # Vigil reads no cultures, so that it can't know whether they were taken.
    return Wanted(
        "cultures",
        f"Take blood cultures, unless taken: {now.display}",
        "Order blood cultures",
        why,
        PRIORITIES["warning"],
    )


RULES: tuple[Callable[[Assessment], Wanted | None], ...] = (
    _escalation,
    _observations,
    _lactate,
    _cultures,
)


def _suspected(assessment: Assessment) -> str:
    """Return in words why sepsis may be; nothing where it is not likely."""
    if assessment.news2.low >= MODERATE:
        return f"{assessment.news2.text}."
    return _risk_of_sepsis(assessment)


def _risk_of_sepsis(assessment: Assessment) -> str:
    bands = {"medium", INDETERMINATE, "high"}
    found = (r for r in assessment.risks if r.outcome == "sepsis" and r.band in bands)
    return next((risk.finding.sentence for risk in found), "")


def _finding(assessment: Assessment, kind: str) -> Finding | None:
    return next((found for found in assessment.findings if found.kind == kind), None)


def _input(assessment: Assessment, variable: str) -> Input:
    return next(item for item in assessment.inputs if item.variable == variable)
