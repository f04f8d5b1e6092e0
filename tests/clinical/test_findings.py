"""Findings at card level: indicator, first words and named values, at each boundary of NEWS2 and
each limit of the vocabulary.
"""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from cdshooks import cards
from cdshooks.delivering.first_sight import first_sight
from models.assess import Assessment, assess
from models.findings.finding import gravest
from models.fitted.registry import load_models
from models.patient.chart import Chart, PartState, Reading, Unusable
from models.patient.printing import display
from models.patient.vocabulary import VARIABLES
from runtime.settings import Ehr
from tests.conftest import AT
from tests.support.contract import schema
from tests.support.values import NORMAL_SIGNS as NORMAL

MODELS = load_models()
EHR = Ehr(id="e", fhir_base=("https://ehr.example.org/r4",))


def chart(hours: float = 1, born: date | None = date(1966, 1, 1), unusable=(), **change) -> Chart:
    """Return a chart of normal values and a change; a value of None leaves one out."""
    readings = [
        Reading(AT - timedelta(hours=hours), name, float(value), f"Observation/{name}")
        for name, value in (NORMAL | change).items()
        if value is not None
    ]
    return Chart("p", born, "male", False, tuple(sorted(readings)), {}, unusable=tuple(unusable))


def bad(name: str, written: str, least=None, greatest=None, reason: str = "bound") -> Unusable:
    """Return a newest value that can't be used."""
    time = AT - timedelta(hours=0.5)
    return Unusable(time, name, reason, written, f"Observation/{name}-new", least, greatest)


def of(made: Chart, models=MODELS, **more) -> Assessment:
    return assess(made, AT, models, **more)


def card(made: Chart, models=MODELS, **more) -> dict:
    found = cards.card(of(made, models, **more), "a", EHR, "https://vigil.example.org")
    schema("Card").validate(found)
    assert 0 < len(found["summary"]) < 140
    return found


# (change, points that it alone gives); the last of one band and the first of the next, RCP chart 1
BOUNDARIES = [
    *(({"respiratory_rate": v}, p) for v, p in ((8, 3), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3))),
    *(({"spo2": v}, p) for v, p in ((91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0))),
    *(({"systolic": v}, p) for v, p in ((90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3))),
    *(({"heart_rate": v}, p) for v, p in ((40, 3), (41, 1), (50, 1), (51, 0), (90, 0), (91, 1), (110, 1), (111, 2), (130, 2), (131, 3))),
    *(({"temperature": v}, p) for v, p in ((35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0), (38.1, 1), (39.0, 1), (39.1, 2))),
    *(({"acvpu": v}, 3) for v in (1, 2, 3, 4)),
    ({"fio2": 28}, 2),
]  # fmt: skip


@pytest.mark.parametrize(("change", "points"), BOUNDARIES)
def test_a_single_parameter_of_three_points_is_a_warning_that_names_it(change, points):
    """3 in one parameter asks for an urgent ward review, and the card leads with the value."""
    found = card(chart(**change), models=())
    if points < 3:
        assert found["indicator"] == "info" and f"NEWS2 {points} (low)" in found["summary"]
        return
    ((name, value),) = change.items()
    spoken = ("", "New confusion", "Responds to voice", "Responds to pain", "Unresponsive")
    first = spoken[value] if name == "acvpu" else display(VARIABLES[name], value)
    assert found["indicator"] == "warning" and first in found["summary"].split("(3 points)")[0]
    assert "NEWS2 3 (low-medium): urgent ward review." in found["summary"]
    assert f"{first}" in found["detail"].splitlines()[0]
    assert "RCP: the patient's medical team reviews urgently" in found["detail"]


@pytest.mark.parametrize(
    ("change", "total", "level", "words"),
    [
        ({"heart_rate": 111, "systolic": 100}, 4, "info", "NEWS2 4 (low)"),
        ({"heart_rate": 111, "systolic": 100, "temperature": 38.1}, 5, "warning", "urgent review"),
        ({"heart_rate": 111, "systolic": 100, "fio2": 28}, 6, "warning", "urgent review"),
        (
            {"heart_rate": 111, "systolic": 100, "fio2": 28, "spo2": 95},
            7,
            "critical",
            "emergency review",
        ),
    ],
)
def test_the_total_decides_from_five_and_seven(change, total, level, words):
    """5 and 6 are a warning, 7 or more critical; the card says what the RCP asks for."""
    found = card(chart(**change), models=())
    assert (found["indicator"], of(chart(**change)).news2.total) == (level, total)
    assert f"NEWS2 {total} " in found["summary"] and words in found["summary"]
    assert "RCP: " in found["detail"]
    assert found["summary"].startswith("NEWS2" if level != "info" else "Risk not calculated")


