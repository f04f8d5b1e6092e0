"""What is known at a moment: newest and fresh readings, why the rest is unknown, and windows."""

from datetime import timedelta

import pytest

import models.assess as assessing
import models.course as course
from models.fitted.registry import load_models
from models.patient.chart import Chart, Reading
from models.patient.series import series
from models.patient.snapshot import MISSING, STALE, snapshot_at
from models.patient.vocabulary import VARIABLES
from models.reading.fhir import parse
from models.reading.reader import read_chart
from tests.conftest import AT, SICK, bundle, patient, table

HOUR = timedelta(hours=1)


def seen(*readings: tuple[str, float, float], at=AT):
    """Return the Snapshot of (variable, hours before AT, value) triples."""
    made = sorted(Reading(AT - hours * HOUR, name, value, "s") for name, hours, value in readings)
    return snapshot_at(series(Chart("p1", None, None, False, tuple(made), {})), at)


def test_every_variable_is_fresh_stale_or_missing():
    """Each of the vocabulary is exactly one of the three, and a stale one is still the latest."""
    found = seen(("lactate", 1, 2.0), ("spo2", 13, 97.0))
    assert set(found.fresh) == {"lactate"} and set(found.latest) == {"lactate", "spo2"}
    assert found.unknown["spo2"] == STALE and found.unknown["sodium"] == MISSING
    assert {*found.fresh, *found.unknown} == set(VARIABLES) and len(found.unknown) == len(
        VARIABLES
    ) - 1
    assert (found.value("lactate"), found.value("spo2"), found.value("sodium")) == (2.0, None, None)


def noted(function, calls):
    """Return the function, which notes its last argument each time."""
    return lambda *given: calls.append(given[-1]) or function(*given)


@pytest.mark.parametrize("name", VARIABLES)
def test_a_reading_is_fresh_up_to_its_greatest_age(name):
    """At the very limit it counts; a second later it does not."""
    limit, value = VARIABLES[name].max_age_hours, VARIABLES[name].low
    assert name in seen((name, limit, value)).fresh
    assert seen((name, limit, value), at=AT + timedelta(seconds=1)).unknown[name] == STALE


def test_what_comes_later_is_not_known_yet():
    """Neither newest, nor in a window, nor the newest time of all."""
    found = seen(("heart_rate", 2, 80), ("heart_rate", -1, 190))
    assert found.value("heart_rate") == 80 and found.newest == AT - 2 * HOUR
    assert [r.value for r in found.window("heart_rate", AT - 48 * HOUR)] == [80]


def test_a_window_holds_both_its_ends():
    """From the start to the moment, both counted; a variable without readings has an empty one."""
    found = seen(("lactate", 6.001, 1), ("lactate", 6, 2), ("lactate", 3, 3), ("lactate", 0, 4))
    assert [r.value for r in found.window("lactate", AT - 6 * HOUR)] == [2, 3, 4]
    assert found.window("sodium", AT - 6 * HOUR) == []


def test_an_assessment_looks_at_two_moments_only(monkeypatch):
    """Now and six hours before, one Snapshot and one feature row each, however many models."""
    moments, rows = [], []
    monkeypatch.setattr(assessing, "snapshot_at", noted(assessing.snapshot_at, moments))
    for module in (assessing, course):
        monkeypatch.setattr(module, "feature_row", noted(module.feature_row, rows))
    chart = read_chart(parse(bundle([patient(), *table(SICK)])).resources, "p1", AT)
    found = assessing.assess(chart, AT, load_models())
    assert moments == [AT, AT - 6 * HOUR] and len(rows) == 2
    assert len(found.risks) == 2 and all(risk.earlier is not None for risk in found.risks)
