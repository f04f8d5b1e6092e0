"""One normal 60-year-old, one thing changed at a time, and the card as it comes out over HTTP:
its indicator, its first words, and the value by name.

What is right is reckoned from tests/support/urgency_reference.py, never from the product.
"""

import re

import pytest

from tests.conftest import observation, patient
from tests.support.open_vigil import OpenVigil, Told
from tests.support.urgency_reference import (
    LEVELS,
    LIMITS,
    STANDSTILL,
    STEPS,
    grade,
    gravest,
    least_level,
    level_of_risks,
    points,
)

VITALS = {
    "heart_rate": 72, "respiratory_rate": 16, "spo2": 97, "systolic": 124, "diastolic": 76,
    "temperature": 36.8, "fio2": 21, "acvpu": 0,
}  # fmt: skip
LABS = {
    "lactate": 1.0, "creatinine": 0.9, "bun": 14, "sodium": 140, "potassium": 4.2,
    "bicarbonate": 25, "glucose": 100, "wbc": 7.5, "haemoglobin": 14.0, "haematocrit": 42,
    "platelets": 250, "bilirubin": 0.6, "albumin": 4.2, "ph": 7.40, "paco2": 40, "pao2": 95,
    "crp": 2, "troponin_i": 0.01,
}  # fmt: skip
# How a card may call a variable.
CALLED = {
    "heart_rate": "heart rate|pulse",
    "respiratory_rate": "respiratory rate|respiration",
    "spo2": "oxygen saturation|SpO2",
    "systolic": "systolic",
    "temperature": "temperature",
    "acvpu": "consciousness|ACVPU|coma",
    "bun": "urea",
    "wbc": "white cells",
    "crp": "C-reactive protein|CRP",
    "ph": "pH",
    "troponin_i": "troponin",
}
LEVEL_WORDS = {"A": "Alert", "C": "Confused", "V": "Voice", "P": "Pain", "U": "Unresponsive"}
SNOMED = {"A": "248234008", "C": "130987000", "V": "300202002", "P": "450847001", "U": "422768004"}
# Both sides of every boundary of chart 1, and what bodies have before death.
BOUNDARIES = {
    "respiratory_rate": [0, 3, 8, 9, 11, 12, 20, 21, 24, 25, 45],
    "spo2": [0, 35, 70, 91, 92, 93, 94, 95, 96, 100],
    "systolic": [0, 40, 85, 90, 91, 100, 101, 110, 111, 219, 220, 260],
    "heart_rate": [0, 8, 40, 41, 50, 51, 90, 91, 110, 111, 130, 131, 220],
    "temperature": [24.0, 34.5, 35.0, 35.1, 36.0, 36.1, 38.0, 38.1, 39.0, 39.1, 41.5],
}


@pytest.fixture(scope="module")
def vigil(tmp_path_factory) -> OpenVigil:
    """One Vigil for all charts; nothing is kept between two."""
    return OpenVigil(tmp_path_factory.mktemp("vigil"))


def level_of_consciousness(word: str, hours_ago: float = 1) -> dict:
    return observation(
        "acvpu", 0, hours_ago, valueQuantity=None, valueCodeableConcept={"text": word}
    )


def resource(name: str, value: float, hours_ago: float = 1) -> dict:
    if name == "acvpu":
        return level_of_consciousness([*LEVEL_WORDS.values()][int(value)], hours_ago)
    return observation(name, value, hours_ago)


def chart(values: dict[str, float], hours_ago: float = 1) -> list[dict]:
    return [resource(name, value, hours_ago) for name, value in values.items()]


def told(vigil: OpenVigil, *changed: dict, without: tuple[str, ...] = (), **values) -> Told:
    """Return the card of the normal 60-year-old with some values others, some gone, and resources
    added; a normal round of three hours ago stands behind it.
    """
    vitals = {n: v for n, v in (VITALS | values).items() if n in VITALS and n not in without}
    labs = {n: v for n, v in (LABS | values).items() if n in LABS and n not in without}
    before = {n: v for n, v in VITALS.items() if n not in without}
    return vigil.of(
        patient(born="1965-09-01", gender="male"),
        [*chart(before, 3), *chart(vitals), *changed],
        chart(labs),
    )


def newest(vigil: OpenVigil, name: str, **members) -> Told:
    """Return the card where the newest Observation of one variable, half an hour ago, is another,
    after normal values.
    """
    return told(vigil, observation(name, 0, 0.5, **members))