LIMITS = [
    (name, grade, side, limit)
    for name, variable in VARIABLES.items()
    for limit, (side, grade) in zip(
        variable.limits,
        (("low", "critical"), ("low", "warning"), ("high", "warning"), ("high", "critical")),
        strict=True,
    )
    if limit is not None
]


@pytest.mark.parametrize(("name", "grade", "side", "limit"), LIMITS)
def test_each_limit_is_inclusive_and_named_with_its_number(name, grade, side, limit):
    """At a limit the card has its level and leads with the value; a step inside it is calmer."""
    variable = VARIABLES[name]
    step = 10.0**-variable.digits * (1 if side == "low" else -1)
    found = card(chart(**{name: limit}))
    assert found["indicator"] == grade
    said = f"{variable.label} {display(variable, limit)}"
    assert found["summary"].startswith(f"{said[0].upper()}{said[1:]} (")
    assert said[1:] in found["detail"].splitlines()[0]
    inside = gravest(f for f in of(chart(**{name: limit + step})).findings if f.variable == name)
    assert inside == ("info" if grade == "warning" else "warning") or (
        # Where no warning limit is published, or it is not a step away.
        grade == "critical" and inside == ("info" if _alone(variable, side) else grade)
    )


def _alone(variable, side: str) -> bool:
    return variable.limits[1 if side == "low" else 2] is None


def test_a_value_counts_as_it_is_printed_too():
    """6.46 is printed as 6.5, the critical limit: the card never quarrels with itself."""
    found = card(chart(potassium=6.46))
    assert found["indicator"] == "critical"
    assert found["summary"].startswith("Potassium 6.5 mmol/L (critically high)")


def test_a_value_reckoned_from_another_is_no_finding_of_its_own():
    """The haematocrit made from a haemoglobin of 7.0 would be critical too; only one is charted."""
    found = [f.variable for f in of(chart(haemoglobin=7.0)).findings if f.kind == "laboratory"]
    assert found == ["haemoglobin"]


def test_a_stale_value_is_no_finding_and_an_old_one_says_its_age():
    """A potassium of 20 hours ago counts and says so; one of 40 hours ago no longer counts."""
    assert (
        "Potassium 7.8 mmol/L (critically high), 20 h ago."
        in card(chart(20, potassium=7.8))["summary"]
    )
    old = of(chart(40, potassium=7.8)).findings
    assert not [f for f in old if f.kind == "laboratory"]


@pytest.mark.parametrize("name", ["heart_rate", "respiratory_rate", "systolic", "diastolic"])
def test_a_rate_or_pressure_of_zero_is_critical(name):
    """Dead or unplugged: somebody has to look, and the model is not asked."""
    found = card(chart(**{name: 0}))
    assert found["indicator"] == "critical"
    label = VARIABLES[name].label.capitalize()
    assert found["summary"].startswith(f"{label} 0 ")
    assert "check the patient and the sensor" in found["summary"]


def test_zeros_share_a_sentence():
    """Apnoea and asystole: the first two named, each in the detail, and no risk from older ones."""
    found = card(chart(heart_rate=0, respiratory_rate=0, systolic=0, spo2=35))
    assert found["indicator"] == "critical"
    assert found["summary"].startswith(
        "Heart rate 0 /min, respiratory rate 0 /min and 1 more: check the patient and the sensor."
    )
    assert "Risk not calculated: vital signs can't be used." in found["summary"]
    assert "RCP: emergency review" in found["detail"]
    for words in ("Systolic pressure 0 mmHg (3 points)", "SpO2 35 % (3 points)"):
        assert f"{words}: check the patient and the sensor." in found["detail"]


