"""Meaning: what stands around a value decides of what it is; what was never about a variable is left
out by name, and makes nothing unknown.
"""

from datetime import timedelta

import pytest

from models.patient.chart import Chart
from models.patient.series import series
from models.patient.snapshot import snapshot_at
from models.reading.codes.questions import LONGEST, question
from models.reading.fhir import Coding, Concept, parse
from models.reading.reader import read_chart
from tests.conftest import AT, bundle, observation, patient

LOINC, SNOMED, MDC = "http://loinc.org", "http://snomed.info/sct", "urn:iso:std:iso:11073:10101"
HERE = "https://ehr.example.org/r4"


def chart(*resources: dict, bases=None) -> Chart:
    document = parse(bundle([patient(), *resources]))
    return read_chart(document.resources, "p1", AT, document.malformed, bases=bases)


def concept(*codes: tuple[str, str], text: str | None = None, display: str | None = None) -> dict:
    coding = [{"system": system, "code": code, "display": display} for system, code in codes]
    return {"coding": coding, "text": text}


def part(code: str, value: float, *more: tuple[str, str], **members) -> dict:
    quantity = {"value": value, "unit": "mmHg", "code": "mm[Hg]"}
    return {"code": concept((LOINC, code), *more), "valueQuantity": quantity} | members


def panel(code: dict, hours: float = 0.5, high: float = 112, low: float = 50, **more) -> dict:
    made = observation("systolic", 1, hours, id="panel", code=code, valueQuantity=None, **more)
    return made | {"component": [part("8480-6", high), part("8462-4", low)]}


ARM = observation("systolic", 78, 1)
OWN_PANELS = [
    concept((LOINC, "85354-9")),
    concept((LOINC, "35094-2")),
    concept((LOINC, "55284-4"), (LOINC, "8716-3")),
    concept((SNOMED, "364090009")),
    concept((SNOMED, "163035008")),
    concept(("urn:oid:2.16.840.1.113883.6.96", "75367002")),
    concept((MDC, "150016")),
    concept((LOINC, "85354-9"), ("urn:oid:1.2.840.114350", "5"), display="BP", text="BP"),
]
OTHER_PANELS = [
    concept((SNOMED, "75367002"), (SNOMED, "276769008")),
    concept((SNOMED, "276756009")),
    concept((MDC, "150044")),
    concept((LOINC, "60985-9")),
    concept((SNOMED, "163034007")),
    concept((SNOMED, "314464000")),
    concept((LOINC, "96607-7")),
    concept((SNOMED, "1104051000000101")),
    concept(("urn:local", "pa"), display="Pulmonary artery pressure"),
    concept(text="Stehender Blutdruck"),
    concept(text="Tensión arterial de pie"),
    concept((LOINC, "85354-9"), text="Blood pressure standing"),
    concept(text="24-hour blood pressure"),
    concept(text="BP goal"),
    concept(text="Left ventricular pressure"),
    concept(text="Enkeldruk, enkel links"),
]


@pytest.mark.parametrize("code", OWN_PANELS, ids=str)
def test_own_panels_are_read_and_known(code):
    """A panel of the arm's pressure in any code is read, and vendors' codes beside are no doubt."""
    found = [r for r in chart(panel(code)).readings if r.variable == "systolic"]
    assert [(r.value, r.known) for r in found] == [(112, True)]


@pytest.mark.parametrize("code", OTHER_PANELS, ids=str)
def test_panels_of_another_site_or_kind_hide_nothing(code):
    """Plain components under a pulmonary, standing, average or wished pressure are left out, named,
    and the arm's own value an hour before stays.
    """
    found = chart(panel(code), ARM)
    assert [(r.variable, r.value) for r in found.readings] == [("systolic", 78)]
    assert found.unusable == () and [one.reason for one in found.left_out] == ["context"]
    assert found.left_out[0].label


