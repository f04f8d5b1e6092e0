"""Turns what is wanted into a draft ServiceRequest, made and validated by fhirclient's R4 models.

A ServiceRequest for all, a call for the team too: Epic creates no Task and no CommunicationRequest
from a card.
"""

import csv
from datetime import datetime
from pathlib import Path
from typing import Any

from fhirclient.models.servicerequest import ServiceRequest

from ehr.actions.wanted import Wanted

TABLE = Path(__file__).with_name("kinds.csv")


def order(
    wanted: Wanted, patient: str, encounter: str | None, at: datetime, site_code: str | None
) -> dict[str, Any]:
    """Return the order as a proposal, not yet anybody's: whoever applies it is its requester.

    `at` is aware UTC. `site_code` is system|code and stands in place of the usual one; where there
    is neither, the code is words alone. Raises FHIRValidationError.
    """
    made: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "proposal",
        "priority": wanted.priority,
        "code": _code(KINDS[wanted.kind], site_code),
        "subject": {"reference": f"Patient/{patient}"},
        "authoredOn": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "reasonCode": [{"text": wanted.reason}],
    }
    if encounter:
        made["encounter"] = {"reference": f"Encounter/{encounter}"}
    if wanted.often:
        made["occurrenceTiming"] = _timing(wanted)
    valid: dict[str, Any] = ServiceRequest(made).as_json()
    return valid


def _timing(wanted: Wanted) -> dict[str, Any]:
    words = {"code": {"text": wanted.often}}
    repeat = {"frequency": 1, "period": wanted.hours, "periodUnit": "h"}
    return words | ({"repeat": repeat} if wanted.hours else {})


def _code(kind: dict[str, str], site_code: str | None) -> dict[str, Any]:
    coding = {name: kind[name] for name in ("system", "code", "display") if kind[name]}
    if site_code:
        system, _, code = site_code.partition("|")
        coding = {"system": system, "code": code}
    return {"text": kind["text"]} | ({"coding": [coding]} if coding else {})


def _load() -> dict[str, dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row["kind"]: row for row in csv.DictReader(file)}


KINDS = _load()