@pytest.mark.parametrize(
    ("unusable", "level", "words"),
    [
        (bad("spo2", "<70 %", None, 70), "warning", "SpO2 <70 % (3 points)"),
        (bad("spo2", "<96 %", None, 96), "warning", "oxygen saturation can't be used: <96 %."),
        (bad("spo2", "see note"), "warning", "The newest oxygen saturation can't be used: see note."),
        (bad("potassium", ">10 mmol/L", 10, None), "critical", "Potassium >10 mmol/L (critically high)"),
        (bad("lactate", "<1 mmol/L", None, 1), "info", ""),
        (bad("lactate", ">1 mmol/L", 1, None), "warning", "lactate can't be used: >1 mmol/L."),
        (bad("lactate", "4.1 K/mm3"), "info", ""),
    ],
)  # fmt: skip
def test_the_newest_word_counts_even_when_it_cant_be_used(unusable, level, words):
    """What a bound makes certain counts; what is not certain is a warning for a vital sign."""
    found = card(chart(2, unusable=[unusable]))
    assert found["indicator"] == level and words in found["summary"]
    assert unusable.written.replace("<", "&lt;").replace(">", "&gt;") in found["detail"]


@pytest.mark.parametrize("reason", ["status", "time", "modifier", "malformed"])
@pytest.mark.parametrize(
    ("name", "value", "level", "words"),
    [
        ("lactate", 9.8, "critical", ", as written critically high"),
        ("potassium", 2.1, "critical", ", as written critically low"),
        ("lactate", 2.4, "warning", ", as written high"),
        ("lactate", 1.0, "info", ""),
        ("heart_rate", 0, "critical", ": check the patient and the sensor"),
        ("systolic", 0, "critical", ": check the patient and the sensor"),
        ("spo2", 70, "warning", ""),
        ("heart_rate", 80, "warning", ""),
        ("acvpu", 0, "warning", ""),
    ],
)
def test_a_grave_value_that_is_doubted_stays_grave(name, value, level, words, reason):
    """Not final, undated or changed by something unknown: nothing normal is proved by it, so NEWS2
    stays open, and what would be grave is as urgent as if it were right.
    """
    doubted = bad(name, f"{value:g} (doubted)", value, value, reason)
    made = chart(2, unusable=[doubted])
    found = card(made)
    label = VARIABLES[name].label
    sentence = f"The newest {label} can't be used: {value:g} (doubted){words}."
    assert found["indicator"] == level and sentence in found["detail"].replace("\\", "")
    assert (sentence in found["summary"]) == (level != "info")
    score = of(made).news2
    assert score.low == 0 and (score.total is None) == (VARIABLES[name].group == "vitals")


def test_what_is_written_is_cut_by_words_and_never_markup():
    """A long text in place of a value keeps the card short, and control marks don't reach it."""
    long = bad("spo2", "\u202e\x1b  " + "word " * 40)
    found = card(chart(2, unusable=[long]))
    assert "\u202e" not in str(found) and "\x1b" not in str(found)
    assert found["summary"].startswith("The newest oxygen saturation can't be used: word word")


@pytest.mark.parametrize(
    ("change", "words", "band"),
    [
        ({"acvpu": None}, "NEWS2 0 to 3: consciousness not charted", "unknown"),
        ({"fio2": None}, "NEWS2 0 to 2 (low): air or oxygen not charted", "low"),
        ({"temperature": None, "fio2": None}, "air or oxygen and temperature not charted", "unknown"),
        (dict.fromkeys(("temperature", "fio2", "acvpu")), "NEWS2 0 to 8: 3 parts not known", "unknown"),
        ({"heart_rate": 131, "acvpu": None}, "NEWS2 3 to 6 (low-medium): urgent ward review", "low-medium"),
    ],
)  # fmt: skip
def test_a_partial_news2_says_its_range_and_what_is_missing(change, words, band):
    """No band but a certain one, and never "low" while a missing part could score 3."""
    found = of(chart(**change))
    assert words in cards.summary(found) and found.news2.band == band


def test_a_partial_news2_asks_for_a_full_set():
    """What is missing decides: no "go on" while it may be a 3."""
    assert "Take a full set of observations." in card(chart(acvpu=None))["detail"]
    assert "RCP: go on with NEWS2" in card(chart())["detail"]


