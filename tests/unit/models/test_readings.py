"""Readings: an Observation counts only if status, patient, code, unit, range and time allow it;
the rest is counted by reason.
"""

from datetime import UTC, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.patient.chart import Chart
from models.patient.printing import both_units
from models.reading.fhir import FhirError, parse
from models.reading.reader import WrongPatient, read_chart
from tests.conftest import AT, bundle, observation, patient, table


def chart(*resources: dict) -> Chart:
    document = parse(bundle([patient(), *resources]))
    return read_chart(document.resources, "p1", AT, document.malformed)


def quantity(value, unit=None, code=None, **more) -> dict:
    return {
        "valueQuantity": {
            "value": value,
            "unit": unit,
            "code": code,
            "system": "http://unitsofmeasure.org" if code else None,
        }
        | more
    }


def test_an_ordinary_observation_becomes_a_reading_with_its_source():
    """A reading carries its variable, canonical value, aware UTC time and the resource it came
    from.
    """
    (reading,) = chart(observation("heart_rate", 88, 2)).readings
    assert (reading.variable, reading.value, reading.source) == (
        "heart_rate",
        88.0,
        "Observation/heart_rate-2",
    )
    assert reading.time == AT - timedelta(hours=2) and reading.time.tzinfo == UTC


@pytest.mark.rule("B5")
@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("status", {"status": "entered-in-error"}),
        ("status", {"status": "preliminary"}),
        ("status", {"status": "cancelled"}),
        ("status", {"status": None}),
        ("patient", {"subject": {"reference": "Patient/p2"}}),
        ("patient", {"subject": {"reference": "Patient/xp1"}}),
        ("patient", {"subject": {"reference": "Group/p1"}}),
        ("patient", {"subject": None}),
        ("code", {"code": {"text": "Pulse"}}),
        ("code", {"code": {"coding": [{"system": "urn:oid:1.2.3", "code": "8867-4"}]}}),
        ("code", {"code": {"coding": [{"system": "http://loinc.org", "code": "8716-3"}]}}),
        ("time", {"effectiveDateTime": None}),
        ("time", {"effectiveDateTime": "2026-03-29"}),
        ("time", {"effectiveDateTime": "2026-03-29T12:00:00"}),
        ("time", {"effectiveDateTime": "yesterday"}),
        ("future", {"effectiveDateTime": "2099-01-01T00:00:00Z"}),
        ("old", {"effectiveDateTime": "2026-03-20T00:00:00Z"}),
        ("unit", {"valueQuantity": None, "valueString": "98%"}),
        ("value", {"valueQuantity": None, "valueString": "regular"}),
        ("value", {"valueQuantity": None, "dataAbsentReason": {"text": "unknown"}}),
        ("value", {"valueQuantity": {"unit": "/min"}}),
        ("bound", quantity(90, "/min", "/min", comparator=">")),
        ("unit", quantity(88, "furlong", "furlong")),
        ("unit", quantity(88)),
        ("range", quantity(-1, "/min", "/min")),
        ("range", quantity(4000, "/min", "/min")),
        ("malformed", {"valueQuantity": {"value": "eighty"}}),
        ("malformed", {"code": 7}),
    ],
)
def test_what_must_not_count_is_rejected_with_its_reason(reason, change):
    """Nothing doubtful becomes a number, and nothing rejected goes unsaid."""
    found = chart(observation("heart_rate", 88, 1, **change))
    assert found.readings == () and found.rejected == {reason: 1}


@pytest.mark.parametrize("status", ["final", "amended", "corrected"])
@pytest.mark.parametrize(
    "reference",
    ["Patient/p1", "https://ehr.example/r4/Patient/p1", "Patient/p1/_history/3", "urn:uuid:p1"],
)
def test_valid_statuses_and_forms_of_reference_count(status, reference):
    """Absolute, versioned and urn references name the same patient."""
    assert (
        len(
            chart(
                observation("heart_rate", 88, status=status, subject={"reference": reference})
            ).readings
        )
        == 1
    )


