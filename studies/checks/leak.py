"""Turns training rows into how far they leak the time: can the features tell how long ago the
patient came, and does that time tell the outcome?

Either alone is harmless. Together a model learns when a row was taken in place of how the patient
is: in PhysioNet 2019, set A, no stay without sepsis lasts longer than 59 hours, so that a late row
is a septic one.
"""

import lightgbm
import numpy as np

from models.card.figures import ranged
from studies.training.performance import DRAWS
from studies.validation.intervals import with_intervals
from studies.validation.ranking import Ranked

# A small model: what it can tell, the trained one can tell as well.
PARAMETERS = {
    "objective": "binary", "learning_rate": 0.1, "num_leaves": 15, "min_data_in_leaf": 20,
    "feature_fraction": 0.5, "bagging_fraction": 0.5, "bagging_freq": 1, "deterministic": True,
    "force_row_wise": True, "num_threads": 1, "verbosity": -1,
}  # fmt: skip
TREES, FOLDS, MOST_ROWS = 40, 3, 40_000
# With enough rows any difference from 0.5 is more than chance; less than this one is no danger.
# Set A of 2019 has 0.62 (0.57 to 0.66) for the time, set a of 2012 0.50; both of 2,500 stays.
HARMLESS = 0.05
FEATURES, TIME = "features_tell_time", "time_tells_outcome"


def leak(
    x: np.ndarray, event: np.ndarray, hour: np.ndarray, patient: np.ndarray, seed: int
) -> dict:
    """Return the manifest's `leak`: both AUROCs with their 95 % intervals by patients, whether
    there is one, and a sentence.

    `features_tell_time` is how well a small model tells, of rows without the outcome whose patients
    it has not seen, late ones from early ones; `time_tells_outcome` is the AUROC of the hour for
    the outcome, among all rows. Of many patients some are drawn.
    """
    random = np.random.default_rng(seed)
    chosen = _some(patient, random)
    x, event, hour = x[chosen], event[chosen], hour[chosen]
    person = np.unique(patient[chosen], return_inverse=True)[1]
    told = _told(x[~event], hour[~event], person[~event], random)
    places = {
        FEATURES: Ranked(told, _late(hour[~event]), person[~event]),
        TIME: Ranked(hour.astype(float), event, person),
    }

    def areas(weight: np.ndarray) -> dict[str, float]:
        return {name: ranked.counts(weight).auroc() for name, ranked in places.items()}

    figures = with_intervals(areas, int(person.max()) + 1, DRAWS, seed)
    found = _beyond_chance(figures[FEATURES]) and _beyond_chance(figures[TIME])
    return figures | {"rows": len(event), "found": found, "said": _said(figures, found)}


def _some(patient: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return the places of the rows of so many patients, drawn by chance, as MOST_ROWS hold."""
    people, counts = np.unique(patient, return_counts=True)
    order = random.permutation(len(people))
    kept = people[order[np.cumsum(counts[order]) <= MOST_ROWS]]
    return np.flatnonzero(np.isin(patient, kept))


def _told(
    x: np.ndarray, hour: np.ndarray, person: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Return for each row how late a model that has not seen its patient takes it to be."""
    late = _late(hour)
    people, score = random.permutation(np.unique(person)), np.zeros(len(hour))
    for fold in range(FOLDS):
        held = np.isin(person, people[fold::FOLDS])
        table = lightgbm.Dataset(x[~held], late[~held])
        score[held] = lightgbm.train(PARAMETERS, table, TREES).predict(x[held], raw_score=True)
    return score


def _late(hour: np.ndarray) -> np.ndarray:
    late = hour >= np.median(hour)
    return hour > np.median(hour) if late.all() else late


def _beyond_chance(figure: dict) -> bool:
    if figure["interval"] is None:
        return False
    low, high = figure["interval"]
    return bool(low > 0.5 + HARMLESS or high < 0.5 - HARMLESS)


def _said(figures: dict, found: bool) -> str:
    features, time = (_in_words(figures[name]) for name in (FEATURES, TIME))
    facts = (
        f"among rows without the outcome the features tell late from early with an AUROC of "
        f"{features}; the hour alone tells the outcome with {time} (0.5 is chance)"
    )
    if found:
        return (
            f"Yes, and that time tells the outcome: {facts}. The model may go by how long the "
            "patient has been there; look at how the stays were chosen and where they end."
        )
    if _beyond_chance(figures[FEATURES]):
        return f"Yes, but that time does not tell the outcome: {facts}."
    return f"No: {facts}."


def _in_words(figure: dict) -> str:
    if figure["value"] is None or figure["interval"] is None:
        return "no number"
    return ranged(figure)
