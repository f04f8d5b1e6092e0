"""Turns a Chart at a moment into a FeatureRow, the numbers that a model sees; training and serving both call this.

Stale is missing, and missing is None, never zero. A feature's name is `variable` or `variable.kind`: the part before the dot says which
variable it speaks for, so that contributions can be grouped.
"""

from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta

from models.consciousness import GCS_OF_LEVEL
from models.readings import Chart, Reading
from models.vocabulary import VARIABLES

VITALS = ("heart_rate", "respiratory_rate", "spo2", "systolic", "diastolic", "mean_pressure", "temperature", "gcs", "fio2")
LABS = ("lactate", "creatinine", "bun", "sodium", "potassium", "bicarbonate", "glucose", "wbc", "haematocrit", "platelets",
        "bilirubin", "albumin", "ph", "paco2", "pao2")  # fmt: skip
WINDOW_HOURS = 24.0
CHANGE_HOURS = 12.0
# Mean ratio of haematocrit (%) to haemoglobin (g/dL), for charts that hold only the latter.
HAEMATOCRIT_PER_HAEMOGLOBIN = 2.94

# Who speaks for whom: all of the sisters together can stand for a variable that the chart lacks.
SISTERS = {
    "gcs": ("acvpu",), "acvpu": ("gcs",), "haematocrit": ("haemoglobin",), "haemoglobin": ("haematocrit",),
    "mean_pressure": ("systolic", "diastolic"), "fio2": ("oxygen_flow",), "oxygen_flow": ("fio2",),
}  # fmt: skip
DAY, CHANGE, PREVIOUS = timedelta(hours=WINDOW_HOURS), timedelta(hours=CHANGE_HOURS), timedelta(hours=2 * WINDOW_HOURS)

Series = dict[str, tuple[list[datetime], list[Reading]]]


def series(chart: Chart) -> Series:
    """Return each variable's readings with their times, oldest first; made once for many moments."""
    found: Series = {}
    for reading in chart.readings:
        times, readings = found.setdefault(reading.variable, ([], []))
        times.append(reading.time)
        readings.append(reading)
    return found


def names() -> tuple[str, ...]:
    """Return every feature's name in the order of a row."""
    vitals = [f"{name}{kind}" for name in VITALS for kind in ("", ".low", ".high", ".change")]
    labs = [f"{name}{kind}" for name in LABS for kind in ("", ".change")]
    derived = ["heart_rate.shock_index", "systolic.pulse_pressure", "spo2.over_fio2", "pao2.over_fio2", "bun.over_creatinine"]
    return ("age", "sex", *vitals, *labs, *derived)


def feature_row(chart: Chart, readings: Series, at: datetime) -> dict[str, float | None]:
    """Return every feature by name, as known at `at` (aware UTC).

    Missing: None when there is no reading, or when the newest is older than the variable's greatest age.
    """
    age = chart.age(at)
    sex = None if chart.sex is None else float(chart.sex == "male")
    row: dict[str, float | None] = {"age": None if age is None else float(age), "sex": sex}
    for name in VITALS:
        row |= _vital(name, readings, at)
    for name in LABS:
        row |= _laboratory(name, readings, at)
    _substitute(row, readings, at)
    return row | _derived(row)


def fresh(readings: Series, variable: str, at: datetime) -> Reading | None:
    """Return the newest reading known at `at` if it is not stale, else None."""
    window = _between(readings, variable, at - VARIABLES[variable].max_age, at)
    return window[-1] if window else None


def latest(readings: Series, variable: str, at: datetime) -> Reading | None:
    """Return the newest reading known at `at`, however old, or None."""
    times, items = readings.get(variable, ((), ()))
    count = bisect_right(times, at)
    return items[count - 1] if count else None


def fio2_of_flow(flow: float) -> float:
    """Return the inspired oxygen in % that a nasal flow in L/min stands for: 4 % a litre above 20 %, 60 % at most."""
    return 21.0 if flow <= 0 else min(20.0 + 4.0 * flow, 60.0)


def _between(readings: Series, variable: str, start: datetime, at: datetime) -> list[Reading]:
    times, items = readings.get(variable, ((), []))
    return items[bisect_left(times, start) : bisect_right(times, at)]


def _vital(name: str, readings: Series, at: datetime) -> dict[str, float | None]:
    last = fresh(readings, name, at)
    if last is None:
        return {name: None, f"{name}.low": None, f"{name}.high": None, f"{name}.change": None}
    day = [r.value for r in _between(readings, name, at - DAY, at)]
    past = _between(readings, name, last.time - CHANGE, at)
    change = last.value - past[0].value if len(past) > 1 else None
    return {name: last.value, f"{name}.low": min(day), f"{name}.high": max(day), f"{name}.change": change}


def _laboratory(name: str, readings: Series, at: datetime) -> dict[str, float | None]:
    last = fresh(readings, name, at)
    if last is None:
        return {name: None, f"{name}.change": None}
    earlier = _between(readings, name, at - PREVIOUS, at)[:-1]
    return {name: last.value, f"{name}.change": last.value - earlier[-1].value if earlier else None}


def _substitute(row: dict[str, float | None], readings: Series, at: datetime) -> None:
    """Let a fresh reading of a sister variable speak where a feature is missing."""
    level, cells = fresh(readings, "acvpu", at), fresh(readings, "haemoglobin", at)
    if row["gcs"] is None and level:
        row["gcs"] = GCS_OF_LEVEL[int(level.value)]
    if row["haematocrit"] is None and cells:
        row["haematocrit"] = cells.value * HAEMATOCRIT_PER_HAEMOGLOBIN
    if row["mean_pressure"] is None and row["systolic"] is not None and row["diastolic"] is not None:
        row["mean_pressure"] = (row["systolic"] + 2 * row["diastolic"]) / 3
    flow = fresh(readings, "oxygen_flow", at)
    if row["fio2"] is None and flow:
        row["fio2"] = fio2_of_flow(flow.value)


def _derived(row: dict[str, float | None]) -> dict[str, float | None]:
    return {
        "heart_rate.shock_index": _ratio(row["heart_rate"], row["systolic"]),
        "systolic.pulse_pressure": _difference(row["systolic"], row["diastolic"]),
        "spo2.over_fio2": _ratio(row["spo2"], row["fio2"], 100.0),
        "pao2.over_fio2": _ratio(row["pao2"], row["fio2"], 100.0),
        "bun.over_creatinine": _ratio(row["bun"], row["creatinine"]),
    }


def _ratio(above: float | None, below: float | None, scale: float = 1.0) -> float | None:
    return None if above is None or not below else scale * above / below


def _difference(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second


def hours_between(earlier: datetime, later: datetime) -> float:
    """Return the hours from one moment to another."""
    return (later - earlier) / timedelta(hours=1)
