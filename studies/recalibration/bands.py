"""Cuts a recalibrated model's bands anew, by the rules by which the parent's were cut: thresholds
of one calibration say nothing under another.

Medium finds the parent's share of the rows with the outcome; high holds the parent's share of all
rows, so that the burden of its alerts stays; of versions up to 0.4.0 it begins where sensitivity
and PPV are equal.
"""

import re
from dataclasses import dataclass

import numpy as np

from models.fitted.booster import ModelError
from models.fitted.model import Model
from studies.training.performance import threshold_at_break_even, threshold_at_sensitivity

# Where a manifest holds what the rule needs. Versions up to 0.4.0 say it in a sentence alone.
RULE, SHARE, HIGH = "thresholds_rule", "medium_sensitivity", "high_rows"
SENTENCE = re.compile(r"medium finds (\d+) % of")
# A band that stands on fewer patients with the outcome would be cut by chance ("not estimable").
LEAST_PATIENTS = 20


@dataclass(frozen=True)
class Rule:
    """How bands are cut: the share of rows with the outcome that medium finds, and the share of all
    rows that high holds, None where sensitivity and PPV decide.
    """

    medium_sensitivity: float
    high_rows: float | None = None

    @property
    def written(self) -> dict[str, float]:
        """Return the rule as a manifest has it."""
        found = {SHARE: self.medium_sensitivity, HIGH: self.high_rows}
        return {name: value for name, value in found.items() if value is not None}


def rule_of(model: Model) -> tuple[Rule, str]:
    """Return how a model's bands are cut, and where it was read; raises ModelError where a manifest
    does not say it.
    """
    known = model.manifest.get(RULE) or {}
    share, high = known.get(SHARE), known.get(HIGH)
    if isinstance(share, int | float) and 0 < share < 1:
        rows = float(high) if isinstance(high, int | float) and 0 < high < 1 else None
        return Rule(float(share), rows), f"the manifest of {model.id.version}"
    told = SENTENCE.match(model.manifest.get("thresholds_chosen") or "")
    if told and 0 < int(told[1]) < 100:
        return Rule(int(told[1]) / 100), (
            f"assumed from what {model.id.version} says of its thresholds, since its manifest has "
            f"no {RULE}"
        )
    raise ModelError(
        f"{model.id.name} {model.id.version} does not say how its bands were chosen, so they can't "
        "be cut anew: recalibrate the version that it was made from, or train it again."
    )


def cut(risk: np.ndarray, event: np.ndarray, patient: np.ndarray, rule: Rule) -> dict[str, float]:
    """Return the thresholds of the bands for recalibrated risks that the fit has not seen.

    Raises ModelError where too few patients stand behind a threshold, or high would not begin above
    medium.
    """
    medium = round(threshold_at_sensitivity(risk, event, rule.medium_sensitivity), 4)
    high = round(
        threshold_at_break_even(risk, event)
        if rule.high_rows is None
        else float(np.quantile(risk, 1 - rule.high_rows)),
        4,
    )
    for name, threshold in (("medium", medium), ("high", high)):
        by_rows = name == "high" and rule.high_rows is not None
        found = len(np.unique(patient[(event | by_rows) & (risk >= threshold)]))
        if found < LEAST_PATIENTS:
            which = "" if by_rows else " with the outcome"
            raise ModelError(
                f"The {name} band would be cut by {found} patients{which} above it, and needs "
                f"{LEAST_PATIENTS}: give more rows."
            )
    if not 0 < medium < high:
        raise ModelError(
            f"By the rules of this model high would begin at {high:g} and medium at {medium:g} on "
            "these outcomes, so that no bands can be cut: give more rows, or train a model on them."
        )
    return {"medium": medium, "high": high}


def words(rule: Rule, label: str) -> str:
    """Return how the bands were cut, as the model card says it."""
    high = (
        "begins where the share of those that it finds equals the share of its rows that have it"
        if rule.high_rows is None
        else f"holds {100 * rule.high_rows:.2g} % of all rows"
    )
    return (
        f"medium finds {100 * rule.medium_sensitivity:.0f} % of the out-of-fold rows with {label} "
        f"among the outcomes of the recalibration; high {high}"
    )
