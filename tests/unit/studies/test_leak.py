"""The leak check on made rows: time alone is no leak, time that tells the outcome is one."""

import numpy as np
import pytest

from studies.checks.leak import FEATURES, TIME, leak

PATIENTS = 400


def rows(length, event_at, feature_at):
    """Return rows of four-hourly moments: `length` by patient, whether each is an event, and the
    feature that goes with the hour.
    """
    random = np.random.default_rng(7)
    x, event, hour, patient = [], [], [], []
    for number in range(PATIENTS):
        septic = random.random() < 0.3
        for at in range(4, length(random, septic), 4):
            hour.append(at)
            patient.append(number)
            event.append(event_at(random, septic, at))
            x.append([feature_at(random, at), random.normal(), np.nan])
    return np.array(x), np.array(event), np.array(hour), np.array(patient)


def clock(random, hour):
    return hour + random.normal(0, 8)


def noise(random, hour):
    return random.normal()


def short_unless_septic(random, septic):
    """As in PhysioNet 2019, set A: only the septic stay long."""
    return 120 if septic else int(random.integers(20, 60))


def any_length(random, septic):
    return int(random.integers(20, 120))


def late_if_septic(random, septic, hour):
    return septic and hour > 60


def at_any_hour(random, septic, hour):
    return random.random() < 0.1


def test_a_planted_leak_is_found():
    """Only the septic are there late, and a feature goes with the hour: both figures are beyond
    chance, and the sentence says so.
    """
    found = leak(*rows(short_unless_septic, late_if_septic, clock), 1)
    assert found["found"] and found["said"].startswith("Yes, and that time tells the outcome")
    assert found[FEATURES]["interval"][0] > 0.8 and found[TIME]["value"] > 0.9
    assert f"{found[TIME]['value']:.3f}" in found["said"]


@pytest.mark.parametrize(
    ("length", "event_at", "feature_at", "words"),
    [
        (any_length, at_any_hour, clock, "Yes, but that time does not tell the outcome"),
        (short_unless_septic, late_if_septic, noise, "No: "),
        (any_length, at_any_hour, noise, "No: "),
    ],
    ids=["time tells nothing", "no feature knows the time", "neither"],
)
def test_either_alone_is_no_leak(length, event_at, feature_at, words):
    """A clock that tells of nothing does no harm, nor does a time that no feature knows."""
    found = leak(*rows(length, event_at, feature_at), 1)
    assert not found["found"] and found["said"].startswith(words)
    told = found[FEATURES]["value"] > 0.8
    assert told == (feature_at is clock)
    assert (found[TIME]["value"] > 0.9) == (event_at is late_if_septic)


def test_one_hour_alone_says_nothing():
    """Where every row is of the same hour there is no early and late."""
    x, event, _, patient = rows(any_length, at_any_hour, noise)
    found = leak(x, event, np.full(len(event), 6), patient, 1)
    assert not found["found"] and found[FEATURES]["value"] is None and "no number" in found["said"]


def test_the_hour_counts_by_patients():
    """The same rows give the same figures, and fewer patients wider intervals."""
    made = rows(any_length, at_any_hour, clock)
    few = made[3] < 60
    one, two, less = leak(*made, 1), leak(*made, 1), leak(*(part[few] for part in made), 1)

    def width(found):
        return np.ptp(found[TIME]["interval"])

    assert one == two and width(less) > width(one)
