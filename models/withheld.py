"""Takes out of an Assessment what the models add, for whom that is not to be shown."""

from dataclasses import replace

from models.assess import Assessment
from models.findings.finding import Finding

WITHHELD = "withheld"
# Findings that a model makes, or that say what it would like to know.
OF_MODELS = {"risk", "course", "sample"}
WHY = "Under a study protocol the models' estimate is computed for this patient and not shown."


def withheld(assessment: Assessment) -> Assessment:
    """Return an assessment without risks; NEWS2, single parameters, critical values and all else
    that is no model's stays, at its level.

    Where no number was due that stays as it is, since nothing is withheld.
    """
    if assessment.status != "scored":
        return assessment
    left: tuple[Finding, ...] = tuple(f for f in assessment.findings if f.kind not in OF_MODELS)
    return replace(
        assessment, status=WITHHELD, reasons=(WHY,), risks=(), findings=left, unavailable=()
    )