def test_why_a_part_is_missing_is_told_apart():
    """Not charted, too old, not read and not usable are four states."""
    stale = chart(13, **dict.fromkeys(NORMAL))
    old = Reading(AT - timedelta(hours=13), "spo2", 97.0, "Observation/1")
    mixed = replace(
        chart(spo2=None, unusable=[bad("systolic", "?")]),
        readings=(old, *chart(spo2=None, systolic=None).readings),
    )
    assert of(mixed).news2.text == "NEWS2 0 to 6: SpO2 too old; systolic BP can't be used"
    lost = replace(stale, parts={"vitals": PartState("failed")})
    assert {part.why for part in of(lost).news2.parts} == {"could not be read"}


def test_the_dead_get_no_news2_and_no_findings():
    """Nothing is urgent any more."""
    found = of(replace(chart(spo2=70, potassium=7.8), deceased=True))
    assert found.findings == () and not found.news2.known and found.news2.total is None


@pytest.mark.parametrize("change, level", [({}, "warning"), ({"potassium": 7.8}, "critical")])
def test_a_record_that_was_merged_into_another_is_a_warning(change, level):
    """FHIR R4 has it no longer used: its newest values may be old ones, however well they look."""
    found = card(replace(chart(**change), replaced=True))
    assert found["indicator"] == level and "merged this patient record into another one" in str(
        found
    )
    assert card(chart())["indicator"] == "info"


def test_an_unknown_age_says_so_and_hides_nothing():
    """No NEWS2 and no risk; what would be urgent in an adult is still named."""
    found = card(chart(born=None))
    assert found["indicator"] == "info"
    assert found["summary"].startswith("Risk not calculated: the patient's age is unknown.")
    grave = card(chart(born=None, spo2=70))
    assert grave["indicator"] == "warning" and "NEWS2 " not in grave["summary"].split("(")[0]
    assert "SpO2 70 % (3 NEWS2 points in an adult)" in grave["summary"]
    assert "Risk not calculated" in grave["summary"]


def test_a_child_gets_no_news2_but_its_potassium_is_named():
    """The limits are adults', and the card says so."""
    found = card(chart(born=date(2018, 1, 1), potassium=7.8, spo2=70))
    assert found["indicator"] == "critical" and "NEWS2" not in found["summary"]
    assert "Potassium 7.8 mmol/L (critically high for an adult)" in found["summary"]
    assert "Risk not calculated: the model is for adults only" in found["summary"]


@pytest.mark.parametrize(
    ("change", "hours", "level"),
    [
        ({}, 12, None),
        ({}, 13, "info"),
        ({}, 25, "warning"),
        ({"heart_rate": 95}, 7, "info"),
        ({"heart_rate": 95}, 13, "warning"),
        ({"spo2": 90}, 1, None),
        ({"spo2": 90}, 1.5, "info"),
        ({"spo2": 90}, 2.5, "warning"),
    ],
)
def test_a_set_is_overdue_by_its_own_news2(change, hours, level):
    """12 h at 0, 6 h at 1 to 4, 1 h from 5 or with a red parameter; a warning beyond twice that."""
    found = [f for f in of(chart(hours, **change)).findings if f.kind == "overdue"]
    assert [f.level for f in found] == ([level] if level else [])


def test_a_set_is_as_old_as_its_oldest_part_and_air_need_not_be_charted():
    """One new pulse makes no new set; where air is never charted the five measured make it."""
    pulse = Reading(AT, "heart_rate", 72.0, "Observation/2")
    for made, words in ((chart(13), "complete set"), (chart(13, fio2=None), "set of all five")):
        late = replace(made, readings=(*made.readings, pulse))
        (found,) = (f for f in of(late).findings if f.kind == "overdue")
        assert words in found.sentence and found.value == 13
    assert [
        f.level
        for f in of(chart(13, heart_rate=95), overdue_factor=3).findings
        if f.kind == "overdue"
    ] == ["info"]


@pytest.mark.parametrize(
    ("parts", "level"),
    [
        ({"vitals": PartState("failed")}, "warning"),
        ({"vitals": PartState("cut", AT - timedelta(hours=3))}, "warning"),
        ({"vitals": PartState("cut", AT - timedelta(hours=30))}, "info"),
        ({"labs": PartState("failed")}, "info"),
        ({"patient": PartState("failed")}, "info"),
    ],
)
def test_what_could_not_be_read_is_a_finding(parts, level):
    """A warning where a newest vital sign may stand in it; else it is said."""
    found = [f for f in of(replace(chart(), parts=parts), ()).findings if f.kind == "unread"]
    assert (
        [f.level for f in found] == [level]
        and "could not be read" in found[0].sentence
        or ("were read back to" in found[0].sentence)
    )


