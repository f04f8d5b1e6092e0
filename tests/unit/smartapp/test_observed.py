"""What a page keeps of each Observation: what is charted, safe to show, and nothing of another's."""

import msgspec
import pytest

from models.reading.fhir import parse
from smartapp.evidence import observed
from smartapp.evidence.kept import LEFT, PASSED, READ, UNUSABLE, Evidence, Observed
from smartapp.evidence.observed import evidence
from tests.conftest import AT, bundle, observation, patient
from tests.support.traced import traced

LOINC = "http://loinc.org"
PANEL = {"coding": [{"system": LOINC, "code": "85354-9", "display": "Blood pressure panel"}]}


def kept(*resources: dict) -> Evidence:
    chart, fates = traced(parse(bundle([patient(), *resources])), "p1", AT)
    found = evidence(fates, chart, AT)
    # Whatever is kept has to come back from the store as it went there.
    assert msgspec.json.decode(msgspec.json.encode(found), type=Evidence) == found
    return found


def only(*resources: dict) -> Observed:
    (row,) = kept(*resources).rows
    return row


def panel(*parts: dict, **more) -> dict:
    found = observation("systolic", 0, id="bp", code=PANEL, component=list(parts), **more)
    return {name: member for name, member in found.items() if name != "valueQuantity"}


def test_what_is_charted_is_kept_as_it_is_charted():
    """Code, value and unit, both times, status, who, with what, how and where."""
    row = only(
        observation(
            "heart_rate",
            128,
            1,
            code={"text": "Pulse", "coding": [{"system": LOINC, "code": "8867-4"}]},
            valueQuantity={"value": 128, "unit": "bpm", "code": "{beats}/min"},
            issued="2026-03-29T12:45:00Z",
            meta={"lastUpdated": "2026-03-29T12:50:00Z"},
            performer=[{"display": "Nurse One"}, {"reference": "Practitioner/2"}],
            device={"display": "Monitor 7"},
            method={"text": "palpation"},
            bodySite={"text": "left wrist"},
        )
    )
    (value,) = row.values
    assert (row.id, row.label, row.status) == ("heart_rate-1", "Pulse", "final")
    assert [(one.system, one.code) for one in row.codes] == [(LOINC, "8867-4")]
    assert (value.written, value.unit_code) == ("128 bpm", "{beats}/min")
    assert (value.variable, value.fate, value.reason, value.place) == ("heart_rate", READ, "", 0)
    assert f"{row.time:%H:%M} {row.filed:%H:%M} {row.updated:%H:%M}" == "12:30 12:45 12:50"
    assert (row.performer, row.device) == ("Nurse One, Practitioner/2", "Monitor 7")
    assert (row.method, row.site) == ("palpation", "left wrist")


@pytest.mark.parametrize("shape", [7, "x", [], [None, 3], {"display": 5}, {"display": ["x"]}])
def test_what_is_only_shown_may_have_any_shape(shape):
    """An odd performer, device or time of filing costs no value."""
    row = only(observation("heart_rate", 88, performer=shape, device=shape, issued=shape))
    assert (row.performer, row.device, row.filed) == ("", "", None)
    assert row.values[0].fate == READ


def test_texts_are_on_one_line_cut_and_without_marks_that_are_not_printed():
    """Controls, directions and zero widths go; what is long ends in a dot that says so."""
    row = only(
        observation(
            "heart_rate",
            88,
            id="a\u202eb\u0007c",
            code={
                "coding": [{"system": LOINC, "code": "8867-4", "display": "Pul\u200bse\r\n\trate"}]
            },
            performer={"display": "x" * 500 + "\u2066"},
        )
    )
    assert (row.id, row.label) == ("abc", "Pulse rate")
    assert len(row.performer) == 120 and row.performer.endswith("…")


