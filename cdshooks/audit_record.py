"""Turns a call and its result into the audit record from which card and page can be made again
(governance part 5).
"""

import hashlib
from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec

from cdshooks.actions.suggestions import kinds
from cdshooks.auth import Caller
from cdshooks.delivering.decision import Decision
from cdshooks.delivering.history import History
from cdshooks.hooks import Context, HookRequest
from cdshooks.questions import question, trigger
from models.assess import Assessment
from models.judged import judged
from models.patient.chart import Chart
from models.patient.vocabulary import vocabulary_sha256
from models.reading.encounter import Encounter
from models.reference import VERSION
from runtime.settings import Ehr, Policy

TOP = 5


def call(request: HookRequest[Context], ehr: Ehr, caller: Caller, at: datetime) -> dict[str, Any]:
    """Return who asked what: the part that every record of a hook call has."""
    return {
        "hook": request.hook,
        "hook_instance": request.hookInstance.lower(),
        "question": question(request),
        "trigger": trigger(request),
        "ehr": ehr.id,
        "client": client(caller),
        "ignored": ignored(caller, request),
        **person(request.context),
        "at": at.isoformat(),
        "mode": ehr.mode,
    }


def client(caller: Caller) -> dict[str, Any] | None:
    """Return who signed a call; None where nobody did."""
    signed = {"iss": caller.issuer, "kid": caller.kid, "jti": caller.jti}
    return signed if caller.issuer else None


def person(context: Context) -> dict[str, Any]:
    """Return for whom and of whom a call is, as its client says."""
    return {
        "user": context.userId,
        "patient": context.patientId,
        "encounter": context.encounterId,
    }


def stay(encounter: Encounter | None) -> dict[str, Any]:
    """Return what was told of the stay: the code of its class and its unit."""
    kind, unit = encounter or (None, None)
    return {"encounter_class": kind, "unit": unit}


def ignored(caller: Caller, request: HookRequest[Context]) -> list[str]:
    """Return what came with a call and was not used: a token that can't be checked, where none is
    asked for, and an access token without its server.
    """
    token = [f"Authorization: {caller.unchecked}"] if caller.unchecked else []
    return token + (["fhirAuthorization: no fhirServer"] if request.unused_token else [])


def result(assessment: Assessment, chart: Chart, notes: list[str]) -> dict[str, Any]:
    """Return what was computed and from what: enough for a replay to the last digit.

    The chart says of each part what could be read of it; `notes` are fixed words for why not all.
    """
    lead = assessment.lead
    found: dict[str, Any] = judged(assessment) | {
        "missing": [
            item.variable
            for item in assessment.inputs
            if item.state in ("missing", "stale", "unread")
        ],
        "chart": chart.as_json(),
        "degraded": notes,
        "model": None,
    }
    if lead:
        found |= {
            "model": asdict(lead.model),
            "threshold": lead.thresholds,
            "score": lead.score,
            "probability": lead.probability,
            "band": lead.band,
            # Against the reference patient of that vocabulary; up to 0.4.0, which has no
            # "reference", against the average of the training data.
            "top": [[share.variable, share.log_odds] for share in lead.explanation.shares[:TOP]],
            "reference": {
                "version": VERSION,
                "vocabulary_sha256": vocabulary_sha256(),
                "log_odds": lead.explanation.baseline,
            },
        }
    return found


def looked_at(policy: Policy, history: History | None) -> dict[str, Any]:
    """Return what the decision went by beside the call itself: with that it can be made again.

    `history` is None where it could not be read.
    """
    members = {name: getattr(policy, name) for name in Policy.__struct_fields__}
    in_order = msgspec.json.encode(members, order="sorted")
    return {
        "policy": members,
        "policy_sha256": hashlib.sha256(in_order).hexdigest(),
        "history": msgspec.to_builtins(history),
    }


def answer(made: Decision, cards: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what left Vigil, without the words on the card."""
    return {
        "shown": made.shown,
        "delivery": made.reason,
        "form": made.form,
        "given_level": made.level,
        "until": made.until,
        "cards": [
            {
                "uuid": card["uuid"],
                "indicator": card["indicator"],
                "summary_sha256": hashlib.sha256(card["summary"].encode()).hexdigest(),
                "suggestions": _suggested(card),
            }
            for card in cards
        ],
    }


def _suggested(card: dict[str, Any]) -> list[dict[str, str]]:
    """Return kind and uuid of what a card suggests."""
    names = [one["uuid"] for one in card.get("suggestions", ())]
    return [
        {"kind": kind, "uuid": name}
        for kind, name in zip(kinds(card["uuid"], names), names, strict=True)
    ]
