"""The service that most would write today, for uvicorn: FastAPI, json, dicts, Booster.predict with
its contributions; both models, but no token, no audit, no NEWS2, no checks.
"""

import json
from datetime import UTC, datetime

import lightgbm
import numpy as np
from fastapi import FastAPI, Request

from models.fitted.model import Model
from models.fitted.registry import load_models
from models.patient.features import LABS, VITALS, names
from models.patient.vocabulary import BY_CODE

PATH = "/cds-services/usual"
app = FastAPI()
_models = [(model, lightgbm.Booster(model_str=model.text)) for model in load_models()]


@app.post(PATH)
async def call(request: Request) -> dict:
    """Answer a hook call with one card."""
    body, cards = await request.body(), []
    for model, booster in _models:
        values = np.array([row(model, body)])
        risk = float(booster.predict(values, num_threads=1)[0])
        shares = booster.predict(values, pred_contrib=True, num_threads=1)[0][:-1]
        cards += card(model, risk, shares)["cards"]
    return {"cards": cards}


def card(model: Model, risk: float, shares: np.ndarray) -> dict:
    """Return one card with the five greatest contributions."""
    pairs = zip(model.features, shares.tolist(), strict=True)
    top = sorted(pairs, key=lambda pair: -abs(pair[1]))[:5]
    shown = {"summary": f"Risk {risk:.0%}", "indicator": "info", "source": {"label": "plain"}}
    return {"cards": [shown | {"detail": str(top)}]}


def row(model: Model, raw: bytes) -> list[float]:
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
    made = {"age": float(now.year - 1951), "sex": 1.0}
    for name in VITALS + LABS:
        pairs = sorted(known.get(name, []))
        values = [value for time, value in pairs if (now - time).total_seconds() < 86400]
        if values:
            made |= {
                name: values[-1],
                f"{name}.low48": min(values),
                f"{name}.high48": max(values),
                f"{name}.change12": values[-1] - values[0],
            }
    seen = model.seen(dict.fromkeys(names()) | made)
    return [np.nan if value is None else value for value in seen]