def due(card: Told, least: str) -> str:
    """Return the level of a card: what the values force, raised only by the risks' own bands."""
    return gravest([least, level_of_risks([risk["band"] for risk in card.record["risks"]])])


def names(text: str, name: str, written: str) -> bool:
    """Tell whether a text calls a variable and, in the same sentence, the value as a number of
    its own.
    """
    called, value = CALLED.get(name, name), re.escape(written).replace(r"\ ", " ?")
    return any(
        re.search(rf"\b({called})\b", sentence, re.IGNORECASE)
        and re.search(rf"(?<![\d.]){value}(?!\.?\d)", sentence)
        for sentence in re.split(r"\n|(?<=[a-z%)])\. ", text)
    )


def printed(name: str, value: float) -> str:
    step = STEPS.get(name, 0.1 if name == "temperature" else 1)
    return f"{value:.{0 if step == 1 else len(str(step)) - 2}f}"


def check(card: Told, least: str, name: str, written: str) -> None:
    """The level is the one that is due; a value that made it so leads the card by its name."""
    assert card.level == due(card, least), card.text
    if least != "info":
        assert names(card.first, name, written), card.summary
        assert not re.match(r"low risk|no risk|risk not calculated", card.summary, re.IGNORECASE)


def test_the_normal_60_year_old_is_calm(vigil):
    """Nothing changed: info, NEWS2 0, low risk; otherwise the rest would prove nothing."""
    card = told(vigil)
    assert (card.level, card.news2) == ("info", (0, 0)), card.text
    assert {risk["band"] for risk in card.record["risks"]} == {"low"}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in BOUNDARIES.items() for v in vs])
def test_both_sides_of_every_boundary_of_news2(name, value, vigil):
    """The points of the RCP's chart; three in one parameter lead the card as a warning, a rate or
    pressure of 0 as critical, and a value before death is not taken for a mistake.
    """
    card = told(vigil, **{name: value})
    expected = sum(points({name: value}))
    assert card.news2 == (expected, expected), card.text
    check(card, least_level(VITALS | {name: value}), name, printed(name, value))
    if value == 0 and name in STANDSTILL:
        assert "check the patient" in card.text.lower()


@pytest.mark.parametrize(
    ("name", "value", "least_points"),
    [
        ("respiratory_rate", 240, 3),
        ("spo2", 130, 0),
        ("systolic", 700, 3),
        ("heart_rate", 720, 3),
        ("temperature", 3.68, 3),
        ("temperature", 98.6, 2),
        ("heart_rate", -5, 3),
    ],
)
def test_an_impossible_vital_sign_is_named_and_hides_the_older_one(
    name, value, least_points, vigil
):
    """No body has it: the newest word can't be used, the normal value of three hours ago does not
    come back, and the card is at least a warning.
    """
    card = told(vigil, **{name: value})
    assert LEVELS.index(card.level) >= 1, card.text
    assert names(card.text, name, f"{value:g}"), card.text
    low, high = card.news2
    assert low in (0, least_points) and high >= 2, card.text


LIMIT_VALUES = [
    (name, round(value, 3))
    for name, (low_c, low_w, high_w, high_c) in LIMITS.items()
    for limit, inwards in ((low_c, 1), (low_w, 1), (high_w, -1), (high_c, -1))
    if limit is not None
    for value in (limit, limit + inwards * STEPS[name], limit - inwards * STEPS[name])
]


@pytest.mark.parametrize(("name", "value"), LIMIT_VALUES)
def test_both_sides_of_every_laboratory_limit(name, value, vigil):
    """Beyond a limit, or at it, the value leads the card; a step inside it does not."""
    card = told(vigil, **{name: value})
    least = gravest([grade(name, value)])
    assert card.level == due(card, least), card.text
    if least != "info":
        assert names(card.first, name, printed(name, value)), card.summary


def test_what_the_rcp_asks_at_news2_0_calms_no_critical_result(vigil):
    """Beside a critical potassium it says that it goes by NEWS2 alone; by itself it does not."""
    grave, calm = told(vigil, potassium=7.1), told(vigil)
    assert "RCP, by NEWS2 alone: go on with NEWS2" in grave.detail, grave.text
    assert "RCP: go on with NEWS2" in calm.detail, calm.text


def test_a_full_summary_leaves_the_time_of_the_data_to_the_detail(vigil):
    """With much to say first, the time stands at the end of the card, never nowhere (R92)."""
    grave = {"heart_rate": 135, "respiratory_rate": 28, "systolic": 80, "spo2": 88}
    card = told(vigil, **grave, acvpu=3, potassium=7.1, lactate=6.0, glucose=500)
    assert "Data to 12:30 UTC" not in card.summary and "Data to 12:30 UTC." in card.detail


