"""The made patients: they pass with the shipped models, and fail where a model gives nonsense."""

from datetime import UTC, datetime

import pytest

from cdshooks import synthetic
from models.fitted.booster import ModelError
from models.fitted.registry import load_models

MOMENTS = [datetime(2026, 11, 20, 14, 5, tzinfo=UTC), datetime(2028, 2, 29, 0, 0, tzinfo=UTC)]


class Broken:
    """Stands for a booster that scores every row alike."""

    def __init__(self, score, like):
        self._score, self._like = score, like

    def score(self, row):
        return self._score

    def contributions(self, row):
        return self._like.contributions(row)


@pytest.fixture
def models():
    return load_models()


@pytest.mark.rule("G11")
@pytest.mark.parametrize("at", MOMENTS, ids=str)
def test_the_shipped_models_pass(models, at):
    """Nothing is found wrong, whatever the day."""
    assert synthetic.examine(models, lambda: at) == ""


@pytest.mark.rule("G11")
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize(
    ("score", "said"), [(9.0, "for the well patient"), (-9.0, "for the dying patient")]
)
def test_a_model_that_gives_nonsense_is_found(models, which, score, said):
    """A model that answers everybody alike, as one with a damaged leaf does, is wrong of one."""
    own = models[which]
    own.__dict__["predictor"] = Broken(score, own.predictor)
    assert synthetic.examine(models, lambda: MOMENTS[0]).endswith(said)


def test_a_model_without_a_finite_number_is_found(models):
    """Its booster raises, here as in a call."""

    def raises(row):
        raise ModelError("not finite")

    models[0].__dict__["predictor"] = Broken(0.0, models[0].predictor)
    models[0].predictor.score = raises
    with pytest.raises(ModelError):
        synthetic.examine(models, lambda: MOMENTS[0])


def test_findings_alone_do_not_pass_for_a_model(models, monkeypatch):
    """Nor does a card of another level, or none."""
    monkeypatch.setattr(synthetic, "EHR", synthetic.Ehr(id="x", fhir_base=(), mode="shadow"))
    assert synthetic.examine(models, lambda: MOMENTS[0]) == "no card for the dying patient"
    monkeypatch.undo()
    monkeypatch.setattr(synthetic, "assess", lambda chart, at, models: without(chart, at))
    assert synthetic.examine(models, lambda: MOMENTS[0]) == "no risk for the dying patient"


def without(chart, at):
    from models.assess import assess

    return assess(chart, at, ())
