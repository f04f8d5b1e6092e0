"""Tells how a model ranks the deaths of the next hours, where the data say only the day."""

import numpy as np

from studies.training.performance import areas
from studies.training.recipes import Recipe
from studies.training.rows import Rows

# So far may an event be from when it is expected: 2012 leaves two days open.
OPEN = 24.0


def acute(risk: np.ndarray, data: Rows, recipe: Recipe) -> dict | None:
    """Return the AUROC for events within the recipe's `acute_hours`, beside that of NEWS2; rows
    whose answer the rounding leaves open are left out. None where nothing is asked, or both answers
    are not there.
    """
    sure = data.event & (data.left + OPEN <= recipe.acute_hours)
    never = ~data.event | (data.left - OPEN > recipe.acute_hours)
    chosen = (sure | never) & (np.isfinite(data.left) | ~data.event)
    if not (recipe.acute_hours and sure.any() and never.any()):
        return None
    event, patient = sure[chosen], data.patient[chosen]
    counts = {"hours": recipe.acute_hours, "rows": int(chosen.sum()), "events": int(event.sum())}
    both = {"auroc": risk[chosen], "news2_auroc": data.news2[chosen]}
    return counts | areas(both, event, patient)
