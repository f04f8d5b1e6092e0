"""What Vigil is timed against: the bare floor below any service, and the plain service that most would write first."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import lightgbm
import numpy as np
import shap
from flask import Flask, jsonify, request

from models.features import feature_row, series
from models.fhir import parse
from models.readings import read_chart
from models.registry import Model


def floor(model: Model, raw: bytes) -> Callable[[], float]:
    """Return the least that any answer costs: parse with msgspec, one-row prediction, contributions; no features, HTTP or audit."""
    import msgspec

    class Envelope(msgspec.Struct):
        prefetch: dict[str, msgspec.Raw]

    row = _row(model, raw)
    decoder = msgspec.json.Decoder(Envelope)

    def call() -> float:
        for page in decoder.decode(raw).prefetch.values():
            parse(page)
        return model.predictor.score(row) + sum(model.predictor.contributions(row))

    return call


def plain(model: Model) -> Flask:
    """Return the plain service: Flask's JSON, dicts, Booster.predict, shap.TreeExplainer; no token, no audit, no NEWS2."""
    booster = lightgbm.Booster(model_str=model.text)
    explainer = shap.TreeExplainer(booster)
    app = Flask("plain")

    @app.post("/cds-services/plain")
    def call():
        row = np.array([[np.nan if v is None else v for v in _row(model, request.get_data())]])
        risk = float(booster.predict(row, num_threads=1)[0])
        values = np.asarray(explainer.shap_values(row))[0]
        top = sorted(zip(model.features, values.tolist(), strict=True), key=lambda pair: -abs(pair[1]))[:5]
        return jsonify({"cards": [{"summary": f"Risk {risk:.0%}", "indicator": "info", "source": {"label": "plain"}, "detail": str(top)}]})

    return app


def _row(model: Model, raw: bytes) -> list[float | None]:
    """Read the row with json and dicts, as a plain service would before it knew better."""
    prefetch = json.loads(raw)["prefetch"]
    resources = [resource for page in prefetch.values() for resource in parse(page).resources]
    now = datetime.now(UTC)
    chart = read_chart(resources, "p1", now)
    row = feature_row(chart, series(chart), now)
    return [row[name] for name in model.features]