@pytest.mark.rule("B5")
@pytest.mark.parametrize(
    ("variable", "unit", "code", "value", "expected"),
    [
        ("temperature", "degF", "[degF]", 100.4, 38.0),
        ("temperature", "°F", None, 98.6, 37.0),
        ("temperature", "degC", "Cel", 38.2, 38.2),
        ("systolic", "kPa", "kPa", 16.0, 120.0099),
        ("systolic", "mmHg", "mm[Hg]", 120, 120.0),
        ("paco2", "kPa", "kPa", 5.3, 39.7533),
        ("creatinine", "mcmol/L", "umol/L", 100, 1.1312),
        ("bun", "mmol/L", "mmol/L", 10, 28.014),
        ("glucose", "mmol/L", "mmol/L", 5.5, 99.088),
        ("haemoglobin", "g/L", "g/L", 132, 13.2),
        ("platelets", "10*9/L", "10*9/L", 210, 210.0),
        ("spo2", "1", "1", 0.97, 97.0),
        ("fio2", "%", "%", 40, 40.0),
        ("heart_rate", "bpm", "{beats}/min", 88, 88.0),
        ("crp", "mg/dL", "mg/dL", 4.2, 42.0),
        ("ph", None, None, 7.31, 7.31),
    ],
)
def test_units_are_converted_to_the_variables_own(variable, unit, code, value, expected):
    """The same blood in another unit gives the same number."""
    (reading,) = chart(observation(variable, 1, **quantity(value, unit, code))).readings
    assert reading.value == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("variable", "change", "text"),
    [
        ("creatinine", quantity(178, "µmol/L", "umol/L"), "178 µmol/L (2.01 mg/dL)"),
        ("temperature", quantity(101.3, "°F", "[degF]"), "101.3 °F (38.5 °C)"),
        ("paco2", quantity(5.3, "kPa", "kPa"), "5.3 kPa (40 mmHg)"),
        ("potassium", quantity(4.1, "mEq/L", "meq/L"), "4.1 mmol/L"),
        ("heart_rate", quantity(88, "bpm", "{beats}/min"), "88 /min"),
        ("temperature", {"valueQuantity": None, "valueString": "101.3 F"}, "101.3 F (38.5 °C)"),
    ],
)
def test_a_converted_value_is_told_as_charted_with_the_variables_own_unit(variable, change, text):
    """A ward reads its own unit first; where nothing was converted one unit is enough."""
    (reading,) = chart(observation(variable, 1, **change)).readings
    assert both_units(reading) == text


def test_epics_white_cells_per_millilitre_are_not_taken_for_microlitres():
    """Epic's sandbox sends 6.1 10*3/mL: a thousandth of what is plausible, so it is refused and
    not guessed at.
    """
    assert chart(observation("wbc", 1, **quantity(6.1, "10*3/mL", "10*3/mL"))).rejected == {
        "range": 1
    }