def test_parts_that_are_missing_are_listed_as_one_would_say_them(vigil):
    """With commas and one "and"."""
    card = told(vigil, without=("acvpu", "temperature", "respiratory_rate", "fio2"))
    assert "respiration, air or oxygen, consciousness and temperature not charted" in card.detail


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("potassium", 14), ("potassium", 0.4), ("sodium", 250), ("glucose", 3000), ("lactate", 60),
        ("platelets", 0), ("haemoglobin", 0.3), ("ph", 6.2), ("bicarbonate", 1), ("wbc", 800),
    ],
)  # fmt: skip
def test_a_result_outside_what_can_be_is_still_beyond_its_limit(name, value, vigil):
    """A potassium of 14 is no calmer than one of 8, whether it is believed or not."""
    card = told(vigil, **{name: value})
    assert card.level == "critical" and names(card.first, name, f"{value:g}"), card.text


@pytest.mark.parametrize(
    ("name", "value", "unit", "least"),
    [
        ("temperature", 95.0, "[degF]", "warning"),
        ("temperature", 97.5, "[degF]", "info"),
        ("systolic", 11.9, "kPa", "warning"),
        ("systolic", 16.5, "kPa", "info"),
        ("glucose", 2.5, "mmol/L", "critical"),
        ("glucose", 25, "mmol/L", "critical"),
        ("glucose", 5.5, "mmol/L", "info"),
        ("haemoglobin", 69, "g/L", "critical"),
        ("haemoglobin", 140, "g/L", "info"),
        ("haemoglobin", 4.2, "mmol/L", "critical"),
        ("creatinine", 354, "umol/L", "warning"),
        ("creatinine", 80, "umol/L", "info"),
        ("bilirubin", 260, "umol/L", "critical"),
        ("bun", 36, "mmol/L", "critical"),
        ("platelets", 25, "10*9/L", "critical"),
        ("wbc", 0.9, "10*9/L", "critical"),
        ("lactate", 37, "mg/dL", "critical"),
        ("potassium", 6.6, "meq/L", "critical"),
        ("sodium", 118, "meq/L", "critical"),
        ("albumin", 19, "g/L", "warning"),
        ("paco2", 9.0, "kPa", "warning"),
        ("pao2", 5.2, "kPa", "warning"),
    ],
)
def test_other_countries_units_are_as_grave(name, value, unit, least, vigil):
    """The limit is the same in the unit of another country, and a normal value stays normal."""
    quantity = {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
    card = newest(vigil, name, valueQuantity=quantity)
    assert card.level == due(card, least), card.text
    if least != "info":
        assert re.match(rf"({CALLED.get(name, name)})\b", card.first, re.IGNORECASE), card.summary


def bound(name: str, comparator: str, value: float) -> dict:
    quantity = observation(name, value)["valueQuantity"]
    return {"valueQuantity": quantity | {"comparator": comparator}}


def in_words(name: str, comparator: str, value: float) -> dict:
    unit = observation(name, value)["valueQuantity"]["unit"].replace("mm[Hg]", "mmHg")
    text = f"{comparator}{value:g} {unit}".replace("Cel", "°C")
    return {"valueQuantity": None, "valueString": text}


@pytest.mark.parametrize("form", [bound, in_words])
@pytest.mark.parametrize(
    ("name", "comparator", "value", "least"),
    [
        ("spo2", "<", 70, "warning"),
        ("spo2", "<=", 91, "warning"),
        ("systolic", "<", 60, "warning"),
        ("systolic", ">", 250, "warning"),
        ("heart_rate", ">", 200, "warning"),
        ("heart_rate", "<", 30, "warning"),
        ("respiratory_rate", "<", 6, "warning"),
        ("respiratory_rate", ">=", 40, "warning"),
        ("temperature", "<", 34.0, "warning"),
        ("potassium", ">", 10, "critical"),
        ("potassium", "<", 2.0, "critical"),
        ("lactate", ">", 20, "critical"),
        ("glucose", "<", 20, "critical"),
        ("glucose", ">", 600, "critical"),
        ("sodium", ">", 180, "critical"),
        ("haemoglobin", "<", 5.0, "critical"),
        ("platelets", "<", 10, "critical"),
        ("bilirubin", ">", 30, "critical"),
    ],
)
def test_a_bound_that_decides_counts(form, name, comparator, value, least, vigil):
    """Below 70 % is three points and above 10 mmol/L is critical, as a comparator and in text; the
    card says what was written.
    """
    card = newest(vigil, name, **form(name, comparator, value))
    assert card.level == due(card, least), card.text
    assert names(card.first, name, f"{value:g}") and comparator in card.first, card.summary
    if name in BOUNDARIES:
        assert card.news2[0] == 3, card.text


@pytest.mark.parametrize(
    ("name", "comparator", "value", "news2"),
    [("spo2", ">", 90, (0, 3)), ("systolic", "<", 130, (0, 3)), ("heart_rate", ">", 60, (0, 3))],
)
def test_a_bound_that_decides_nothing_leaves_the_part_open(name, comparator, value, news2, vigil):
    """Above 90 % may be 91 or 100: the older 97 does not answer that."""
    card = newest(vigil, name, **bound(name, comparator, value))
    assert card.level == due(card, "warning") and card.news2 == news2, card.text
    assert names(card.text, name, f"{value:g}"), card.text
    assert not re.search(r"NEWS2[^.;\n]*\(low\b", card.text)


@pytest.mark.parametrize(("name", "value"), [("potassium", 5.0), ("lactate", 1.5)])
def test_a_result_above_a_harmless_bound_is_named_and_not_replaced(name, value, vigil):
    """More than 5 may be 5.1 or 9: a warning that names it, and the older result is not used."""
    card = newest(vigil, name, **bound(name, ">", value))
    assert card.level == due(card, "warning") and names(card.text, name, f"{value:g}"), card.text
    assert not names(card.text, name, printed(name, LABS[name])), card.text


@pytest.mark.parametrize("level", LEVEL_WORDS)
@pytest.mark.parametrize("form", ["text", "SNOMED CT"])
def test_every_level_of_consciousness(level, form, vigil):
    """Anything but alert is three points and leads the card, new confusion among it."""
    concept = (
        {"text": LEVEL_WORDS[level]}
        if form == "text"
        else {"coding": [{"system": "http://snomed.info/sct", "code": SNOMED[level]}]}
    )
    card = newest(vigil, "acvpu", valueQuantity=None, valueCodeableConcept=concept)
    expected, least = (0, "info") if level == "A" else (3, "warning")
    assert card.news2 == (expected, expected) and card.level == due(card, least), card.text
    if level != "A":
        word = {"C": "confus", "V": "voice", "P": "pain", "U": "unresponsive"}[level]
        assert word in card.first.lower(), card.summary


@pytest.mark.parametrize(("score", "expected"), [(15, 0), (14, 3), (11, 3), (8, 3), (3, 3)])
def test_a_coma_score_alone_speaks_for_consciousness(score, expected, vigil):
    """Below 15 is not alert."""
    card = told(vigil, observation("gcs", score), without=("acvpu",))
    assert card.news2 == (expected, expected), card.text
    assert card.level == due(card, "warning" if expected else "info"), card.text
    if expected:
        assert names(card.first, "acvpu", str(score)), card.summary


@pytest.mark.parametrize(
    ("values", "total"),
    [
        ({"heart_rate": 115, "systolic": 105, "fio2": 28}, 5),
        ({"heart_rate": 115, "systolic": 98, "fio2": 28}, 6),
        ({"heart_rate": 115, "systolic": 98, "fio2": 28, "temperature": 38.5}, 7),
        ({"heart_rate": 135, "systolic": 85, "fio2": 28, "acvpu": 3}, 11),
        ({"heart_rate": 95, "temperature": 38.5, "fio2": 28}, 4),
    ],
)
def test_a_total_of_five_warns_and_of_seven_is_critical(values, total, vigil):
    """The RCP's thresholds: 5 is urgent, 7 an emergency; the total leads, or the part in red."""
    card = told(vigil, **values)
    least = least_level(VITALS | values)
    assert card.news2 == (total, total) and card.level == due(card, least), card.text
    if least != "info":
        assert f"NEWS2 {total}" in card.summary


@pytest.mark.parametrize(
    ("part", "worst", "word"),
    [
        ("respiratory_rate", 3, "respir"),
        ("spo2", 3, "saturation|SpO2"),
        ("systolic", 3, "systolic"),
        ("heart_rate", 3, "pulse|heart rate"),
        ("temperature", 3, "temperature"),
        ("acvpu", 3, "consciousness"),
        ("fio2", 2, "oxygen"),
    ],
)
def test_a_missing_part_leaves_a_range_and_is_named(part, worst, word, vigil):
    """NEWS2 0 to 3, what is missing, and never "low" while that part could score 3."""
    card = told(vigil, without=(part,))
    assert card.news2 == (0, worst), card.text
    assert f"NEWS2 0 to {worst}" in card.text
    (line,) = [line for line in card.detail.splitlines() if f"NEWS2 0 to {worst}" in line][:1]
    assert re.search(word, line, re.IGNORECASE), card.detail
    if worst == 3:
        assert not re.search(r"NEWS2 0 to 3[^.;\n]*\blow\b", card.text), card.text


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"status": "preliminary"}, "a draft"),
        ({"valueQuantity": None, "dataAbsentReason": {"text": "Probe off"}}, "no value"),
        ({"valueQuantity": None, "valueString": "unrecordable"}, "words"),
        ({"valueQuantity": {"value": 9, "unit": "furlong", "code": "furlong"}}, "a unit"),
        ({"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}, "a modifier"),
        ({"implicitRules": "urn:x"}, "rules"),
    ],
)
@pytest.mark.parametrize("name", ["spo2", "systolic", "respiratory_rate"])
def test_the_newest_word_counts_though_it_cant_be_used(name, members, why, vigil):
    """The older value does not answer for it: the part is open, the card warns and names it."""
    card = newest(vigil, name, **members)
    # A rate or pressure of zero is as urgent while it is a draft.
    least = (
        "critical" if why in {"a draft", "a modifier", "rules"} and name != "spo2" else "warning"
    )
    assert card.news2 == (0, 3) and card.level == due(card, least), (why, card.text)
    assert re.search(CALLED[name], card.first, re.IGNORECASE), card.summary
    assert not names(card.text, name, f"{VITALS[name]:g}"), card.text


