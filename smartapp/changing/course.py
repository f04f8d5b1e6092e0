"""Turns a chart into the course of each outcome's risk over two days, with what happened when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.assess import Assessment
from models.course import COURSE_HOURS, course, hourly, moments
from models.fitted.model import Model
from models.patient.series import series
from smartapp.changing.marks import Mark
from smartapp.plots.course import Course, risk_course
from smartapp.sight import ChartAt


@dataclass(frozen=True, slots=True)
class Told:
    """One outcome's course: `figure` is what can be said now, `key` begins its ids."""

    key: str
    label: str
    figure: str
    plot: Course


def courses(
    now: ChartAt,
    assessment: Assessment,
    models: Sequence[Model],
    happened: Mapping[str, Sequence[Mark]],
) -> tuple[Told, ...]:
    """Return the courses up to now, in the order of the risks; none where the models' estimate is
    withheld, or where no hour has anything to show.
    """
    if assessment.status == "withheld":
        return ()
    order = {risk.model: n for n, risk in enumerate(assessment.risks)}
    figures = {risk.model: risk.figure for risk in assessment.risks}
    known = moments(hourly(series(now.chart), now.at))
    found = []
    for model in sorted(models, key=lambda one: order.get(one.id, len(order))):
        hours = course(known, model)
        if any(hour.unsure or hour.probability is not None for hour in hours):
            found.append((model, hours))
    return tuple(
        Told(
            f"course-{n}",
            model.manifest["label"],
            figures.get(model.id, "no number"),
            risk_course(hours, model.manifest["thresholds"], now.at, COURSE_HOURS, happened),
        )
        for n, (model, hours) in enumerate(found, 1)
    )