def test_a_panel_gives_a_reading_for_each_component():
    """Blood pressure as 85354-9 with components is two readings of one source."""
    parts = [
        {"code": {"coding": [{"system": "http://loinc.org", "code": code}]}}
        | quantity(value, "mmHg", "mm[Hg]")
        for code, value in (("8480-6", 120), ("8462-4", 70))
    ]
    panel = observation(
        "heart_rate",
        0,
        code={"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        valueQuantity=None,
    )
    found = chart(panel | {"component": parts})
    assert [(r.variable, r.value) for r in found.readings] == [
        ("diastolic", 70.0),
        ("systolic", 120.0),
    ]
    assert len({r.source for r in found.readings}) == 1 and found.rejected == {}


@pytest.mark.rule("B5")
def test_order_and_duplicates_change_nothing():
    """A page sent twice, or backwards, is the same chart."""
    rows = table("when | heart_rate | spo2\n3 | 80 | 97\n1 | 90 | 96")
    once, twice = chart(*rows), chart(*reversed(rows), *rows)
    assert once.readings == twice.readings and twice.rejected == {"duplicate": 4}


@pytest.mark.rule("B5")
def test_a_clock_a_little_ahead_counts_as_now():
    """Four minutes in the future is skew of a monitor's clock; ten minutes is refused."""
    ahead = [observation("heart_rate", 88, -minutes / 60) for minutes in (4, 10)]
    found = chart(*ahead)
    assert [r.time for r in found.readings] == [AT] and found.rejected == {"future": 1}


@pytest.mark.rule("B6")
def test_another_patients_resource_is_refused():
    """A Patient with another id is a contradiction, not a detail."""
    with pytest.raises(WrongPatient):
        read_chart(parse(patient("p2")).resources, "p1", AT)


@pytest.mark.parametrize(
    ("born", "age"),
    [
        ("1956-02-01", 70),
        ("2008-03-29", 18),
        ("2008-03-30", 17),
        ("2008", 17),
        ("2008-03", 17),
        ("1808-01-01", None),
        ("soon", None),
    ],
)
def test_a_partial_birth_date_is_read_as_the_youngest_it_may_be(born, age):
    """Who may be a child is not taken for an adult."""
    person = parse(patient(born=born)).resources
    assert read_chart(person, "p1", AT).age(AT) == age


def test_a_chart_survives_its_record():
    """What the audit holds gives back the very same chart."""
    found = chart(*table("when | heart_rate | spo2\n3 | 80 | 97\n1 | 90 | 96"))
    assert Chart.from_json(found.as_json()) == found


@pytest.mark.parametrize(
    "link, replaced",
    [
        ([{"other": {"reference": "Patient/p2"}, "type": "replaced-by"}], True),
        ([{"type": "seealso"}, {"type": "replaced-by"}], True),
        ([{"other": {"reference": "Patient/p0"}, "type": "replaces"}], False),
        ([{"type": "refer"}, {"type": None}, {}], False),
        ([], False),
        (None, False),
        ("replaced-by", False),
    ],
)
def test_a_merged_record_is_known_by_its_link(link, replaced):
    """Only `replaced-by` leads away from it; a link of a wrong shape costs only itself."""
    found = read_chart(parse(bundle([patient(link=link)])).resources, "p1", AT)
    assert found.replaced is replaced and found.birth_date is not None
    assert Chart.from_json(found.as_json()) == found


def reference(code: str | None, low: float = 88, **more) -> dict:
    """Return a reference range up to 92 % of a type."""
    kind = {"type": {"coding": [{"code": code}]}} if code else {}
    return {"referenceRange": [{"low": {"value": low}, "high": {"value": 92}} | kind | more]}


def variables(*resources: dict) -> set[str]:
    return {reading.variable for reading in chart(*resources).readings}


@pytest.mark.parametrize(
    "limits",
    [
        reference(None),
        reference("normal"),
        reference("recommended"),
        reference("treatment", appliesTo=[{"text": "COPD"}]),
        reference("treatment", age={"high": {"value": 12}}),
        reference("therapeutic", modifierExtension=[{"url": "urn:x"}]),
    ],
)
def test_a_range_that_no_clinician_set_for_this_patient_is_no_target(limits):
    """A range without a type is the normal one (R4), and one for an age or a group may be of
    others.
    """
    assert variables(observation("spo2", 90, **limits)) == {"spo2"}


def test_a_target_of_88_to_92_is_read_from_the_reference_range():
    """Scale 2 comes from what a clinician set at the reading, and from nothing else."""
    for code in ("treatment", "therapeutic"):
        assert "spo2_target" in variables(observation("spo2", 90, **reference(code)))
    assert "spo2_target" not in variables(observation("spo2", 90, **reference("treatment", 94)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
MEMBERS = st.sampled_from(
    [
        "status",
        "code",
        "subject",
        "effectiveDateTime",
        "valueQuantity",
        "component",
        "effectivePeriod",
        "id",
        "resourceType",
    ]
)


@pytest.mark.rule("B4")
@settings(max_examples=300, deadline=None)
@given(st.dictionaries(MEMBERS, JSON, max_size=4))
def test_garbage_never_raises_and_never_becomes_a_reading_unsaid(change):
    """Whatever an EHR puts into an Observation, it is a reading, a counted rejection, or another
    type of resource.
    """
    document = parse(bundle([observation("heart_rate", 88) | change]))
    found = read_chart(document.resources, "p1", AT, document.malformed)
    kinds = [r.resourceType for r in document.resources]
    assert len(found.readings) + sum(found.rejected.values()) >= kinds.count("Observation")


@pytest.mark.parametrize("raw", [b"", b"[]", b"7", b"nonsense", b"{", b"[" * 5000, b'"text"'])
def test_what_is_no_json_object_is_said(raw):
    """A body that is no object raises the one error of the parser."""
    with pytest.raises(FhirError):
        parse(raw)


def test_bytes_and_dicts_are_read_alike():
    """Prefetch comes as bytes, a fetched page as a dict; both are the same chart."""
    import msgspec

    page = bundle(
        [patient(), *table("when | heart_rate\n3 | 80"), {"resourceType": "Observation", "code": 7}]
    )
    assert parse(page) == parse(msgspec.json.encode(page))


def test_an_outcome_in_place_of_data_is_seen():
    """Epic answers an empty search with an informational outcome entry: that is no error; a
    fatal one is.
    """

    def entry(severity: str) -> dict:
        return bundle([{"resourceType": "OperationOutcome", "issue": [{"severity": severity}]}])

    assert not parse(entry("information")).outcome and parse(entry("fatal")).outcome
    assert parse({"resourceType": "OperationOutcome", "issue": []}).outcome


def test_a_next_link_is_kept():
    """The page's next link is known, so that it can be followed."""
    link = [
        {"relation": "self", "url": "a"},
        {"relation": "next", "url": "https://ehr.example/r4/page2"},
    ]
    assert parse(bundle([], link=link)).next == "https://ehr.example/r4/page2"


def test_time_zones_are_honoured():
    """The same moment written in another zone is the same reading."""
    assert (
        chart(observation("heart_rate", 80, effectiveDateTime="2026-03-29T09:00:00-04:00"))
        .readings[0]
        .time.hour
        == 13
    )