def test_a_panel_is_one_observation_with_its_values():
    """Each part has its own fate; one that Vigil does not read is passed over."""
    systolic, diastolic = observation("systolic", 120), observation("diastolic", 70)
    diastolic["valueQuantity"] = {"value": 70, "unit": "furlong"}
    cuff = {"code": {"text": "Cuff"}, "valueString": "large"}
    row = only(panel(systolic, diastolic, cuff))
    assert row.label == "Blood pressure panel"
    assert [(one.label, one.written, one.fate) for one in row.values] == [
        ("8480-6", "120 mm[Hg]", READ),
        ("8462-4", "70 furlong", UNUSABLE),
        ("Cuff", "large", PASSED),
    ]


def test_what_became_of_a_whole_panel_became_of_its_parts():
    """One that was entered in error leaves out both pressures, each under its variable."""
    parts = observation("systolic", 120), observation("diastolic", 70)
    row = only(panel(*parts, status="entered-in-error"))
    assert [(one.variable, one.fate, one.reason) for one in row.values] == [
        ("systolic", LEFT, "status"),
        ("diastolic", LEFT, "status"),
    ]


def test_a_duplicate_names_where_its_twin_is():
    """Both point to the one reading that the chart keeps."""
    found = kept(observation("heart_rate", 88), observation("heart_rate", 88, id="twin"))
    values = [row.values[0] for row in found.rows]
    assert sorted(one.fate for one in values) == [LEFT, READ]
    assert [one.place for one in values] == [0, 0]


@pytest.mark.rule("B6")
def test_nothing_of_another_patient_is_kept():
    """Whatever else is wrong with it: not a word, only how many there are."""
    other, secret = {"reference": "Patient/p2"}, {"text": "SECRET"}
    found = kept(
        observation("heart_rate", 88),
        observation("heart_rate", 66, 2, subject=other, code=secret),
        observation("heart_rate", 66, 3, subject=other, status="entered-in-error", note=secret),
        observation("heart_rate", 66, 4, subject=7, code=secret),
        observation("heart_rate", 66, 5, focus=[other], code=secret),
        observation("heart_rate", 66, id="moved", subject=other, meta={"versionId": "1"}),
        observation("heart_rate", 88, 6, id="moved", meta={"versionId": "2"}),
    )
    assert (len(found.rows), found.strangers) == (2, 5)
    assert b"SECRET" not in msgspec.json.encode(found) and b"66" not in msgspec.json.encode(found)


@pytest.mark.parametrize(
    ("change", "words", "exact"),
    [
        ({"effectiveDateTime": "2026-03-29"}, "2026-03-29", False),
        ({"effectiveDateTime": None}, "", False),
        ({"effectiveDateTime": "<b>soon</b>"}, "<b>soon</b>", False),
        ({"effectivePeriod": {"start": "2026-03-29T12:00:00Z"}}, "not ended", True),
        ({"effectivePeriod": {"start": "2026", "end": "2027"}}, "2026 to 2027", False),
    ],
)
def test_a_time_that_is_not_exact_is_told_as_it_is_charted(change, words, exact):
    """A date alone is no time of day, and nothing is no time at all."""
    row = only(observation("heart_rate", 88, **{"effectiveDateTime": None} | change))
    assert (row.words, row.time is not None) == (words, exact)


def test_the_newest_come_first_and_undated_ones_last():
    """What the future holds stands at the top, where it is seen."""
    found = kept(
        observation("heart_rate", 1, 5, id="old"),
        observation("heart_rate", 2, 1, id="new"),
        observation("heart_rate", 3, -200, id="future"),
        observation("heart_rate", 4, id="undated", effectiveDateTime=None),
    )
    assert [row.id for row in found.rows] == ["future", "new", "old", "undated"]


def test_beyond_a_bound_the_oldest_are_counted(monkeypatch):
    """A chart of any length is kept small, and says so."""
    monkeypatch.setattr(observed, "MOST", 3)
    found = kept(*(observation("heart_rate", 80 + n, n + 1) for n in range(5)))
    assert ([row.id for row in found.rows], found.cut) == (
        ["heart_rate-1", "heart_rate-2", "heart_rate-3"],
        2,
    )


def test_entries_that_are_nothing_are_counted():
    """An entry of no shape is no Observation of anybody."""
    chart, fates = traced(parse(bundle([patient(), {"resourceType": 7}])), "p1", AT)
    assert evidence(fates, chart, AT).unreadable == 1
