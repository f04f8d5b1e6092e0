"""Invented models and validations for the tests of the model card; nothing of them is a
patient's.
"""

from models.fitted.model import Model, ModelId

SHA = "ab" * 32
FIGURE = {"value": 0.8125, "interval": [0.75, 0.875]}


def manifest(**more) -> dict:
    """Return the least manifest that a model may have, with more."""
    return {
        "name": "third",
        "version": "1.0.0",
        "outcome": "fall",
        "label": "a fall",
        "horizon": "within a day",
        "features": ["age", "heart_rate"],
        "calibration": {"intercept": 0.0, "slope": 1.0},
        "thresholds": {"medium": 0.1, "high": 0.3},
        "model_sha256": SHA,
        "golden": [],
    } | more


def model(**more) -> Model:
    """Return a model that no words were written for."""
    found = manifest(**more)
    return Model(ModelId(found["name"], found["version"], SHA), found, "")


def validation(**more) -> dict:
    """Return a validation.json of that model with every kind of figure in it."""
    group = {
        "column": "ward",
        "value": "<b>7|{X}</b>",
        "rows": 90,
        "event_rows": 30,
        "stays": 40,
        "events": 22,
        "estimable": True,
    }
    return {
        "made": "2026-11-21T07:07:40Z",
        "code_version": "abc1234",
        "data": {"layout": "table", "files": {"ours.csv": "cd" * 32}},
        "settings": {"part": "all", "every_hours": 1, "draws": 100},
        "model": {"name": "third", "version": "1.0.0", "sha256": SHA},
        "outcome": "fall",
        "label": "a fall",
        "horizon": "within a day",
        "thresholds": {"medium": 0.1, "high": 0.3},
        "counts": {
            "rows": 1234,
            "events": 56,
            "patients": 78,
            "stays": 80,
            "stays_scored": 79,
            "event_stays": 30,
            "event_stays_without_number": 1,
            "landmarks_without_number": {"stale": 3},
        },
        "figures": {
            "auroc": FIGURE,
            "news2_auroc": {"value": 0.6421, "interval": None},
            "auroc_minus_news2": {"value": 0.1704, "interval": [0.11, 0.22]},
            "calibration_slope": {"value": 0.9234, "interval": [0.83, 1.05]},
            "observed_expected": {"value": 1.412, "interval": [1.1, 1.7]},
            "ici": {"value": None, "interval": None},
            "medium_sensitivity": {"value": 0.7777, "interval": [0.7, 0.8]},
        },
        "stays": {"auroc": {"value": 0.8449, "interval": [0.8, 0.9]}},
        "alerts": {
            "medium_alerts_per_100_patient_days": {"value": 78.1216, "interval": [72.6, 83.9]}
        },
        "lead_time": {"medium": {"median": {"value": 6.5, "interval": [5.0, 8.0]}}},
        "net_benefit": [
            {
                "risk": 0.1,
                "model": {"value": 0.0512, "interval": [0.04, 0.06]},
                "treat_all": {"value": -0.0123, "interval": None},
            }
        ],
        "groups": [
            group | {"figures": {"auroc": {"value": 0.7031, "interval": [0.6, 0.8]}}},
            {
                "column": "ward",
                "value": "8",
                "rows": 9,
                "stays": 5,
                "events": 1,
                "estimable": False,
                "figures": {},
            },
        ],
        "challenge": {
            "name": "A challenge",
            "stays": 80,
            "figures": {"score1": {"value": 0.5353, "interval": [0.5, 0.6]}},
        },
        "without": {"no laboratory values": {"auroc": {"value": 0.7321, "interval": [0.7, 0.76]}}},
        "certainty": {"indeterminate": {"value": 0.1234, "interval": [0.1, 0.15]}},
        "sense": {
            "figures": {
                "passed": {"value": 0.95, "interval": None, "number": 190, "steps": 200},
                "falls": {"value": 0.015, "interval": None, "number": 3, "steps": 200},
            }
        },
    } | more


def at(found: dict, path: str):
    """Return what a figure's path leads to."""
    for step in path.split("/"):
        found = found[int(step)] if isinstance(found, list) else found[step]
    return found
