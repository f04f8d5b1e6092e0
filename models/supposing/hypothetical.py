"""Turns a Chart into one as if some variables had just been measured with other values, or had not
been measured: what a "what if" is asked of.

The new chart goes through the same door as any other (models.assess), so that what is said of it is
what the models say of such a chart. Only what the asker changes is changed: the pressure that was
not given stays as it was charted, and a mean is made of two pressures of one moment only.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from models.patient.chart import DECIMALS, Chart, PartState, Reading, Unusable
from models.patient.conflicts import MINUTE, ONE_SET, PAIRS
from models.patient.series import SPEAKERS, SPOKEN_BY
from models.patient.vocabulary import VARIABLES

SOURCE = "hypothetical"
# An amount is told for the hours before the moment: less than half of those over which a model
# reckons a rate would make none, and an amount "since the last one" a rate by accident.
AMOUNT_HOURS = {"urine": 6.0}
SATURATION, TARGET, MEAN = "spo2", "spo2_target", "mean_pressure"
# Of a set of observations its first moment goes, too.
WHOLE_SET = ONE_SET + timedelta.resolution
Values = Mapping[str, float | None]


def hypothetical(chart: Chart, at: datetime, values: Values) -> Chart:
    """Return the chart as if each of `values` (by variable, in its own unit) had been charted at
    `at` (aware UTC) and were all that is said of it then; of an amount, over AMOUNT_HOURS.

    None takes away what the chart has of a variable within its greatest age. A value replaces what
    was charted or could not be used in the same minute, and what a sister variable says of the same
    thing in the same set of observations. The target of a saturation goes on from the last one. A
    part that could not be read is taken for one that can be from `at` on. Raises KeyError for an
    unknown variable.
    """
    given = {name: value for name, value in values.items() if value is not None}
    gone = _gone(chart, at, values, given)
    kept = [one for one in chart.readings if one.time <= gone.get(one.variable, one.time)]
    kept += [_reading(name, value, at) for name, value in given.items()]
    if SATURATION in given and TARGET not in values:
        kept += _target(chart, at)
    return replace(
        chart,
        readings=tuple(sorted(kept)),
        unusable=tuple(u for u in chart.unusable if u.time <= gone.get(u.variable, u.time)),
        parts=chart.parts | _read_now(chart, at, given),
    )


def gives_way(chart: Chart, at: datetime, values: Values) -> tuple[Reading | Unusable, ...]:
    """Return what the chart says of the same minutes and a given value takes the place of: beside
    it one that is charted in earnest may not count. Amounts are left out: they go by their hours.
    """
    given = {name: value for name, value in values.items() if value is not None}
    gone = _gone(chart, at, values, given)
    held: list[Reading | Unusable] = [*chart.readings, *chart.unusable]
    return tuple(
        one
        for one in held
        if one.time > gone.get(one.variable, one.time)
        and values.get(one.variable, 0.0) is not None
        and one.variable not in AMOUNT_HOURS
    )


def _reading(name: str, value: float, at: datetime) -> Reading:
    kept = round(float(value), DECIMALS)
    return Reading(at, name, kept, SOURCE, hours=AMOUNT_HOURS.get(name, 0.0))


def _gone(
    chart: Chart, at: datetime, values: Values, given: Mapping[str, float]
) -> dict[str, datetime]:
    """Return by variable the moment after which all that the chart says of it goes."""
    found: dict[str, datetime] = {}
    for name, value in values.items():
        for other, span in _replaced(name, value):
            found[other] = min(found.get(other, at), at - span)
    if _both_pressures(chart, at, values, given):
        found[MEAN] = min(found.get(MEAN, at), at - MINUTE)
    return found


def _replaced(name: str, value: float | None) -> Iterator[tuple[str, timedelta]]:
    """Yield each variable of which a value takes something away, and how far back."""
    if value is None:
        yield name, VARIABLES[name].max_age + timedelta.resolution
        return
    hours = AMOUNT_HOURS.get(name)
    yield name, timedelta(hours=hours) if hours else MINUTE
    for first, second, *_ in PAIRS:
        if name in (first, second):
            yield second if name == first else first, WHOLE_SET
    for target, (speaker, _) in SPEAKERS.items():
        if name == speaker:
            yield target, MINUTE


def _both_pressures(chart: Chart, at: datetime, values: Values, given: Mapping[str, float]) -> bool:
    """Tell whether a pressure is given and the other one is of the same moment, so that a mean is
    made of them.
    """
    beside = {one.variable for one in chart.readings if one.time == at} - set(values)
    pair = set(SPOKEN_BY[MEAN])
    return bool(pair & given.keys()) and pair <= given.keys() | beside


def _target(chart: Chart, at: datetime) -> list[Reading]:
    """Return the target that stands beside the last saturation, as of `at`: who charts the next one
    charts it again.
    """
    last = max(
        (one.time for one in chart.readings if one.variable == SATURATION and one.time <= at),
        default=None,
    )
    return [
        one._replace(time=at)
        for one in chart.readings
        if one.variable == TARGET and one.time == last and one.time < at
    ]


def _read_now(chart: Chart, at: datetime, given: Mapping[str, float]) -> dict[str, PartState]:
    """Return the parts that hold a given value and of which nothing could be read, as read from
    `at` on.
    """
    groups = {VARIABLES[name].group for name in given}
    return {
        group: chart.parts[group]._replace(state="cut", since=at)
        for group in groups
        if chart.since(group) is None
    }
