"""Turns an Assessment into plain data that says what was found, without the chart and without
explanations: what a record holds, and what a list shows.
"""

from dataclasses import asdict
from typing import Any

from models.assess import Assessment, Risk


def judged(assessment: Assessment) -> dict[str, Any]:
    """Return what was found: all that a delivery is decided by."""
    score = assessment.news2
    return {
        "status": assessment.status,
        "news2": {"total": score.total, "low": score.low, "high": score.high},
        "level": assessment.level,
        "data_time": assessment.data_time,
        "findings": findings(assessment),
        "risks": [risk_record(risk) for risk in assessment.risks],
    }


def findings(assessment: Assessment) -> list[list[str | None]]:
    """Return level, kind, variable and written value of each finding, the gravest first."""
    return [[item.level, item.kind, item.variable, item.written] for item in assessment.findings]


def risk_record(risk: Risk) -> dict[str, Any]:
    """Return one outcome's risk, its interval, and the model that gave it."""
    sure = risk.certainty
    return {
        "outcome": risk.outcome,
        "probability": risk.probability,
        "band": risk.band,
        "model": asdict(risk.model),
        "interval": [sure.low, sure.high] if sure else None,
    }