@pytest.mark.parametrize(
    ("code", "value"), [("8440-0", 30), ("8430-1", 120), ("60998-2", 8), ("96608-5", 118)]
)
def test_a_components_second_code_counts(code, value):
    """8480-6 beside the code of another vessel, or of an average, is that vessel's, or average."""
    resource = panel(concept((LOINC, "85354-9")))
    resource["component"][0] = part("8480-6", value, (LOINC, code))
    assert {r.variable for r in chart(resource, ARM).readings if r.value == value} == set()


@pytest.mark.parametrize(
    "code",
    [
        concept(("urn:local", "bp-7"), text="Blutdruck", display="NIBP left arm"),
        concept(text="Ward round"),
    ],
    ids=str,
)
def test_a_panel_that_nobody_knows_is_read_and_marked(code):
    """Nothing speaks against it, so it counts, and the page can say that its context is not
    known.
    """
    found = [r for r in chart(panel(code)).readings if r.variable == "systolic"]
    assert [(r.value, r.known) for r in found] == [(112, False)]


SITES = [
    ("temperature", 33.0, "bodySite", concept((SNOMED, "39352004")), "left"),
    ("temperature", 33.0, "bodySite", concept(text="Haut"), "left"),
    ("temperature", 33.0, "bodySite", concept(("urn:x", "1"), display="Skin of foot"), "left"),
    ("temperature", 33.0, "bodySite", concept((SNOMED, "34402009")), "known"),
    ("temperature", 33.0, "bodySite", concept((SNOMED, "11527006")), "doubtful"),
    ("temperature", 33.0, "code", concept((LOINC, "8310-5"), (SNOMED, "250124002")), "left"),
    ("temperature", 33.0, "code", concept((LOINC, "8310-5"), (LOINC, "60955-2")), "left"),
    ("systolic", 150, "bodySite", concept((SNOMED, "368209003")), "known"),
    ("systolic", 150, "bodySite", concept(text="left arm"), "doubtful"),
    ("systolic", 150, "bodySite", concept((SNOMED, "68367000")), "left"),
    ("systolic", 150, "bodySite", concept(text="Right ankle"), "left"),
    ("spo2", 80, "bodySite", concept((SNOMED, "29707007")), "known"),
    ("spo2", 80, "bodySite", concept(text="venous line"), "left"),
    ("spo2", 80, "code", concept((LOINC, "2708-6"), (SNOMED, "442349007")), "left"),
    ("spo2", 80, "code", concept((LOINC, "2708-6"), text="SpO2 on exertion"), "left"),
    ("heart_rate", 150, "method", concept((SNOMED, "37931006")), "known"),
    ("heart_rate", 150, "method", concept(("urn:x", "7"), text="pulse oximeter"), "doubtful"),
    ("heart_rate", 150, "method", concept(text="24 h Holter average"), "left"),
    ("heart_rate", 150, "code", concept((LOINC, "8867-4"), (LOINC, "55283-6")), "left"),
    ("heart_rate", 150, "code", concept((LOINC, "8867-4"), text="Foetal heart rate"), "left"),
    ("respiratory_rate", 30, "code", concept((LOINC, "9279-1"), (LOINC, "33438-3")), "left"),
    ("potassium", 5.0, "method", concept(text="Ion selective electrode, maximum"), "known"),
    ("potassium", 5.0, "bodySite", concept(text="Umbilical vein"), "left"),
]


@pytest.mark.parametrize(("variable", "value", "member", "code", "outcome"), SITES, ids=str)
def test_site_method_and_codes_beside_decide(variable, value, member, code, outcome):
    """Known own ones are read, known others left out, and the rest read with a doubt, unless a word
    names another site or kind.
    """
    found = chart(observation(variable, value, **{member: code}))
    told = [(r.value, r.known) for r in found.readings if r.variable == variable]
    assert told == {"left": [], "known": [(value, True)], "doubtful": [(value, False)]}[outcome]
    assert found.unusable == () and len(found.left_out) == (outcome == "left")


def test_a_standing_pressure_by_its_position_is_left_out():
    """FHIR's own extension for the position says standing or sitting."""
    url = "http://hl7.org/fhir/StructureDefinition/observation-bodyPosition"
    for code, count in (("10904000", 0), ("33586001", 1)):
        extension = [{"url": url, "valueCodeableConcept": concept((SNOMED, code))}]
        assert len(chart(observation("systolic", 90, extension=extension)).readings) == count


