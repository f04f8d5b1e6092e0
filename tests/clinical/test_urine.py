"""Urine: amounts over periods become mL/kg/h, counted once, against a slow plain reference."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.assess import assess
from models.drivers import driver_text
from models.fitted.registry import recorded
from models.patient.amounts import per_hour
from models.patient.chart import Chart, PartState, Reading
from models.patient.features import FeatureRow, feature_row
from models.patient.inputs import inputs
from models.patient.series import series
from models.patient.snapshot import Snapshot, snapshot_at
from models.reading.fhir import parse
from models.reading.reader import read_chart
from models.reference import reference_row
from studies.data.physionet2012 import read_stay
from studies.data.stays import ADMITTED
from tests.conftest import AT, SICK, bundle, observation, patient, table

HOUR = timedelta(hours=1)


def read(*observations: dict) -> Chart:
    return read_chart(parse(bundle([patient(), *observations])).resources, "p1", AT)


def known(*observations: dict) -> Snapshot:
    return snapshot_at(series(read(*observations)), AT)


def row_of(*observations: dict) -> FeatureRow:
    return feature_row(known(*observations))


def hourly(amount: float, first: int = 24, last: int = 0) -> list[dict]:
    """Return an amount each hour, with a time alone, as flowsheets have it."""
    return [observation("urine", amount, hour) for hour in range(first, last - 1, -1)]


def urine(amount: float, hours_ago: float, code: str = "9187-6", hours: float = 0, **more) -> dict:
    """Return an amount under a code, with a period of so many hours if there is one."""
    end = AT - hours_ago * HOUR
    period = {"start": (end - hours * HOUR).isoformat(), "end": end.isoformat()}
    timed = {"effectiveDateTime": None, "effectivePeriod": period} if hours else {}
    coded = {"coding": [{"system": "http://loinc.org", "code": code, "display": f"urine {code}"}]}
    made = observation("urine", amount, hours_ago, id=f"{code}-{hours_ago:g}", code=coded)
    return {k: v for k, v in (made | timed | more).items() if v is not None}


def reference(amounts: list[tuple[int, int, int]], window: int) -> float | None:
    """The rate again, minute by minute: (minutes ago, amount, minutes of its period or 0)."""
    ends = {ago for ago, _, _ in amounts}
    spans: dict[tuple[int, int], float] = {}
    for ago, amount, length in amounts:
        earlier = [end for end in ends if end > ago]
        if not length and not (earlier and min(earlier) - ago <= 8 * 60):
            continue
        start = ago + length if length else min(earlier)
        spans[start, ago] = spans.get((start, ago), 0) + amount
    total = covered = 0.0
    for minute in range(window):
        over = [span for span in spans if span[1] <= minute < span[0]]
        if over:
            start, end = min(over, key=lambda span: (span[0] - span[1], -span[0]))
            total, covered = total + spans[start, end] / (start - end), covered + 1
    return 60 * total / covered if covered * 2 >= window else None


AMOUNT = st.tuples(
    st.integers(0, 33 * 60), st.integers(0, 500), st.sampled_from([0, 0, 0, 60, 480, 1440])
)


@settings(max_examples=60, deadline=None)
@given(st.lists(AMOUNT, max_size=25))
def test_the_rate_equals_a_slow_plain_reference(amounts):
    """Points, periods and totals in any mixture, over 6 and 24 h."""
    readings = sorted(
        Reading(AT - timedelta(minutes=ago), "urine", float(amount), "s", hours=length / 60)
        for ago, amount, length in amounts
    )
    for window in (6, 24):
        start = AT - window * HOUR
        near = [r for r in readings if r.time >= start - 8 * HOUR]
        close = [one for one in amounts if one[0] <= (window + 8) * 60]
        expected = reference(close, window * 60)
        found = per_hour(near, start, AT)
        assert (found is None) == (expected is None)
        assert found is None or found == pytest.approx(expected, abs=1e-6)


def test_hourly_amounts_become_a_rate_by_the_newest_weight():
    """40 mL an hour are 0.5 mL/kg/h of 80 kg, over 6 and 24 h."""
    row = row_of(*hourly(40), observation("weight", 90, 100), observation("weight", 80, 50))
    assert row["urine"] == 40
    assert row["urine.rate6"] == row["urine.rate24"] == pytest.approx(0.5)


def test_without_a_weight_one_is_stated():
    """75 kg stands for a weight that is not known, not usable or older than a week; words say it."""
    for older in ([], [observation("weight", 80, 169)], [observation("weight", 8000, 3)]):
        found = known(*hourly(75), *older)
        row = feature_row(found)
        assert row["urine.rate6"] == pytest.approx(1.0)
        words = "urine output 1.00 mL/kg/h over 6 h (reckoned by 75.0 kg)"
        assert driver_text("urine.rate6", row, found) == (words, False)
    found = known(*hourly(75), observation("weight", 150, 3))
    words = "urine output 0.50 mL/kg/h over 6 h"
    assert driver_text("urine.rate6", feature_row(found), found) == (words, False)


def test_a_total_beside_its_parts_is_not_counted_twice():
    """The parts count where there are any, the total where there are none, and alone."""
    total = urine(1800, 0, "9192-6")
    assert row_of(*hourly(75), total)["urine.rate24"] == pytest.approx(1.0)
    assert row_of(total)["urine.rate24"] == row_of(total)["urine.rate6"] == pytest.approx(1.0)
    half = row_of(total, *hourly(150, 12))
    assert half["urine.rate24"] == pytest.approx((12 * 75 + 12 * 150) / 24 / 75)


@pytest.mark.parametrize(
    ("made", "hours"),
    [
        (urine(600, 1, hours=8), 8), (urine(600, 1, "9188-4"), 8), (urine(600, 1, "9192-6"), 24),
        (urine(600, 1, "3167-4"), 24), (urine(600, 1, "9192-6", hours=12), 12), (urine(600, 1), 0),
        (urine(600, 1, hours=25), 25),
    ],
)  # fmt: skip
def test_an_amount_has_the_period_that_is_written_or_that_its_code_names(made, hours):
    """It stands at the end of its period, and as FHIR's audit record it comes back the same."""
    chart = read(made)
    assert [(r.time, r.value, r.hours) for r in chart.readings] == [(AT - HOUR, 600, hours)]
    again = msgspec.json.decode(msgspec.json.encode(chart.as_json()))
    assert Chart.from_json(again) == chart