@pytest.mark.parametrize(
    "state", [PartState("cut"), PartState("cut", AT - timedelta(hours=0.1)), PartState("failed")]
)
@pytest.mark.parametrize(
    ("name", "value", "level", "words"),
    [
        ("potassium", 7.1, "critical", "Potassium 7.1 mmol/L (critically high)"),
        ("lactate", 2.5, "warning", "Lactate 2.5 mmol/L (high)"),
        ("spo2", 70, "warning", "SpO2 70 % (3 points)"),
        ("systolic", 80, "warning", "Systolic pressure 80 mmHg (3 points)"),
        ("heart_rate", 0, "critical", "Heart rate 0 /min (3 points)"),
        ("acvpu", 4, "warning", "Unresponsive (3 points)"),
        ("heart_rate", 80, None, ""),
        ("potassium", 4.0, None, ""),
    ],
)
def test_a_grave_value_of_a_part_that_was_cut_is_named(name, value, level, words, state):
    """It was charted, though a newer one may not have been read; a normal one proves nothing, and
    NEWS2 counts neither.
    """
    part = VARIABLES[name].group
    made = of(replace(chart(0.5, **{name: value}), parts={part: state}), ())
    found = [f for f in made.findings if f.kind == "partial"]
    assert [f.level for f in found] == ([level] if level else [])
    if level:
        assert found[0].sentence == f"{words}; a newer value may not have been read."
        assert gravest(made.findings) == level and found[0].value == value
    if part == "vitals":
        assert (made.news2.known, made.news2.low) == (False, 0)


def test_a_newer_value_on_the_part_that_was_cut_takes_the_graver_one_back():
    """And of two within one moment the graver is named."""
    early, late = (Reading(AT - timedelta(hours=h), "spo2", v, "x") for h, v in ((2, 70), (1, 97)))
    cut, whole = PartState("cut"), chart(0.5, spo2=None)
    for readings, named in (((early, late), 0), ((late, early._replace(time=late.time)), 1)):
        made = replace(whole, readings=readings, parts={"vitals": cut})
        assert sum(f.kind == "partial" for f in of(made, ()).findings) == named


@pytest.mark.parametrize(
    ("change", "show_from", "form"),
    [
        ({}, "low", "whole"),
        ({}, "medium", "none"),
        ({"spo2": 90}, "medium", "whole"),
        ({"spo2": 90}, "high", "line"),
        ({"potassium": 7.8}, "high", "whole"),
        ({"heart_rate": 131, "spo2": 90, "fio2": 28}, "high", "whole"),
    ],
)
def test_a_card_is_shown_by_its_level(change, show_from, form):
    """medium shows whole cards from warning, high only critical ones; a parameter of 3 points is
    never held back.
    """
    ehr = Ehr(id="e", fhir_base=("https://ehr.example.org/r4",), show_from=show_from)
    assert first_sight(of(chart(**change)), ehr).form == form


def test_a_low_risk_beside_a_grave_finding_is_no_all_clear():
    """The model's own low risk is told as the model's."""
    grave, calm = card(chart(potassium=7.8)), card(chart())
    assert "low risk" not in f"{grave['summary']} {grave['detail']}".lower()
    assert "Model alone: " in grave["summary"] and "Model alone, risk of " in grave["detail"]
    assert calm["summary"].startswith("Low risk: ")


def test_many_grave_values_are_cut_whole_and_all_stand_in_the_detail():
    """Ten critical values: the summary names some and counts the rest, the detail has each."""
    values = {
        "potassium": 7.8,
        "sodium": 110,
        "glucose": 30,
        "ph": 6.9,
        "haemoglobin": 5.1,
        "platelets": 4,
        "wbc": 0.4,
        "lactate": 12,
    }
    found = card(chart(**values))
    assert " more (critical)." in found["summary"] and found["summary"].endswith((".", "UTC"))
    for name, value in values.items():
        assert display(VARIABLES[name], value) in found["detail"]
