"""Each risk beside its population: what is said, and what is not."""

from dataclasses import replace

import pytest

from models.certainty import INDETERMINATE, Certainty
from models.fitted.model import logit
from smartapp.comparing.compared import behind, compared, often, span
from smartapp.comparing.distribution import distribution
from tests.support import assessments, model_cards
from tests.unit.models.test_card_population import counted, written

CURVES = {
    "distribution": [
        {"from": 0.01, "to": 0.1, "event": 0.25, "no_event": 0.75},
        {"from": 0.1, "to": 0.5, "event": 0.75, "no_event": 0.25},
    ]
}
COUNTS = {"rows": 160, "events": 40}
EVIDENCE = {"age": 0.1, "heart_rate": 0.6, "lactate": 0.3}


def people(**more):
    """Return what the invented model is compared with."""
    model = model_cards.model(certainty={"evidence": EVIDENCE})
    return behind(model, written(**more) | {"curves": CURVES, "counts": COUNTS})


def risk(probability=0.05, certainty=None, **more):
    """Return a risk that the invented model gave."""
    (first, *_) = assessments.assessment().risks
    found = {"model": model_cards.model().id, "certainty": certainty} | more
    return replace(first, probability=probability, thresholds={"medium": 0.1, "high": 0.3}, **found)


def one(found, given):
    """Return one risk compared."""
    (only,) = compared(replace(assessments.assessment(), risks=(given,)), {"third": found})
    return only


def test_the_like_and_the_alike_are_those_of_the_bin():
    """By the share of the model's evidence that the chart lacks."""
    sure = Certainty(0.03, 0.08, False, (), ("lactate",))
    found = one(people(), risk(0.05, sure))
    assert (found.like.low, found.like.events, found.like.rows) == (0.01, 10, 100)
    assert (found.grade.share, found.grade.low, found.grade.high) == (0.3, 0.2, 0.5)
    assert found.grade.counted.rows == 100
    assert [(s.risk, s.rows) for s in found.standings] == [(0.05, 8)]
    bare = Certainty(0.03, 0.08, False, (), ("heart_rate", "lactate"))
    assert one(people(), risk(0.05, bare)).grade.counted.rows == 0


def test_both_ends_are_compared_where_no_band_can_be_told():
    unsure = Certainty(0.02, 0.4, True, ("too little",), ("lactate",))
    found = one(people(), risk(0.05, unsure, band=INDETERMINATE))
    assert [s.risk for s in found.standings] == [0.02, 0.4] and not found.sure
    assert found.plot.estimate


@pytest.mark.parametrize(
    ("events", "effective", "apart", "reaches"),
    [
        (100, 400, None, None),  # 16 to 24 %, within the medium band and around the mean
        (50, 400, "fewer", ("low", "medium")),  # 7 to 13 %
        (130, 60, None, ("medium", "high")),  # 17 to 38 %
        (0, 1000, "fewer", None),
        (450, 1000, "more", None),
    ],
)
def test_what_is_wide_or_apart_is_said(events, effective, apart, reaches):
    """An interval beyond the bin is not the number's; one over two bands tells of neither."""
    bins = [{"from": 0.14, "to": 0.25, **counted(500, events, 200, effective, 0.19), "lacking": []}]
    found = one(people(bins=bins), risk(0.2))
    assert (found.apart, found.reaches) == (apart, reaches)


@pytest.mark.parametrize(
    ("probability", "unlike"),
    [(0.19, None), (0.24, None), (0.15, None), (0.12, "higher"), (0.4, "lower")],
)
def test_a_bin_of_others_is_said_to_be_one(probability, unlike):
    """Where nearly all of a wide bin lie far from this risk."""
    bins = [{"from": 0.1, "to": 0.5, **counted(500, 95, 200, 400, 0.19), "lacking": []}]
    given = risk(probability, score=logit(probability))
    assert one(people(bins=bins), given).unlike == unlike


def test_of_few_patients_nothing_is_told():
    bins = [{"from": 0.1, "to": 0.4, **counted(500, 450, 5, 4.0), "lacking": []}]
    found = one(people(bins=bins), risk(0.2))
    assert not found.like.told and found.apart is found.reaches is None


def test_a_risk_beyond_all_has_nobody_alike():
    found = one(people(), risk(0.9))
    assert found.like is found.grade is None and found.standings[0].rows == 100


@pytest.mark.parametrize("found", [None, {}, {"population": {"bins": []}}])
def test_without_a_population_nothing_is_compared(found):
    """Neither where the validation is older, nor where it can't be read."""
    given = one(behind(model_cards.model(), found), risk(0.2))
    assert given.behind is given.like is given.plot is None


def test_a_population_of_another_version_is_not_taken():
    other = replace(model_cards.model().id, version="0.9.0")
    assert one(people(), risk(0.2, model=other)).behind is None


def test_the_plot_shows_all_rows_and_the_patient():
    """Columns are as high as their rows: 160 rows, of which 40 have the event."""
    found = one(people(), risk(0.1, Certainty(0.05, 0.6, False, ()))).plot
    heights = [column.height for column in found.columns]
    # 40 x 0.25 + 120 x 0.75 = 100, 40 x 0.75 + 120 x 0.25 = 60
    assert heights[1] / heights[0] == pytest.approx(0.6, abs=0.01)
    assert [column.below for column in found.columns] == [True, False]
    assert found.interval[0] < found.patient < found.interval[1] == found.right
    assert [tick.label for tick in found.ticks] == ["1 %", "10 %", "50 %"]
    assert distribution({"counts": COUNTS}, risk()) is None


@pytest.mark.parametrize(
    ("share", "said"), [(0.0, "0 %"), (1.0, "100 %"), (0.0004, "under 0.1 %"), (0.333, "33 %")]
)
def test_how_often_may_be_never_or_always(share, said):
    assert often(share) == said
    assert span((0.27, 0.391)) == "27 to 39 %" and span((0.0, 0.009)) == "0 to 0.9 %"
