"""A model that fails on a chart, when its number is asked for or only when it is explained, leaves
NEWS2 (G7, G13).
"""

import pytest

from models.fitted.booster import ModelError
from tests.support.hookcall import LinearPredictor, World, model, request


class NoScore(LinearPredictor):
    """Gives no number."""

    def score(self, row):
        raise ModelError("no finite number")


class NoContributions(LinearPredictor):
    """Gives a number that nothing explains."""

    def score(self, row):
        return 0.5

    def contributions(self, row):
        raise ModelError("no finite contribution")


@pytest.mark.rule("G7")
@pytest.mark.rule("G13")
@pytest.mark.parametrize("predictor", [NoScore, NoContributions])
def test_a_model_that_fails_leaves_news2(tmp_path, predictor):
    """The card is as grave as the vital signs, says that the model is missing, and gives no risk."""
    failing = model()
    failing.__dict__["predictor"] = predictor()
    vigil = World(tmp_path, models=(failing,))
    (card,) = vigil.cards(request())
    told = f"{card['summary']} {card['detail']}"
    assert card["indicator"] == "critical" and "NEWS2" in told
    assert "model is unavailable" in told and "% " not in card["summary"]
    record = vigil.record()
    assert record["risks"] == [] and record["news2"]["low"] >= 7
    assert record["degraded"] == ["model"]
