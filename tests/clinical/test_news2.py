"""NEWS2 at every boundary of the published table (RCP 2017), its ranges, and what is never
scored.
"""

import pytest

from models.patient.news2 import news2
from models.patient.news2_table import span

NORMAL = {
    "respiratory_rate": 16,
    "spo2": 97,
    "oxygen": 0,
    "systolic": 120,
    "heart_rate": 70,
    "acvpu": 0,
    "temperature": 37.0,
}

BOUNDARIES = {
    "respiratory_rate": [(3, 3), (8, 3), (8.5, 1), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (24.4, 2), (25, 3), (60, 3)],
    "spo2": [(70, 3), (91, 3), (91.5, 2), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0), (100, 0)],
    "systolic": [(50, 3), (90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3), (280, 3)],
    "heart_rate": [(30, 3), (40, 3), (41, 1), (50, 1), (51, 0), (90, 0), (91, 1), (110, 1), (111, 2), (130, 2), (131, 3), (220, 3)],
    "temperature": [(33, 3), (35.0, 3), (35.04, 3), (35.05, 1), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0), (38.1, 1), (39.0, 1), (39.1, 2)],
    "spo2_scale2_air": [(83, 3), (84, 2), (85, 2), (86, 1), (87, 1), (88, 0), (92, 0), (93, 0), (97, 0), (100, 0)],
    "spo2_scale2_oxygen": [(83, 3), (85, 2), (87, 1), (88, 0), (92, 0), (93, 1), (94, 1), (95, 2), (96, 2), (97, 3), (100, 3)],
}  # fmt: skip


@pytest.mark.rule("governance part 4")
@pytest.mark.parametrize(
    ("row", "value", "expected"),
    [(row, *pair) for row, pairs in BOUNDARIES.items() for pair in pairs],
)
def test_every_boundary_scores_as_published(row, value, expected):
    """Each band of the table begins and ends where the table says, after the published rounding."""
    assert span(row, value, value) == (expected, expected)


def test_a_well_person_on_air_scores_nothing():
    """Zero is zero and has no missing part."""
    score = news2(NORMAL)
    assert (score.total, score.low, score.high, score.missing, score.band) == (0, 0, 0, (), "low")


@pytest.mark.parametrize(
    ("change", "total"),
    [({"oxygen": 1}, 2), ({"acvpu": 1}, 3), ({"acvpu": 4}, 3), ({"oxygen": 1, "acvpu": 2}, 5)],
)
def test_oxygen_scores_two_and_any_loss_of_alertness_three(change, total):
    """New confusion counts like voice, pain and unresponsive."""
    assert news2(NORMAL | change).total == total


def test_the_greatest_score_is_twenty():
    """All parts at their worst give 20, the table's maximum."""
    worst = {
        "respiratory_rate": 40,
        "spo2": 80,
        "oxygen": 1,
        "systolic": 70,
        "heart_rate": 150,
        "acvpu": 4,
        "temperature": 34,
    }
    assert news2(worst).total == 20


@pytest.mark.rule("governance part 4")
@pytest.mark.parametrize("part", [*NORMAL])
def test_a_missing_part_is_never_normal(part):
    """Without a part there is no total, only the least and the greatest that it could be, and
    the part's name.
    """
    score = news2(NORMAL | {part: None})
    assert (
        score.total is None
        and score.low == 0
        and score.high == (2 if part == "oxygen" else 3)
        and len(score.missing) == 1
    )


def test_nothing_known_is_zero_to_twenty():
    """No data give the whole range and no band."""
    score = news2({})
    assert (score.total, score.low, score.high, score.band) == (None, 0, 20, "unknown")


@pytest.mark.rule("governance part 4")
@pytest.mark.parametrize(
    ("change", "band"),
    [
        ({}, "low"),
        ({"spo2": 90}, "low-medium"),
        ({"oxygen": 1, "heart_rate": 115, "systolic": 105}, "medium"),
        ({"oxygen": 1, "heart_rate": 135, "systolic": 95}, "high"),
        ({"spo2": None, "heart_rate": 115}, "unknown"),
    ],
)
def test_the_band_is_what_the_known_parts_make_certain(change, band):
    """A single 3 is low-medium; what can't be told from low is unknown."""
    assert news2(NORMAL | change).band == band


@pytest.mark.rule("governance part 4")
def test_scale_2_forgives_88_and_minds_97_on_oxygen():
    """On scale 2 a saturation of 90 on oxygen scores 0, and 97 on oxygen 3."""
    on_oxygen = NORMAL | {"oxygen": 1}
    assert (
        news2(on_oxygen | {"spo2": 90}, scale2=True).total == 2
        and news2(on_oxygen | {"spo2": 97}, scale2=True).total == 5
    )
    assert news2(NORMAL | {"spo2": 97}, scale2=True).total == 0


def test_scale_2_above_92_needs_to_know_about_oxygen():
    """97 % on scale 2 is nothing on air and the worst on oxygen: unknown oxygen leaves it
    unscored.
    """
    score = news2(NORMAL | {"spo2": 97, "oxygen": None}, scale2=True)
    assert score.total is None and set(score.missing) == {"SpO2 (scale 2)", "Air or oxygen"}