def test_a_record_without_periods_is_still_read():
    """Readings of older audit records have no period."""
    chart = read(observation("heart_rate", 80))
    data = msgspec.json.decode(msgspec.json.encode(chart.as_json()))
    data["readings"] = [reading[:-1] for reading in data["readings"]]
    assert Chart.from_json(data) == chart


def test_an_amount_of_more_than_a_day_and_a_rate_of_hours_are_left_out():
    """Two days are no day, a pulse over eight hours is an average, with or without urine."""
    assert read(urine(3000, 0, hours=48)).rejected == {"time": 1}
    pulse = urine(80, 0, "8867-4", hours=8)
    assert read(pulse).rejected == {"time": 1}
    panel = urine(600, 0, hours=8, component=[{k: pulse[k] for k in ("code", "valueQuantity")}])
    assert read(panel).rejected == {"time": 1}


@pytest.mark.parametrize(
    ("code", "value", "unit", "expected"),
    [
        ("9187-6", 0.4, "L", 400), ("9187-6", 35, "cc", 35), ("9187-6", 35, "mL/h", None),
        ("9192-6", 3.8, "L/d", 3800), ("9187-6", 3.8, "L/d", None), ("9187-6", -50, "mL", None),
        ("29463-7", 176.37, "[lb_av]", 80), ("29463-7", 80000, "g", 80),
        ("3142-7", 176.37, "lbs", 80), ("29463-7", 8, "kg", None), ("29463-7", 800, "kg", None),
    ],
)  # fmt: skip
def test_units_and_limits(code, value, unit, expected):
    """A rate is an amount only under a code of a day; what no body has is not used."""
    chart = read(urine(0, 1, code, valueQuantity={"value": value, "unit": unit, "code": unit}))
    assert [r.value for r in chart.readings] == (
        [] if expected is None else [pytest.approx(expected, rel=1e-4)]
    )
    assert len(chart.unusable) == (expected is None)


