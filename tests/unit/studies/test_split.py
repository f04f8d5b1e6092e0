"""The held-out part: the same without a list, and never half a patient."""

from models.patient.chart import Chart
from studies.data.split import ALL, HELD_OUT, TRAINING, held_out, part, watched
from studies.data.stays import ADMITTED, Stay


def stay(record: str, patient: str) -> Stay:
    return Stay(record, Chart(patient, None, None, False, (), {}), ADMITTED, {"death": (True,)})


def test_about_every_fifth_patient_is_held_out_and_always_the_same():
    """The hash of the id decides; these ids are fixed for ever, since trained models rest on
    them.
    """
    chosen = [str(number) for number in range(132539, 133539) if held_out(str(number))]
    assert 160 < len(chosen) < 240 and chosen[:4] == ["132571", "132574", "132575", "132576"]


def test_the_parts_are_the_whole_and_share_no_patient():
    """All stays of a patient are on one side."""
    stays = [stay(f"{number} {again}", str(number)) for number in range(100) for again in (1, 2)]
    sides = {name: list(part(stays, name)) for name in (HELD_OUT, TRAINING, ALL)}
    assert sides[ALL] == stays and len(sides[HELD_OUT]) + len(sides[TRAINING]) == len(stays)
    assert not {s.chart.patient for s in sides[HELD_OUT]} & {
        s.chart.patient for s in sides[TRAINING]
    }


def test_a_stay_that_is_watched_for_some_hours_ends_there():
    """Labels later than that are not asked for; a shorter stay stays as it is."""
    chart = Chart("1", None, None, False, (), {})
    stay = Stay("1", chart, ADMITTED, {"sepsis": (False,) * 3 + (True,) * 7})
    (short,), (same,) = watched([stay], 4), watched([stay], 99)
    assert short.labels == {"sepsis": (False, False, False, True)} and same == stay
    assert short.chart is stay.chart
