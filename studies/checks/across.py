"""Tells how a model does in a hospital that it was not trained on: each is left out in turn."""

import numpy as np

from studies.boosting.fit import fit
from studies.training.performance import areas
from studies.training.recipes import Recipe
from studies.training.rows import Rows

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
    found: Figures = {"rows": int(here.sum()), "events": int(data.event[here].sum())}
    for beside, chosen in (("", here), ("_before_event", here & (data.left > 0))):
        both = {f"auroc{beside}": score[chosen], f"news2_auroc{beside}": data.news2[chosen]}
        found |= areas(both, data.event[chosen], data.patient[chosen])
    return found
