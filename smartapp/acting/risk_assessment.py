"""Turns the estimate that a page shows into a FHIR R4 RiskAssessment, made and validated by
fhirclient's model.

In R4 a probability is a percentage: "Decimal values are expressed as percentages as well (max =
100)". Where no band can be told it is a Range of per cent, as on the page: no number to be taken
for the risk.
"""

import re
import uuid
from datetime import datetime, timedelta
from typing import Any

from fhirclient.models.riskassessment import RiskAssessment

from models.assess import Assessment, Risk
from models.certainty import INDETERMINATE

KIND = "RiskAssessment"
UCUM = "http://unitsofmeasure.org"
URI = "urn:ietf:rfc:3986"
# HL7's code system of likelihoods has no word for one that is not known.
LIKELIHOODS = "http://terminology.hl7.org/CodeSystem/risk-probability"
OF_BAND = {"low": "low", "medium": "moderate", "high": "high"}
NOTE = (
    "Research software, not a cleared medical device: an estimate by a model from the values named "
    "as basis, written at the request of the user who had it on the screen. It was not checked "
    "by anybody."
)
LEADING = 3
HOURS = re.compile(r"\bwithin (\d{1,4}) h\b")


def identifier(name: str) -> tuple[str, str]:
    """Return system and value of what is named so; the same name gives the same again."""
    return URI, f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'vigil {name}')}"


def risk_assessment(
    assessment: Assessment, patient: str, encounter: str | None, named: tuple[str, str]
) -> dict[str, Any]:
    """Return the resource of an assessment that holds a risk: a prediction an outcome.

    It is preliminary where not all of the chart could be read, or a risk is not certain. Raises
    FHIRValidationError, and ValueError without a risk.
    """
    if not assessment.risks:
        raise ValueError("no risk to write")
    whole = not assessment.unread and all(r.band != INDETERMINATE for r in assessment.risks)
    made: dict[str, Any] = {
        "resourceType": KIND,
        "identifier": [dict(zip(("system", "value"), named, strict=True))],
        "status": "final" if whole else "preliminary",
        "method": {"text": "; ".join(dict.fromkeys(map(_model, assessment.risks)))},
        "code": {"text": "Estimate of the risk of deterioration"},
        "subject": {"reference": f"Patient/{patient}"},
        "occurrenceDateTime": _instant(assessment.at),
        "performer": {"type": "Device", "display": "Vigil"},
        "basis": [{"reference": one} for one in basis(assessment)],
        "prediction": [_prediction(risk, assessment.at) for risk in assessment.risks],
        "note": [{"text": " ".join([NOTE, *assessment.unread])}],
    }
    if encounter:
        made["encounter"] = {"reference": f"Encounter/{encounter}"}
    present = {name: value for name, value in made.items() if value}
    valid: dict[str, Any] = RiskAssessment(present).as_json()
    return valid


def basis(assessment: Assessment) -> tuple[str, ...]:
    """Return the references of the Observations whose values the models used."""
    named = [one.source for one in assessment.inputs if one.state == "used" and one.source]
    # What Vigil made of a value has the value's reference before its own words.
    found = (source.partition(" ")[0] for source in named)
    return tuple(dict.fromkeys(one for one in found if one.startswith("Observation/")))


def _prediction(risk: Risk, at: datetime) -> dict[str, Any]:
    known = risk.band in OF_BAND
    code = [{"system": LIKELIHOODS, "code": OF_BAND[risk.band]}] if known else []
    leading = [one.text for one in risk.contributions[:LEADING]]
    made: dict[str, Any] = {
        "outcome": {"text": f"{risk.label}, {risk.horizon}"},
        "qualitativeRisk": {"text": f"{risk.band} risk" if known else "not certain"}
        | ({"coding": code} if code else {}),
        "whenPeriod": _period(risk, at),
        "rationale": f"{_model(risk)}. What moved it most: {'; '.join(leading)}.",
    }
    if known or not risk.certainty:
        return made | {"probabilityDecimal": _per_cent(risk.probability)}
    low, high = (_share(one) for one in (risk.certainty.low, risk.certainty.high))
    return made | {"probabilityRange": {"low": low, "high": high}}


def _period(risk: Risk, at: datetime) -> dict[str, str]:
    """Return the time that a risk is of: a manifest has it in words, as "within 6 h"; without
    hours, as of a hospital stay, nobody knows its end.
    """
    hours = HOURS.search(f"{risk.label} {risk.horizon}")
    end = {"end": _instant(at + timedelta(hours=int(hours[1])))} if hours else {}
    return {"start": _instant(at)} | end


def _share(probability: float) -> dict[str, Any]:
    return {"value": _per_cent(probability), "unit": "%", "system": UCUM, "code": "%"}


def _per_cent(probability: float) -> float:
    return round(100 * probability, 1)


def _model(risk: Risk) -> str:
    return f"Vigil model {risk.model.name} {risk.model.version}, SHA-256 {risk.model.sha256[:12]}"


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
