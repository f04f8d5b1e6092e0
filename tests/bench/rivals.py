"""What Vigil is timed against in one process: the bare floor below any service, and the plain
service that most would write first.
"""

from collections.abc import Callable, Sequence

import lightgbm
import msgspec
import numpy as np
import shap
from flask import Flask, jsonify, request

from models.fitted.model import Model
from models.reading.fhir import Bundle
from tests.bench.usual import card, row


class Envelope(msgspec.Struct):
    """The outermost members of a request."""

    prefetch: dict[str, msgspec.Raw]


def floor(models: Sequence[Model], raw: bytes) -> Callable[[], float]:
    """Return the least that an answer of these models costs: decode with msgspec, nothing checked,
    and of each a one-row prediction and contributions; no features, HTTP or audit.
    """
    rows = [[None if np.isnan(v) else v for v in row(model, raw)] for model in models]
    envelope, page = msgspec.json.Decoder(Envelope), msgspec.json.Decoder(Bundle)

    def call() -> float:
        for part in envelope.decode(raw).prefetch.values():
            page.decode(part)
        return sum(
            model.predictor.score(values) + sum(model.predictor.contributions(values))
            for model, values in zip(models, rows, strict=True)
        )

    return call


def plain(model: Model) -> Flask:
    """Return the plain service: Flask, json, dicts, Booster.predict, shap.TreeExplainer; no
    token, no audit, no NEWS2, no checks, and one model.
    """
    booster = lightgbm.Booster(model_str=model.text)
    explainer = shap.TreeExplainer(booster)
    app = Flask("plain")

    @app.post("/cds-services/plain")
    def call():
        values = np.array([row(model, request.get_data())])
        risk = float(booster.predict(values, num_threads=1)[0])
        shares = np.asarray(explainer.shap_values(values))[0]
        return jsonify(card(model, risk, shares))

    return app