@pytest.mark.parametrize(
    ("name", "value", "members"),
    [
        ("heart_rate", 190, {"status": "entered-in-error"}),
        ("heart_rate", 190, {"status": "cancelled"}),
        ("heart_rate", 190, {"subject": {"reference": "Patient/p2"}}),
        ("heart_rate", 190, {"subject": {"reference": "https://other.example.net/Patient/p1"}}),
        ("heart_rate", 150, {"focus": [{"reference": "Patient/the-fetus"}]}),
        ("heart_rate", 190, {"effectiveDateTime": "2026-03-30T13:30:00Z"}),
        ("temperature", 31.0, {"bodySite": {"text": "Right knee joint"}}),
        ("systolic", 25, {"bodySite": {"text": "Pulmonary artery"}}),
        (
            "heart_rate",
            180,
            {
                "effectiveDateTime": None,
                "effectivePeriod": {"start": "2026-03-28T13:00:00Z", "end": "2026-03-29T13:00:00Z"},
            },
        ),
    ],
)
def test_what_was_never_about_it_hides_nothing(name, value, members, vigil):
    """Withdrawn, of somebody or somewhere else, tomorrow, over a day: left out, and the value that
    stood there counts.
    """
    card = told(vigil, observation(name, value, 0.5, **members))
    assert (card.level, card.news2) == ("info", (0, 0)), card.text
    assert value not in card.read(name)


