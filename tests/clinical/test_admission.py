"""What an admission still needs: asked for where it helps, and silence where it does not."""

from datetime import date, timedelta

import pytest

from cdshooks import cards
from cdshooks.delivering.first_sight import first_sight
from models.assess import Assessment, assess
from models.fitted.registry import load_models
from models.patient.chart import Chart, PartState, Reading
from models.questions import ADMISSION
from runtime.settings import Ehr
from tests.clinical.test_discharge import NORMAL
from tests.conftest import AT

MODELS = load_models()
EHR = Ehr(id="e", fhir_base=("https://ehr.example.org/r4",))


def of(born: date | None = date(1966, 1, 1), hours: float = 1, parts=None, **change) -> Assessment:
    """Assess a normal set with a change at an admission; None leaves a value out."""
    readings = [
        Reading(AT - timedelta(hours=hours), name, float(value), f"Observation/{name}")
        for name, value in (NORMAL | change).items()
        if value is not None
    ]
    chart = Chart("p", born, "male", False, tuple(sorted(readings)), {}, parts or {})
    return assess(chart, AT, MODELS, question=ADMISSION)


EMPTY = dict.fromkeys(NORMAL)


def asked(made: Assessment, kind: str = "to chart") -> list[str]:
    return [one.sentence for one in made.findings if one.kind == kind]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"acvpu": None}, "consciousness"),
        ({"fio2": None, "temperature": None}, "air or oxygen and temperature"),
        (EMPTY, "all seven parts"),
    ],
)
def test_what_lacks_of_a_first_news2_is_asked_for_now(change, words):
    made = of(**change)
    wanted = [f"To chart now for a first NEWS2: {words}."] if words else []
    assert asked(made) == wanted
    if words:
        assert made.level == "info" and first_sight(made, EHR)[::2] == ("whole", "admission")
        assert cards.summary(made).startswith(wanted[0])


def test_what_is_too_old_is_asked_for_again():
    assert asked(of(hours=13)) == ["To chart now for a first NEWS2: all seven parts."]


def test_a_whole_and_normal_chart_needs_no_card():
    """Laboratory values that the model would like to know are no reason for one."""
    made = of()
    assert asked(made, "sample") and made.lead is not None
    assert first_sight(made, EHR)[::2] == ("none", "nothing lacks at admission")


def test_the_first_sample_is_named_by_what_the_model_goes_by():
    """No arterial blood, and nothing that is there already."""
    (words,) = asked(of(temperature=None), "sample")
    assert words.startswith("For the risk, with the first blood sample: bilirubin, lactate, ")
    assert not {"blood pH", "PaO2", "PaCO2"} & set(words.replace(" and ", ", ").split(", "))
    assert "lactate" not in asked(of(lactate=1.2), "sample")[0]


def test_what_is_grave_already_leads():
    made = of(spo2=91, acvpu=None)
    words = cards.summary(made)
    assert made.level == "warning" and words.startswith("SpO2 91 % (3 points).")
    assert "To chart now for a first NEWS2: consciousness." in words


@pytest.mark.parametrize(
    ("born", "change", "shown"),
    [
        # NEWS2 is for those of 16 or older, the models for adults: nothing asked for would give a
        # number to a child, what is critical is shown.
        (date(2020, 1, 1), EMPTY, (False, "for adults only")),
        (date(2020, 1, 1), {"potassium": 7.0}, (True, "admission")),
        (date(2009, 6, 1), {"acvpu": None}, (True, "admission")),
        (None, {}, (True, "no number")),
    ],
)
def test_a_child_is_asked_for_nothing(born, change, shown):
    made = first_sight(of(born, **change), EHR)
    assert (made.shown, made.reason) == shown


def test_what_could_not_be_read_is_said_and_not_asked_for():
    """The vital signs may be there."""
    made = of(parts={"vitals": PartState("failed")}, **EMPTY)
    assert asked(made) == [] and first_sight(made, EHR).shown
    assert "could not be read" in cards.summary(made)