def test_what_was_measured_while_exercising_is_left_out():
    """`category` activity is no reading at rest."""
    category = [
        concept((f"{'http://terminology.hl7.org'}/CodeSystem/observation-category", "activity"))
    ]
    found = chart(
        observation("heart_rate", 170, category=category), observation("heart_rate", 72, 3)
    )
    assert [r.value for r in found.readings] == [72] and found.unusable == ()


def test_a_code_is_understood_once_and_a_long_one_is_not_kept():
    """Equal codes are one question; nobody fills the memory with long ones."""
    asked = [
        question(Concept((Coding(LOINC, "8480-6", "Systolic"),), text))
        for text in ("BP", "BP", "BP" * LONGEST, "BP" * LONGEST)
    ]
    assert asked[0] is asked[1] and asked[2] is not asked[3]
    assert asked[0].variables == asked[2].variables and len(asked[0].variables) == 1
    empty = Concept((Coding(),) * LONGEST)
    assert question(empty) is not question(empty)


def test_two_questions_in_one_code_are_none():
    """A code that asks for a pulse and a respiratory rate at once asks for nothing that is known."""
    code = concept((LOINC, "8867-4"), (LOINC, "9279-1"))
    found = chart(observation("heart_rate", 20, code=code))
    assert found.readings == found.unusable == () and found.rejected == {"code": 1}


@pytest.mark.parametrize(
    ("focus", "count"),
    [
        ([{"reference": "Patient/fetus"}], 0),
        ([{"reference": "Device/pump"}], 0),
        ([{"reference": "Patient/p1"}], 1),
        ([{"reference": "Patient/p1"}, {"reference": "Patient/donor"}], 0),
        ([{"display": "the fetus"}], 0),
        ({"reference": "RelatedPerson/child"}, 0),
    ],
)
def test_a_value_about_somebody_else_is_left_out(focus, count):
    """`focus` names whom a value in this patient's chart is about."""
    found = chart(observation("heart_rate", 140, focus=focus), observation("heart_rate", 80, 2))
    assert len([r for r in found.readings if r.value == 140]) == count
    assert found.unusable == () and len(found.readings) == 1 + count


def period(hours: float, ends: float = 0.1) -> dict:
    end = AT - timedelta(hours=ends)
    start = end - timedelta(hours=hours)
    times = {"start": start.isoformat(), "end": end.isoformat()}
    return {"effectiveDateTime": None, "effectivePeriod": times}


@pytest.mark.parametrize(("hours", "count"), [(0, 1), (0.5, 1), (1, 1), (1.01, 0), (8, 0), (48, 0)])
def test_a_value_of_more_than_an_hour_is_no_reading(hours, count):
    """An hour is how some countries chart a moment; an average of a shift is another value, and
    hides nothing.
    """
    found = chart(observation("heart_rate", 44, **period(hours)), observation("heart_rate", 72, 9))
    assert len(found.readings) == 1 + count and found.unusable == ()
    assert found.rejected == ({} if count else {"time": 1})


@pytest.mark.parametrize(
    ("times", "since"),
    [
        ({"start": (AT - timedelta(hours=3)).isoformat()}, 3),
        ({"end": (AT - timedelta(hours=2)).isoformat()}, 2),
        ({"start": "2026-03-29", "end": (AT - timedelta(hours=2)).isoformat()}, 2),
        ({"start": (AT - timedelta(hours=3)).isoformat(), "end": "2026-03-29"}, 0),
        ({"start": "2026-03-29"}, 0),
    ],
)
def test_a_period_without_an_end_or_a_start_may_be_long(times, since):
    """One that began hours ago and has not ended, or of which nobody knows when it began, may be an
    average or the newest value: from then on the older one calms nobody, and a newer one counts.
    """
    open_ended = observation(
        "heart_rate", 144, id="x", effectiveDateTime=None, effectivePeriod=times
    )
    found = chart(open_ended, observation("heart_rate", 72, 9))
    assert found.rejected == {"time": 1}
    (word,) = found.unusable
    assert (word.time, word.reason) == (AT - timedelta(hours=since), "time")
    assert "heart_rate" in snapshot_at(series(found), AT).unusable
    if since:
        newer = chart(open_ended, observation("heart_rate", 72, 1))
        assert snapshot_at(series(newer), AT).value("heart_rate") == 72