SNOMED_CT, IEEE = "http://snomed.info/sct", "urn:iso:std:iso:11073:10101"


def panel(concept: dict, systolic: float, diastolic: float, **members) -> dict:
    """Return a panel with plain systolic and diastolic components, half an hour old."""
    parts = [observation("systolic", systolic), observation("diastolic", diastolic)]
    return observation(
        "systolic",
        0,
        0.5,
        id="panel",
        code=concept,
        valueQuantity=None,
        component=[{name: part[name] for name in ("code", "valueQuantity")} for part in parts],
        **members,
    )


def coded(code: str, system: str = "http://loinc.org") -> dict:
    return {"coding": [{"system": system, "code": code}]}


ARM = coded("85354-9")


@pytest.mark.parametrize(
    ("concept", "members"),
    [
        (coded("76284-9"), {}),
        (coded("250767002", SNOMED_CT), {}),
        (coded("276755008", SNOMED_CT), {}),
        (coded("163034007", SNOMED_CT), {}),
        (coded("150045", IEEE), {}),
        ({"text": "Pulmonary artery pressure"}, {}),
        ({"coding": [{"system": "urn:local", "code": "PA", "display": "PA pressure (Swan)"}]}, {}),
        ({"text": "PAP sys/dia"}, {}),
        (ARM, {"bodySite": {"text": "Pulmonary artery"}}),
        (ARM, {"bodySite": {"text": "Left thigh"}}),
        (ARM, {"focus": [{"reference": "Patient/newborn"}]}),
        (ARM, {"status": "cancelled"}),
    ],
)
def test_another_vessels_or_kinds_pressure_hides_no_shock(concept, members, vigil):
    """The arm's 80/45 of an hour ago stays, whatever stands in plain components beside it."""
    card = told(vigil, panel(concept, 125, 70, **members), systolic=80, diastolic=45)
    assert card.news2 == (3, 3) and card.level == due(card, "warning"), card.text
    assert names(card.first, "systolic", "80"), card.summary


