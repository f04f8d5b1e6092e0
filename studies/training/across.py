"""Tells how a model does in a hospital that it was not trained on: each is left out in turn."""

from collections.abc import Callable

import numpy as np

from studies.boosting.fit import fit
from studies.training.performance import auroc, bootstrap
from studies.training.recipes import Recipe
from studies.training.rows import Rows

DRAWS, SEED = 200, 20261121
Figures = dict[str, int | dict]


def across(data: Rows, recipe: Recipe) -> dict[str, Figures]:
    """Return by hospital the AUROC, beside that of NEWS2 on the same rows, of a model of the
    others; empty where the data are of one hospital, or do not say of which.

    Rows up to the event are judged apart: afterwards it is no forecast.
    """
    sites = sorted(set(data.site.tolist()) - {""})
    return {site: _left_out(site, data, recipe) for site in sites} if len(sites) > 1 else {}


def _left_out(site: str, data: Rows, recipe: Recipe) -> Figures:
    here, there = data.site == site, data.site != site
    weight = data.weights(recipe)
    fitted = fit(data.x[there], data.event[there], weight[there], recipe)
    score = np.zeros(len(here))
    score[here] = fitted.raw(data.x[here])
    before = here & (data.left > 0)
    return {"rows": int(here.sum()), "events": int(data.event[here].sum())} | {
        f"{name}{beside}": _figure(values[chosen], data, chosen)
        for name, values in (("auroc", score), ("news2_auroc", data.news2))
        for beside, chosen in (("", here), ("_before_event", before))
    }


def _figure(score: np.ndarray, data: Rows, chosen: np.ndarray) -> dict:
    event, patient = data.event[chosen], data.patient[chosen]
    figure: Callable = auroc
    interval = bootstrap(figure, score, event, patient, DRAWS, SEED)
    return {
        "value": round(auroc(score, event), 4),
        "interval": [round(value, 4) for value in interval],
    }