def test_what_is_not_known_of_urine_is_missing():
    """Too little of the window, a bag of nobody knows how long, a bound, a part that was cut."""
    assert row_of(*hourly(40, 2))["urine.rate6"] is None
    assert row_of(*hourly(40, 3))["urine.rate6"] is not None
    assert (
        row_of(urine(900, 1))["urine.rate6"]
        is row_of(urine(900, 9), urine(90, 0))["urine.rate6"]
        is None
    )
    bound = urine(0, 2.5, valueQuantity={"value": 10, "comparator": "<", "unit": "mL"})
    row = row_of(*hourly(40), bound)
    assert row["urine"] == 40 and row["urine.rate6"] is row["urine.rate24"] is None
    chart = read(*hourly(40))
    cut = Chart(*(getattr(chart, n) for n in ("patient", "birth_date", "sex", "deceased")),
        chart.readings, {}, {"vitals": PartState("cut", AT - 10 * HOUR)}, reader=2)  # fmt: skip
    row = feature_row(snapshot_at(series(cut), AT))
    assert row["urine.rate6"] is not None and row["urine.rate24"] is None


def test_none_at_all_is_no_urine_and_two_of_a_moment_add_up():
    """Anuria is a rate of 0, two bags of one time are both urine."""
    assert row_of(*hourly(0))["urine.rate6"] == 0
    two = [urine(30, hour, id=f"second-{hour}") for hour in range(25)]
    assert row_of(*hourly(45), *two)["urine.rate6"] == pytest.approx(1.0)


def test_the_reference_patient_makes_a_millilitre_a_kilogram_an_hour():
    """Where this chart has a rate, and none where it has none."""
    normal = reference_row(row_of(*hourly(20, 8), observation("weight", 110)))
    assert normal["urine.rate6"] == 1.0 and normal["urine.rate24"] is None


def test_urine_and_weight_change_nothing_of_0_4_0_and_raise_no_alarm():
    """Risks, level and findings are as without them, even where they can't be used."""
    models = recorded([("deterioration", "0.4.0"), ("sepsis", "0.4.0")])
    plain = assess(read(*table(SICK)), AT, models)
    odd = urine(0, 1, valueQuantity={"value": 3, "unit": "bags"})
    for more in ([*hourly(3), observation("weight", 70)], [odd, observation("weight", 900)]):
        found = assess(read(*table(SICK), *more), AT, models)
        assert [r.score for r in found.risks] == [r.score for r in plain.risks]
        assert found.level == plain.level and found.news2 == plain.news2
        new = [f for f in found.findings if f.variable in ("urine", "weight")]
        assert all(f.level == "info" and f.kind == "unusable" for f in new)


def test_a_weight_is_used_where_a_model_has_urine():
    """The page says of each value whether a model has it, and of an amount its period."""
    found = known(urine(600, 0, hours=8), observation("weight", 70))
    for used, state in (({"urine"}, "used"), ({"heart_rate"}, "not in model")):
        told = {i.variable: (i.display, i.state) for i in inputs(found, used)}
        assert told["urine"] == ("600 mL in 8 h", state) and told["weight"] == ("70.0 kg", state)


def test_a_stay_of_2012_has_its_urine_and_weight():
    """Amounts at their times; a weight of -1 or 0 is none; a height is nobody's."""
    lines = ["00:00,Weight,-1", "00:00,Height,175.3", "00:30,Weight,80", "01:00,Urine,900"]
    lines += [f"{hour:02d}:00,Urine,{amount}" for hour, amount in ((2, 40), (3, 60), (4, 20))]
    text = "\n".join(["Time,Parameter,Value", *lines, "04:30,Weight,0"])
    chart, about = read_stay("1", "1.txt", text)
    assert [r.value for r in chart.readings if r.variable == "weight"] == [80]
    assert chart.rejected == {"range": 2} and "Weight" not in about
    row = feature_row(snapshot_at(series(chart), ADMITTED + 4 * HOUR))
    assert row["urine.rate6"] == pytest.approx((40 + 60 + 20) / 3 / 80)
