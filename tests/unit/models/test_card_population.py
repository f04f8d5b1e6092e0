"""Where a risk stands in a validation's population, and what became of those with a like risk."""

import random

import pytest

from models.card.population import LEAST, Bin, Counted, population, wilson
from models.fitted.booster import ModelError


def counted(rows=100, events=10, patients=50, effective=40.0, risk=0.1):
    """Return what a file says of some rows."""
    sizes = {"rows": rows, "events": events, "patients": patients, "effective": effective}
    return sizes | {"risk": risk}


def written(**more) -> dict:
    """Return what a validation.json holds of 101 invented rows, from 0.01 to 0.5."""
    risks = [0.01 + 0.0049 * n for n in range(101)]
    bins = [
        {"from": 0.01, "to": 0.1, **counted(), "lacking": [counted(), counted(), counted(0, 0, 0)]},
        {"from": 0.1, "to": 0.5, **counted(60, 30), "lacking": []},
    ]
    found = {"setting": "intensive care", "percentiles": risks, "highest": [r + 0.1 for r in risks]}
    return {"population": found | {"lacking": [0.2, 0.5], "bins": bins} | more}


@pytest.mark.parametrize(
    ("risk", "rows", "stays"),
    [(0.009, None, None), (0.01, 0, None), (0.255, 50, 29), (0.5, 100, 79), (0.9, 100, 100)],
)
def test_a_risk_has_its_place_among_rows_and_stays(risk, rows, stays):
    """Whole hundredths, rounded down; below all of them there is none."""
    people = population(written())
    assert (people.above(risk), people.above_stays(risk)) == (rows, stays)


@pytest.mark.parametrize(
    ("risk", "low"),
    [(0.0099, None), (0.01, 0.01), (0.0999, 0.01), (0.1, 0.1), (0.5, 0.1), (0.51, None)],
)
def test_a_like_risk_is_one_of_the_same_bin(risk, low):
    """Beyond all of them nobody is alike."""
    found = population(written()).like(risk)
    assert (found.low if found else None) == low


def test_grades_begin_at_their_limits():
    people = population(written())
    assert [people.grade(share) for share in (0.0, 0.199, 0.2, 0.5, 1.0)] == [0, 0, 1, 2, 2]
    assert population(written(lacking=[])).grade(0.3) is None


@pytest.mark.parametrize("validation", [None, {}, {"figures": {}}])
def test_without_one_there_is_none(validation):
    assert population(validation) is None


@pytest.mark.parametrize(
    "broken", [{"bins": []}, {"bins": [{"from": 0.1}]}, {"percentiles": [0.1]}, {"highest": "x"}]
)
def test_a_damaged_one_is_refused(broken):
    with pytest.raises(ModelError, match="population"):
        population(written(**broken))


@pytest.mark.parametrize(
    ("share", "n", "low", "high"),
    [
        (0.0, 10, 0.0, 0.2775),
        (0.5, 10, 0.2366, 0.7634),
        (0.1, 100, 0.0552, 0.1744),
        (1.0, 20, 0.8389, 1.0),
    ],
)
def test_wilsons_interval_is_as_published(share, n, low, high):
    """Newcombe, Statistics in Medicine 17:857-872 (1998), gives the method; never beyond 0 and 1."""
    assert wilson(share, n) == pytest.approx((low, high), abs=1e-4)


def test_few_patients_tell_nothing():
    """However many rows they have."""
    few = Counted(**counted(rows=5000, patients=LEAST - 1))
    assert not few.told and Counted(**counted(patients=LEAST)).told
    assert Bin(**counted(), low=0.1, high=0.2).share == 0.1


def test_the_interval_holds_also_where_rows_of_a_patient_are_alike():
    """Of 400 invented samples of patients, each ill in all of their rows or in none, 95 of 100
    intervals have to hold the truth, here 0.1: rows counted one by one would fall far short.
    """
    draw, truth, held, narrow = random.Random(11), 0.1, 0, 0
    for _ in range(400):
        sizes = [draw.randint(1, 20) for _ in range(80)]
        events = sum(size for size in sizes if draw.random() < truth)
        rows = sum(sizes)
        effective = rows**2 / sum(size * size for size in sizes)
        low, high = Counted(**counted(rows, events, 80, effective)).interval
        held += low <= truth <= high
        low, high = wilson(events / rows, rows)
        narrow += low <= truth <= high
    assert held >= 0.93 * 400 and narrow < 0.6 * 400