@pytest.mark.parametrize(
    ("concept", "members"),
    [
        (ARM, {}),
        (coded("75367002", SNOMED_CT), {}),
        (ARM, {"bodySite": {"text": "Left arm"}}),
        (ARM, {"bodySite": coded("368209003", SNOMED_CT)}),
        (ARM, {"method": {"text": "Oscillometry"}}),
        ({"coding": [{"system": "urn:local", "code": "5", "display": "Blood pressure"}]}, {}),
    ],
)
def test_the_arms_pressure_counts_however_it_is_wrapped(concept, members, vigil):
    """A known panel, an arm, a method or a code of a hospital's own that names no other site: 80/45
    half an hour ago is the newest word.
    """
    card = told(vigil, panel(concept, 80, 45, **members))
    assert card.news2 == (3, 3) and card.level == due(card, "warning"), card.text
    assert names(card.first, "systolic", "80"), card.summary


@pytest.mark.parametrize(
    ("name", "other", "level"),
    [
        ("systolic", 78, "warning"),
        ("spo2", 82, "warning"),
        ("respiratory_rate", 6, "warning"),
        ("temperature", 34.5, "warning"),
        ("heart_rate", 140, "warning"),
        ("potassium", 7.1, "critical"),
    ],
)
def test_of_two_values_of_a_minute_the_graver_counts_and_both_are_named(name, other, level, vigil):
    """Arterial line and cuff, two probes, two samples."""
    card = told(vigil, observation(name, other, 1, id="second"))
    usual = (VITALS | LABS)[name]
    assert card.level == due(card, level), card.text
    assert names(card.first, name, f"{other:g}"), card.summary
    assert any(f"{other:g}" in line and f"{usual:g}" in line for line in card.text.splitlines()), (
        card.text
    )


def test_a_fraction_above_air_beside_a_flow_of_0_is_oxygen(vigil):
    """Two points, and both are named."""
    card = told(vigil, observation("oxygen_flow", 0), fio2=40)
    assert card.news2 == (2, 2), card.text
    assert any("40" in line and re.search(r"\b0\b", line) for line in card.text.splitlines())


def test_a_coma_score_below_15_beside_alert_is_not_alert(vigil):
    """Three points, and both are named."""
    card = told(vigil, observation("gcs", 11))
    assert card.news2 == (3, 3) and card.level == due(card, "warning"), card.text
    assert re.search(r"\b11\b", card.text) and re.search(r"\balert\b", card.text, re.IGNORECASE)


def test_nothing_for_a_day_is_not_an_all_clear(vigil):
    """A last whole set of 26 hours ago with NEWS2 0, where 12 are allowed: a warning that says it,
    and no word of a low risk.
    """
    card = vigil.of(patient(born="1965-09-01"), chart(VITALS, 26), chart(LABS, 26))
    assert card.level == "warning" and "26 h" in card.text, card.text
    assert not re.search(r"no risk|low risk", card.text, re.IGNORECASE)


def test_an_unknown_age_is_said_and_is_not_too_little_data(vigil):
    """And a critical potassium is told all the same."""
    person = patient() | {"birthDate": None}
    card = vigil.of(person, chart(VITALS), chart(LABS | {"potassium": 7.2}))
    assert card.level == "critical" and names(card.first, "potassium", "7.2"), card.text
    assert "age" in card.text and "too little data" not in card.text


@pytest.mark.parametrize(("name", "value"), [("spo2", 70), ("systolic", 60)])
def test_no_answer_is_read_as_an_all_clear(name, value, vigil):
    """Too little for a model: the risk is not calculated, and the red value leads."""
    card = vigil.of(patient(born="1965-09-01"), [observation(name, value)], [])
    assert card.level == "warning" and names(card.first, name, str(value)), card.text
    assert "Risk not calculated" in card.text and not re.search("no risk", card.text, re.I)