@pytest.mark.parametrize(
    ("reference", "count"),
    [
        ("Patient/p1", 1),
        (f"{HERE}/Patient/p1", 1),
        ("https://EHR.example.org/r4/Patient/p1/_history/2", 1),
        ("https://other.example.org/r4/Patient/p1", 0),
        (f"{HERE}/tenant2/Patient/p1", 0),
        ("http://ehr.example.org/r4/Patient/p1", 0),
        ("https://ehr.example.org/Patient/p1", 0),
        ("OtherPatient/p1", 0),
    ],
)
def test_an_id_means_something_on_its_own_server_only(reference, count):
    """The same id below another address is another person, and blinds nothing."""
    subject = {"reference": reference}
    found = chart(
        observation("heart_rate", 150, subject=subject),
        observation("heart_rate", 72, 2),
        bases=(f"{HERE}/",),
    )
    assert len(found.readings) == 1 + count and found.unusable == ()
    assert found.rejected == ({} if count else {"patient": 1})


MODIFIED = [{"url": "urn:hospital:unlike", "valueBoolean": True}]


@pytest.mark.parametrize(
    "change", [{"modifierExtension": MODIFIED}, {"implicitRules": "urn:hospital:rules"}]
)
def test_what_changes_a_value_in_an_unknown_way_makes_it_unusable(change):
    """It is about the variable and cannot be used: the older value is not believed either."""
    found = chart(observation("heart_rate", 150, **change), observation("heart_rate", 72, 2))
    assert [r.value for r in found.readings] == [72] and found.rejected == {"modifier": 1}
    assert [(u.variable, u.reason) for u in found.unusable] == [("heart_rate", "modifier")]
    assert found.unusable[0].written.startswith("150 /min")


def test_a_components_own_modifier_costs_that_component_alone():
    """The other components of the panel are read."""
    resource = panel(concept((LOINC, "85354-9")))
    resource["component"][0]["modifierExtension"] = MODIFIED
    found = chart(resource)
    assert [r.variable for r in found.readings] == ["diastolic"]
    assert [u.variable for u in found.unusable] == ["systolic"]


def test_modifiers_of_an_entry_and_rules_of_a_bundle_hold_for_what_is_in_them():
    """FHIR puts both around resources too."""
    page = bundle([patient(), observation("heart_rate", 150)])
    page["entry"][1]["modifierExtension"] = MODIFIED
    ruled = bundle([observation("heart_rate", 150)], implicitRules="urn:hospital:rules")
    for document in (parse(page), parse(ruled)):
        assert read_chart(document.resources, "p1", AT).rejected == {"modifier": 1}


def test_names_of_what_is_left_out_are_the_charts_own():
    """By the variable where it is one, else in the chart's words; what nobody looks for is counted
    only.
    """
    found = chart(
        observation("heart_rate", 1, subject={"reference": "Patient/p2"}),
        observation("heart_rate", 2, code={"text": "Steps today"}),
        observation("spo2", 97, 24 * 9),
        panel(concept((LOINC, "76284-9"))),
    )
    assert [(one.label, one.reason, one.number) for one in found.left_out] == [
        ("Steps today", "code", 1),
        ("heart rate", "patient", 1),
        ("pulmonary artery pressure panel", "context", 1),
    ]
    assert found.rejected["old"] == 1


def test_a_chart_of_strangers_does_not_flood_the_card():
    """Many left out under many names are all counted and some named."""
    many = [
        observation("heart_rate", 1, code={"text": f"Local {n}"}, id=f"o{n}") for n in range(90)
    ]
    found = chart(*many)
    assert found.rejected == {"code": 90} and 20 <= len(found.left_out) <= 40
