"""Lists by name what in a chart is not used: values that can't be, and Observations left out."""

from dataclasses import dataclass
from datetime import datetime

from models.assess import Assessment
from models.patient.chart import Chart
from models.patient.vocabulary import VARIABLES
from models.reading.reader import REASONS


@dataclass(frozen=True, slots=True)
class Refused:
    """A value that can't be used; `blinds` where it is the newest, so that its variable counts as
    unknown. `time` is None where the chart has no exact one: the latest it may be is no fact.
    """

    variable: str
    label: str
    written: str
    reason: str
    time: datetime | None
    source: str
    blinds: bool


@dataclass(frozen=True, slots=True)
class Unused:
    """What is not used: values newest first, and Observations that were not read as (label, reason,
    number), `label` empty where they are only counted.
    """

    values: tuple[Refused, ...]
    left_out: tuple[tuple[str, str, int], ...]


def unused(chart: Chart, assessment: Assessment) -> Unused:
    """Return what an assessment of this chart did not use."""
    unknown = {i.variable for i in assessment.inputs if i.state == "unusable"}
    values: list[Refused] = []
    seen: set[str] = set()
    for item in sorted(chart.unusable, key=lambda item: item.time, reverse=True):
        if item.time > assessment.at:
            continue
        blinds = item.variable in unknown and item.variable not in seen
        seen.add(item.variable)
        label, why = VARIABLES[item.variable].label, REASONS.get(item.reason, item.reason)
        time = item.time if item.exact else None
        values.append(Refused(item.variable, label, item.written, why, time, item.source, blinds))
    named = {u.reason for u in chart.unusable} | {out.reason for out in chart.left_out}
    by_name = [
        (out.label, REASONS.get(out.reason, out.reason), out.number) for out in chart.left_out
    ]
    counted = [
        ("", REASONS.get(reason, reason), number)
        for reason, number in assessment.rejected.items()
        if reason not in named
    ]
    return Unused(tuple(values), (*by_name, *counted))
