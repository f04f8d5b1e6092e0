"""What differs between two moments: values, findings and NEWS2, and what is only not known."""

from dataclasses import replace
from datetime import timedelta

import pytest

from models.assess import Assessment, assess
from models.fitted.registry import load_models
from models.patient.chart import Chart, PartState, Unusable
from models.patient.vocabulary import VARIABLES
from smartapp.changing.difference import Difference, difference
from tests.support import assessments

AT = assessments.AT
MODELS = load_models()
STEADY = {
    "heart_rate": [(13, 80), (1, 80)],
    "respiratory_rate": [(13, 16), (1, 16)],
    "spo2": [(13, 97), (1, 97)],
    "systolic": [(13, 124), (1, 124)],
    "temperature": [(13, 36.8), (1, 36.8)],
}


def at(hours: float, chart: Chart) -> Assessment:
    return assess(chart, AT - timedelta(hours=hours), MODELS)


def between(rows: dict, hours: float = 12) -> Difference:
    """Return what differs in a chart between so many hours ago and now."""
    chart = assessments.chart(STEADY | rows)
    new: dict = {}
    for reading in chart.readings:
        if reading.time > AT - timedelta(hours=hours):
            new.setdefault(reading.variable, []).append(reading.time)
    return difference(at(hours, chart), at(0, chart), new)


def test_what_went_red_and_what_came_back():
    """Each with the level at both moments; a value of now stands beside the earlier one."""
    found = between({"lactate": [(14, 4.4), (2, 1.2)], "respiratory_rate": [(13, 16), (1, 27)]})
    (worse,) = [sign for sign in found.worse if "espiratory" in sign.sentence]
    assert (worse.level_then, worse.level_now) == (None, "warning")
    (eased,) = [sign for sign in found.eased if "lactate" in sign.written]
    assert eased.level_then == "critical" and eased.level_now is None and eased.known
    assert eased.now is not None and eased.now.display == "1.2 mmol/L"
    grave = between({"lactate": [(2, 6.0)], "potassium": [(2, 7.1)], "respiratory_rate": [(1, 27)]})
    assert [sign.level_now for sign in grave.worse] == ["critical", "critical", "warning"]
    assert [(p.label, p.then, p.now) for p in found.points] == [("Respiration", 0, 3)]
    assert found.news2[0] != found.news2[1]


def test_what_is_too_old_now_did_not_come_back():
    """A critical value that nobody measured again is no better, only not known."""
    found = between({"lactate": [(30, 4.4)]})
    (gone,) = [sign for sign in found.eased if "lactate" in sign.written]
    assert not gone.known
    assert found.lost == ("lactate",)
    (value,) = [one for one in found.values if one.label == "lactate"]
    assert value.lost and value.now.state == "stale" and value.came == 0


@pytest.mark.parametrize(
    ("name", "least", "hours"), [("troponin_i", 3.0, 44), ("crp", 350.0, 44), ("lactate", 9.0, 48)]
)
def test_a_bound_that_is_too_old_now_did_not_come_back(name, least, hours):
    """Neither did one of a variable that no model goes by, which is not known now as any other."""
    word = Unusable(AT - timedelta(hours=49), name, "bound", f">{least:g}", "Observation/b", least)
    chart = replace(assessments.chart(STEADY), unusable=(word,))
    found = difference(at(hours, chart), at(0, chart), {})
    (gone,) = [sign for sign in found.eased if f">{least:g}" in sign.written]
    assert not gone.known
    assert VARIABLES[name].label in found.unknown


@pytest.mark.parametrize("name", ["troponin_t", "crp", "lactate"])
def test_a_value_that_could_not_be_read_again_is_lost(name):
    """Of a card's chart and one whose laboratory values failed, whether a model goes by it or
    not.
    """
    label, chart = VARIABLES[name].label, assessments.chart(STEADY | {name: [(14, 2.0)]})
    failed = replace(assessments.chart(STEADY), parts={"labs": PartState("failed")})
    found = difference(at(12, chart), at(0, failed), {})
    assert label in found.lost
    (value,) = [one for one in found.values if one.label == label]
    assert value.lost and value.now.display == "could not be read"
    assert label in difference(at(0, failed), at(0, chart), {}).learned


def test_a_grave_value_that_is_less_grave_is_told_with_both_levels():
    found = between({"lactate": [(14, 6.0), (2, 2.6)]})
    (eased,) = [sign for sign in found.eased if "actate" in sign.sentence]
    assert (eased.level_then, eased.level_now, eased.known) == ("critical", "warning", True)


def test_what_is_known_at_one_moment_alone_is_named():
    """And what is known at neither, which is never taken for normal."""
    found = between({"creatinine": [(2, 1.1)]})
    assert "creatinine" in found.learned and "lactate" in found.unknown
    assert not set(found.learned) & set(found.unknown)
    (value,) = [one for one in found.values if one.label == "creatinine"]
    assert (value.then.state, value.came, value.late) == ("missing", 1, False)


def test_a_value_that_was_filed_late_is_told_as_that():
    """A card's chart lacked what was taken before it."""
    chart = assessments.chart(STEADY | {"lactate": [(14, 2.9)]})
    readings = tuple(one for one in chart.readings if one.variable != "lactate")
    card = Chart(chart.patient, chart.birth_date, chart.sex, False, readings, {})
    taken = [one.time for one in chart.readings if one.variable == "lactate"]
    found = difference(at(12, card), at(0, chart), {"lactate": taken})
    (value,) = [one for one in found.values if one.label == "lactate"]
    assert value.late and value.came == 1


def test_each_outcome_has_both_figures_and_what_lies_between():
    """The later risk is explained by the earlier one; nothing is made up where one is missing."""
    found = between({"lactate": [(14, 1.1), (2, 4.6)]})
    assert len(found.outcomes) == len(MODELS)
    for outcome in found.outcomes:
        assert outcome.explanation is not None and outcome.waterfall is not None
        assert outcome.explanation.person == "this patient 12 h earlier"
    bare = between({"lactate": [(2, 4.6)]}, hours=30)
    assert bare.then.status == "insufficient"
    for outcome in bare.outcomes:
        assert outcome.then is None and outcome.now and outcome.explanation is None


def test_what_could_not_be_read_is_not_called_missing():
    chart = assessments.chart(STEADY)
    lacking = Chart(
        chart.patient, chart.birth_date, chart.sex, False, chart.readings, {},
        {"labs": PartState("failed")},
    )  # fmt: skip
    found = difference(at(12, lacking), at(0, lacking), {})
    (item,) = [one for one in found.now.inputs if one.variable == "lactate"]
    assert item.state == "unread" and "lactate" in found.unknown


def test_one_value_more_of_the_same_is_a_new_one():
    """Measured again and the same: it differs by its time."""
    found = between({})
    assert {one.label for one in found.values} >= {"heart rate", "temperature"}
    assert {one.came for one in found.values} == {1}
    assert not found.worse
