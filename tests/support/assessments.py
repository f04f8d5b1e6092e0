"""Builds a realistic chart and Assessment for the page's tests, without a trained model."""

import math
from datetime import UTC, date, datetime, timedelta

from models.assess import Assessment, Risk
from models.certainty import Certainty
from models.contributions import Contribution
from models.course import Hour
from models.explanation import Explanation, Share, printed_points
from models.findings.alarms import findings
from models.findings.overdue import OVERDUE_FACTOR
from models.fitted.model import sigmoid
from models.fitted.registry import ModelId
from models.patient.chart import Chart, Reading
from models.patient.inputs import inputs, percent
from models.patient.news2 import chart_news2
from models.patient.printing import display
from models.patient.series import series
from models.patient.snapshot import snapshot_at
from models.patient.vocabulary import VARIABLES

AT = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
MODEL = ModelId("deterioration", "1.0.0", "3f5a9c0d77e1b2c4" * 4)
# hours before `at`, oldest first
HEART_RATE = [
    (46, 84),
    (40, 88),
    (34, 86),
    (26, 92),
    (20, 97),
    (14, 104),
    (8, 112),
    (4, 119),
    (1.5, 128),
]
ROWS = {
    "heart_rate": HEART_RATE,
    "respiratory_rate": [(46, 16), (34, 18), (20, 20), (8, 24), (1.5, 27)],
    "spo2": [(46, 97), (34, 96), (20, 94), (8, 93), (1.5, 91)],
    "oxygen_flow": [(8, 2), (1.5, 4)],
    "systolic": [(46, 128), (34, 121), (20, 112), (8, 101), (1.5, 92)],
    "diastolic": [(46, 74), (34, 70), (20, 66), (8, 58), (1.5, 51)],
    "temperature": [(46, 37.1), (20, 38.0), (1.5, 38.7)],
    "lactate": [(30, 1.4), (3, 3.9)],
    "creatinine": [(44, 0.9), (20, 1.2), (4, 1.6)],
    "bun": [(44, 18), (4, 34)],
    "potassium": [(44, 4.1), (4, 5.2)],
    "sodium": [(44, 139), (4, 133)],
    "wbc": [(44, 9.1), (4, 18.4)],
    "haemoglobin": [(44, 11.2)],
    "platelets": [(44, 210), (4, 131)],
}
WEIGHTS = [("respiratory_rate", 0.62), ("lactate", 0.55), ("systolic", 0.41), ("bun", 0.33), ("spo2", 0.27), ("heart_rate", 0.21),
           ("wbc", 0.14), ("sodium", -0.12), ("creatinine", 0.11), ("temperature", -0.18), ("potassium", 0.04), ("platelets", 0.06),
           ("haemoglobin", -0.02)]  # fmt: skip


def chart(
    rows: dict | None = None, patient: str = "pat-1", born: date | None = date(1951, 3, 9)
) -> Chart:
    """Return a chart of readings given as hours before AT."""
    found = [
        Reading(AT - timedelta(hours=hours), name, float(value), f"Observation/{name}-{n}")
        for name, values in (ROWS if rows is None else rows).items()
        for n, (hours, value) in enumerate(values)
    ]
    return Chart(patient, born, "female", False, tuple(sorted(found)), {"unit": 1, "status": 2})


def risk(probability_of_score: float | None = None, weights: list | None = None) -> Risk:
    """Return a Risk whose contributions add up to its score."""
    parts = sorted(WEIGHTS if weights is None else weights, key=lambda item: -abs(item[1]))
    baseline = math.log(0.14 / 0.86)
    score = baseline + math.fsum(value for _, value in parts)
    now = sigmoid(score)
    digits = 1 if "." in percent(now) else 0
    points = printed_points([value for _, value in parts], baseline, score, digits)
    found = tuple(
        _contribution(name, value, amount, digits)
        for (name, value), amount in zip(parts, points, strict=True)
    )
    person = "a woman of 75 with normal values"
    start = f"{100 * sigmoid(baseline):.{digits}f} %"
    shares = {Share(item.variable, item.log_odds, item.points): item for item in found}
    explanation = Explanation(
        baseline, person, start, percent(now), digits, tuple(shares), shares.__getitem__
    )
    band = "high" if now >= 0.3 else "medium" if now >= 0.1 else "low"
    return Risk(
        "death",
        "death in hospital",
        "during this hospital stay",
        now,
        band,
        score,
        None,
        0.24,
        "rising",
        MODEL,
        {"medium": 0.1, "high": 0.3},
        lambda: explanation,
        None,
    )


def assessment(
    of: Chart | None = None,
    at: datetime = AT,
    status: str = "scored",
    reasons: tuple[str, ...] = (),
) -> Assessment:
    """Return an Assessment of a chart with the made-up Risk."""
    of = of or chart()
    snapshot = snapshot_at(series(of), at)
    risks = (risk(),) if status == "scored" else ()
    score = chart_news2(snapshot)
    used = set(VARIABLES) - {"crp", "troponin_i", "troponin_t"}
    return Assessment(
        of.patient,
        at,
        status,
        reasons,
        risks,
        score,
        inputs(snapshot, used),
        of.rejected,
        snapshot.newest,
        of.age(at),
        of.sex,
        findings=findings(snapshot, score, [risk.finding for risk in risks], OVERDUE_FACTOR),
    )


def course() -> list[Hour]:
    """Return 49 hourly risks: six hours without a number, and three with an interval alone."""
    hourly = [
        (AT - timedelta(hours=back), 0.06 + 0.3 * ((48 - back) / 48) ** 3)
        for back in range(48, -1, -1)
    ]
    unsure = {20: Certainty(0.02, 0.5, True, ()), 21: Certainty(0.02, 0.6, True, ())}
    unsure[22] = Certainty(0.03, 1.0, True, ())
    return [
        Hour(time, None if 12 <= n < 18 or n in unsure else value, unsure.get(n))
        for n, (time, value) in enumerate(hourly)
    ]


def _contribution(name: str, value: float, points: float, digits: int) -> Contribution:
    hours, newest = ROWS[name][-1]
    variable = VARIABLES[name]
    driver = f"{variable.label} {display(variable, float(newest))}"
    return Contribution(
        name, variable.label, value, points, float(newest), float(hours), driver, True, digits
    )
