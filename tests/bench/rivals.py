"""What Vigil is timed against: the bare floor below any service, and the plain service that most
would write first.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import lightgbm
import msgspec
import numpy as np
import shap
from flask import Flask, jsonify, request

from models.fitted.registry import Model
from models.patient.features import LABS, VITALS, names
from models.patient.vocabulary import BY_CODE
from models.reading.fhir import parse


class Envelope(msgspec.Struct):
    """The outermost members of a request."""

    prefetch: dict[str, msgspec.Raw]


def floor(model: Model, raw: bytes) -> Callable[[], float]:
    """Return the least that any answer costs: parse with msgspec, one-row prediction,
    contributions; no features, HTTP or audit.
    """
    row = [None if np.isnan(value) else value for value in plain_row(model, raw)]
    decoder = msgspec.json.Decoder(Envelope)

    def call() -> float:
        for page in decoder.decode(raw).prefetch.values():
            parse(page)
        return model.predictor.score(row) + sum(model.predictor.contributions(row))

    return call


def plain(model: Model) -> Flask:
    """Return the plain service: Flask, json, dicts, Booster.predict, shap.TreeExplainer; no
    token, no audit, no NEWS2, no checks.
    """
    booster = lightgbm.Booster(model_str=model.text)
    explainer = shap.TreeExplainer(booster)
    app = Flask("plain")

    @app.post("/cds-services/plain")
    def call():
        row = np.array([plain_row(model, request.get_data())])
        risk = float(booster.predict(row, num_threads=1)[0])
        values = np.asarray(explainer.shap_values(row))[0]
        top = sorted(
            zip(model.features, values.tolist(), strict=True), key=lambda pair: -abs(pair[1])
        )[:5]
        return jsonify(
            {
                "cards": [
                    {
                        "summary": f"Risk {risk:.0%}",
                        "indicator": "info",
                        "source": {"label": "plain"},
                        "detail": str(top),
                    }
                ]
            }
        )

    return app


def plain_row(model: Model, raw: bytes) -> list[float]:
    """Read the row with json and dicts as one would at first: last value, extremes and change,
    nothing checked.
    """
    now, known = datetime.now(UTC), {}
    for page in json.loads(raw)["prefetch"].values():
        for entry in page.get("entry", []):
            found = entry["resource"]
            for coding in found["code"]["coding"]:
                if coding["code"] in BY_CODE:
                    time = datetime.fromisoformat(found["effectiveDateTime"])
                    known.setdefault(BY_CODE[coding["code"]].name, []).append(
                        (time, found["valueQuantity"]["value"])
                    )
    row = {"age": float(now.year - 1951), "sex": 1.0}
    for name in VITALS + LABS:
        pairs = sorted(known.get(name, []))
        values = [value for time, value in pairs if (now - time).total_seconds() < 86400]
        if values:
            row |= {
                name: values[-1],
                f"{name}.low48": min(values),
                f"{name}.high48": max(values),
                f"{name}.change12": values[-1] - values[0],
            }
    found = model.seen(dict.fromkeys(names()) | row)
    return [np.nan if value is None else value for value in found]
