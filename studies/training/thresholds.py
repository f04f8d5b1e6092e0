"""Cuts a model's bands: medium by the share of events that it finds, high by the burden of its
alerts.

Kaiser's early warning went to a team at 2.9 alerts for 100 patient-days (Escobar et al., N Engl J
Med 383:1951, 2020). High stays below that at each hospital of the training data, with a margin,
since another one has other patients.
"""

import numpy as np

from studies.training.performance import threshold_at_sensitivity
from studies.training.recipes import Recipe
from studies.training.rows import Rows
from studies.validation.alerts import new_alerts

MOST_ALERTS = 2.5


def thresholds(risk: np.ndarray, data: Rows, recipe: Recipe) -> dict[str, float]:
    """Return from which risk on each band begins; high never below medium."""
    medium = threshold_at_sensitivity(risk, data.event, recipe.medium_sensitivity)
    highs = [
        threshold_at_burden(risk[here], data.patient[here], data.hour[here], recipe.every)
        for here in (data.site == site for site in np.unique(data.site))
    ]
    return {"medium": round(medium, 4), "high": round(max(medium, *highs), 4)}


def threshold_at_burden(
    risk: np.ndarray, patient: np.ndarray, hour: np.ndarray, every: int
) -> float:
    """Return the least risk, to four digits, from which on at most MOST_ALERTS new alerts are given
    in 100 patient-days; rows of a patient stand together by rising hour, each for `every` hours.
    """
    days = len(risk) * every / 24
    low, high = 0, 10_000
    while high - low > 1:
        middle = (low + high) // 2
        alerts = new_alerts(patient, hour, risk >= middle / 10_000).sum()
        low, high = (low, middle) if 100 * alerts / days <= MOST_ALERTS else (middle, high)
    return high / 10_000


def words(recipe: Recipe) -> str:
    """Return how the bands were cut, as the model card says it."""
    return (
        f"medium finds {100 * recipe.medium_sensitivity:.0f} % of the out-of-fold rows with "
        f"{recipe.label}; high gives at most {MOST_ALERTS:g} new alerts in 100 patient-days at "
        "each hospital of the training data"
    )
