"""What one result more would do to a risk, against the models' own answers."""

from dataclasses import replace
from statistics import fmean

import pytest

from models.assess import assess
from models.fitted.registry import load_models
from models.patient.chart import Chart
from models.patient.vocabulary import VARIABLES
from models.reading.fhir import parse
from models.reading.reader import read_chart
from models.supposing.hypothetical import hypothetical
from models.supposing.narrowing import Narrowing, farthest, narrowest, narrowings
from tests.conftest import AT, SICK, WELL, bundle, observation, patient, table

MODELS = load_models()
FIVE = [
    observation(name, value)
    for name, value in {"heart_rate": 118, "spo2": 91, "systolic": 94, "temperature": 38.6}.items()
]


def chart(resources: list[dict]) -> Chart:
    return read_chart(parse(bundle([patient(), *resources])).resources, "p1", AT)


@pytest.mark.parametrize(
    "resources", [FIVE, table(SICK), table(WELL)], ids=["five", "sick", "well"]
)
def test_each_is_what_the_models_say_of_the_hypothetical_charts(resources):
    """Risks over what a model has seen and the normal value; intervals over the tenths, on
    average: told anew by assessing each chart.
    """
    of = chart(resources)
    real = {risk.model: risk for risk in assess(of, AT, MODELS).risks}
    found = narrowings(of, AT, MODELS)
    assert found.keys() == real.keys()
    for model in MODELS:
        seen, edges = model.manifest["certainty"]["seen"], model.manifest["inputs"]
        for item in found[model.id][:3]:
            tenths = edges[item.variable]["edges"]
            values = {*seen[item.variable], *tenths, VARIABLES[item.variable].normal}
            told = {
                value: assess(hypothetical(of, AT, {item.variable: value}), AT, [model]).lead
                for value in values
                if seen[item.variable][0] <= value <= seen[item.variable][1]
            }
            risks = [risk.probability for risk in told.values()]
            assert (item.least, item.most) == pytest.approx((min(risks), max(risks)))
            sure = real[model.id].certainty
            assert item.now == pytest.approx((sure.low, sure.high))
            spans = [told[value].certainty for value in tenths]
            after = fmean(one.low for one in spans), fmean(one.high for one in spans)
            assert item.after == pytest.approx(after)


def test_only_what_a_model_lacks_is_tried_and_the_narrowest_comes_first():
    """Nothing that is known, no age and no urine; sorted by what would be left of the interval."""
    found = narrowings(chart(FIVE), AT, MODELS)
    for model in MODELS:
        names = [item.variable for item in found[model.id]]
        known = {"heart_rate", "spo2", "systolic", "temperature", "age", "sex", "urine"}
        assert names and not known & set(names)
        assert set(names) <= model.manifest["certainty"]["evidence"].keys()
        narrows = [item.narrows for item in found[model.id]]
        assert narrows == sorted(narrows, reverse=True)


def test_a_sparse_chart_gains_most_by_a_vital_sign():
    """Of a patient with four vital signs the model of death would like to know the respiratory rate
    or the coma score first.
    """
    found = narrowings(chart(FIVE), AT, MODELS)
    (of_death,) = (found[model.id] for model in MODELS if model.id.name == "deterioration")
    first = narrowest(of_death)
    assert first and first.variable in ("respiratory_rate", "gcs")


@pytest.mark.parametrize(
    ("comparator", "value", "least", "greatest"),
    [(">", 4.0, 4.0, None), ("<", 1.5, None, 1.5), (">", 39.0, None, None)],
)
def test_beyond_what_the_chart_proves_nothing_is_tried(comparator, value, least, greatest):
    """A lactate of ">4" may be 18, and is not 0.3; one beyond all that was seen can't be told."""
    bound = observation("lactate", value)
    bound["valueQuantity"]["comparator"] = comparator
    of = chart([*FIVE, bound])
    found = narrowings(of, AT, MODELS)
    tried = []
    for model in MODELS:
        seen = model.manifest["certainty"]["seen"]["lactate"]
        edge = assess(hypothetical(of, AT, {"lactate": value}), AT, [model]).lead
        for item in (one for one in found[model.id] if one.variable == "lactate"):
            assert (item.low, item.high) == (least or seen[0], greatest or seen[1])
            assert item.least <= edge.probability <= item.most
            tried.append(item)
    assert bool(tried) == (value < 39)


@pytest.mark.parametrize("resources", [[], FIVE[:2]])
def test_without_a_number_nothing_is_told(resources):
    """Where no number is due there is no interval that could be narrower."""
    assert narrowings(chart(resources), AT, MODELS) == {}


def test_a_model_that_does_not_say_what_it_has_seen_is_left_out():
    """Without a certainty there is no interval; without tenths nothing to try."""
    model = MODELS[0]
    bare = replace(model, manifest=model.manifest | {"certainty": None})
    silent = replace(model, manifest=model.manifest | {"inputs": {}})
    assert narrowings(chart(FIVE), AT, [bare]) == {}
    assert narrowings(chart(FIVE), AT, [silent]) == {model.id: ()}


def of(variable: str, moves: float, narrows: float) -> Narrowing:
    return Narrowing(variable, 0, 1, 0.2, 0.2 + moves, (0.1, 0.5), (0.1, 0.5 - narrows))


def test_what_nobody_would_see_narrows_nothing():
    """Less than half a percentage point is no narrowing; what moves most is told whatever it
    narrows.
    """
    items = [of("lactate", 0.1, 0.004), of("bun", 0.3, -0.02)]
    assert narrowest(items) is None and farthest(items) is items[1]
    items = [of("gcs", 0.05, 0.02), *items]
    assert narrowest(items) is items[0] and farthest([]) is None
