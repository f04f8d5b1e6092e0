"""Turns rows into the same rows with values hidden: sparse charts to learn from, and to be
validated on.
"""

from collections.abc import Sequence

import numpy as np

from models.answerable import CORE
from models.patient.features import FEATURED, LABS, URINE, made_of, names
from models.patient.vocabulary import VARIABLES

# What a chart may lack as a whole; "vital signs only" keeps age and sex.
HIDDEN: dict[str, tuple[str, ...]] = {
    "no laboratory values": LABS,
    "vital signs only": (*LABS, "gcs", "fio2", URINE),
    "no coma score and respiratory rate": ("gcs", "respiratory_rate"),
    "three vital signs only": (*LABS, "gcs", "fio2", URINE, "respiratory_rate", "spo2"),
    **{f"no {VARIABLES[name].label}": (name,) for name in CORE},
}
PANELS = ("no laboratory values", "vital signs only")
# Charts as bare as these are what the intervals are fitted on, and their coverage measured on, one
# by one.
SPARSE = (*PANELS, "no coma score and respiratory rate", "three vital signs only")
# Share of rows shown a second time without a panel, chance of each variable to be hidden in a third
# showing, and the weight of both. On a quarter of the training patients, not fitted: AUROC of
# sepsis with vital signs only 0.741, 0.713 without; of the sepsis model for death in the 2012 stays
# 0.696, 0.679 without; nothing is lost where all is known.
SHARE, CHANCE, WEIGHT = 0.2, 0.3, 0.5

Shown = tuple[np.ndarray, np.ndarray, np.ndarray]


def shown(
    x: np.ndarray, event: np.ndarray, weight: np.ndarray, again: dict[str, float], seed: int
) -> Shown:
    """Return rows, events and weights to fit: every row, and copies with panels, single variables,
    and what `again` names hidden.

    `again` gives variables whose rows are shown once more without them, with a weight.
    """
    random = np.random.default_rng(seed)
    parts: list[Shown] = [(x, event, weight)]
    for panel in PANELS:
        chosen = random.random(len(x)) < SHARE
        parts.append((without(x[chosen], HIDDEN[panel]), event[chosen], WEIGHT * weight[chosen]))
    parts.append((thinned(x, random), event, WEIGHT * weight))
    for variable, share in again.items():
        known = ~np.isnan(x[:, names().index(variable)])
        parts.append((without(x[known], (variable,)), event[known], share * weight[known]))
    rows, events, weights = zip(*parts, strict=True)
    return np.vstack(rows), np.concatenate(events), np.concatenate(weights)


def thinned(x: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return a copy in which each variable but age and sex is hidden by chance, all its features
    together.
    """
    copy = x.copy()
    for variable in FEATURED:
        hidden = random.random(len(x)) < CHANCE
        copy[np.ix_(hidden, np.array(columns((variable,))))] = np.nan
    return copy


def without(x: np.ndarray, variables: Sequence[str]) -> np.ndarray:
    """Return a copy in which every feature of some variables is missing."""
    copy = x.copy()
    copy[:, columns(variables)] = np.nan
    return copy


def columns(variables: Sequence[str]) -> list[int]:
    """Return the places of all features that some variables take part in."""
    return [place for place, name in enumerate(names()) if set(made_of(name)) & set(variables)]
