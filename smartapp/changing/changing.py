"""Answers two parts of the page: what changed since a moment, and how it stood at an hour."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, request

from models.assess import Assessment
from models.course import COURSE_HOURS
from smartapp.changing.course import courses
from smartapp.changing.difference import Difference, difference, score_text
from smartapp.changing.hindsight import hindsight
from smartapp.changing.marks import events, results
from smartapp.changing.since import CARD, choices, chosen
from smartapp.door import Door
from smartapp.plots.news2 import news2_strip
from smartapp.plots.waterfall import waterfall
from smartapp.sight import ChartAt, Sight

# An hour is shown from where one is chosen; without a wish it is this one.
FIRST_BACK = 6


class Changing:
    """Both parts; they speak of the newest chart that the page read, also beside a card's view."""

    def __init__(self, door: Door):
        self._door = door

    def add_to(self, blueprint: Blueprint) -> None:
        """Add the routes."""
        blueprint.add_url_rule("/l/<handle>/changed", "changed", self.changed)
        blueprint.add_url_rule("/l/<handle>/hour", "hour", self.hour)

    def changed(self, handle: str) -> str:
        """Show what changed since a moment that `since` names, and the course of the risk."""
        door, opened = self._door, self._door.open(handle)
        sight = door.sight(opened)
        among = choices(opened, sight, door.audit)
        choice = chosen(request.args.get("since"), among, sight.now.at)
        then = choice.then or sight.now
        earlier, now = door.assess(sight, then), door.assess(sight, sight.now)
        found = difference(earlier, now, _new(then, sight.now))
        start = sight.now.at - timedelta(hours=COURSE_HOURS)
        marks = events(opened, sight, start, door.audit)
        taken = results(sight.now.chart, start, sight.now.at)
        happened = {name: of for name, of in (("cards", marks), ("results", taken)) if of}
        return door.part(
            opened,
            sight,
            "changed",
            record=_record(sight, choice.name, then, found),
            now=sight.now.at,
            choices=among,
            choice=choice,
            since=then.at,
            # A card's own chart holds what was known then.
            hindsight=None if choice.name == CARD else hindsight(sight, then),
            found=found,
            courses=courses(sight.now, now, door.models, happened),
            marks=sorted([*marks, *taken], key=lambda mark: mark.time, reverse=True),
            most=COURSE_HOURS,
        )

    def hour(self, handle: str) -> str:
        """Show the chart up to `back` hours before the newest view, and its risks."""
        door, opened = self._door, self._door.open(handle)
        sight = door.sight(opened)
        back = _whole(request.args.get("back"))
        now = sight.now
        then = now.before(timedelta(hours=back))
        found = door.assess(sight, then)
        risks = enumerate(found.risks, 1)
        return door.part(
            opened,
            sight,
            "hour",
            record={"back": back, "of": then.at.isoformat(), **_judged(found)},
            back=back,
            most=COURSE_HOURS,
            now=now.at,
            found=found,
            hindsight=hindsight(sight, then) if back else None,
            outcomes=[(f"hour-{n}", risk, waterfall(risk)) for n, risk in risks],
            strip=news2_strip(found.news2, found.inputs),
            news2=score_text(found.news2),
            known=[item for item in found.inputs if item.value is not None],
        )


def _whole(text: str | None) -> int:
    """Return the hours that an address names, from now to two days back; else the first."""
    wanted = text or ""
    known = wanted.isascii() and wanted.isdecimal() and len(wanted) < 3
    return min(int(wanted), COURSE_HOURS) if known else FIRST_BACK


def _new(then: ChartAt, now: ChartAt) -> dict[str, list[datetime]]:
    """Return by variable the times of the readings of now that were not known then."""
    before = {
        (reading.time, reading.variable, reading.value)
        for reading in then.chart.readings
        if reading.time <= then.at
    }
    found: dict[str, list[datetime]] = {}
    for reading in now.chart.readings:
        name = reading.time, reading.variable, reading.value
        if reading.time <= now.at and name not in before:
            found.setdefault(reading.variable, []).append(reading.time)
    return found


def _record(sight: Sight, since: str, then: ChartAt, found: Difference) -> dict[str, Any]:
    return {
        "since": since,
        "then": {"at": then.at.isoformat(), **_judged(found.then)},
        "now": {"at": sight.now.at.isoformat(), **_judged(found.now)},
    }


def _judged(found: Assessment) -> Mapping[str, Any]:
    """Return what an auditor needs of what was shown."""
    return {
        "status": found.status,
        "news2": found.news2.total,
        "risks": [[risk.outcome, risk.probability, risk.band] for risk in found.risks],
    }
