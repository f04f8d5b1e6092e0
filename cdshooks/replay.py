"""Computes a recorded assessment again, and says where it comes out other than it was answered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from models.assess import Assessment, assess
from models.findings.overdue import OVERDUE_FACTOR
from models.fitted.registry import Model
from models.judged import findings
from models.patient.chart import Chart

# Among a record's `degraded`: the models failed on this chart; this one could not be loaded.
FAILED, MISSING = "model", "model missing: "


def again(record: dict[str, Any], models: Sequence[Model]) -> Assessment:
    """Return the assessment of an audit record: its chart, its moment, its question and its
    setting; without the models that failed then or were missing.
    """
    degraded = record.get("degraded", ())
    missing = [note.removeprefix(MISSING) for note in degraded if note.startswith(MISSING)]
    left = [model for model in models if model.id.name not in missing]
    return assess(
        Chart.from_json(record["chart"]),
        datetime.fromisoformat(record["at"]),
        () if FAILED in degraded else left,
        record.get("overdue_factor", OVERDUE_FACTOR),
        missing,
        record.get("question", ""),
    )


def answered_by(record: dict[str, Any]) -> list[tuple[str, str]]:
    """Return name and version of each model that was asked; up to 0.5.0 of each that answered."""
    if "models" in record:
        return [(name, version) for name, version in record["models"]]
    return [(risk["model"]["name"], risk["model"]["version"]) for risk in record["risks"]]


def difference(record: dict[str, Any], found: Assessment) -> str:
    """Return in words how an assessment differs from the record, or nothing.

    Records of before 0.5.0 hold neither level nor findings; of those the risks are compared.
    """
    answered: tuple[Any, ...] = (
        {
            risk["outcome"]: (risk["model"]["sha256"], risk["probability"], risk["band"])
            for risk in record["risks"]
        },
    )
    computed: tuple[Any, ...] = (
        {risk.outcome: (risk.model.sha256, risk.probability, risk.band) for risk in found.risks},
    )
    if "findings" in record:
        answered += (record["level"], record["findings"])
        computed += (found.level, findings(found))
    return "" if answered == computed else f"Answered {answered}, computed again {computed}."
