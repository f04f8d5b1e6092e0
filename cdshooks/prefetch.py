"""Turns a call into the chart sent with it, completed from the FHIR server (R43-R54, B4)."""

from datetime import datetime

from cdshooks.hooks import Context, HookRequest
from ehr.chart import TYPES, Collected, collect
from ehr.fetch import Fetch, FetchError, Fhir
from models.reading.encounter import Encounter, read_encounter
from models.reading.reader import WrongPatient
from runtime.settings import Ehr
from runtime.web import PreconditionFailed

ENCOUNTER = "encounter"
OTHER_PATIENT = "The data are of another patient than `context.patientId`."


def complete(
    request: HookRequest[Context], ehr: Ehr, fhir: Fhir, at: datetime
) -> tuple[Collected, list[str]]:
    """Return the chart of a call, and in fixed words for the audit what of it could not be had.

    Raises PreconditionFailed when no observations could be had in any way (R51).
    """
    notes: list[str] = []
    given = {name: raw for name, raw in (request.prefetch or {}).items() if name in TYPES}
    fetch = _start(request, ehr, fhir, notes)
    collected = collect(request.context.patientId, at, given, fetch, ehr.traits)
    if collected.unobserved:
        raise PreconditionFailed(
            "Vital signs and laboratory results were not prefetched and could not be read from the "
            "FHIR server."
        )
    notes += [
        f"{name}: {part.state}, {part.why}" for name, part in collected.parts.items() if part.why
    ]
    return collected, notes


def encounter(request: HookRequest[Context], ehr: Ehr) -> Encounter | None:
    """Return the Encounter that was sent with a call; None where none was, and nobody is asked.

    Raises PreconditionFailed where it is of another patient (B6).
    """
    context, sent = request.context, (request.prefetch or {}).get(ENCOUNTER)
    if sent is None:
        return None
    try:
        return read_encounter(bytes(sent), context.encounterId, context.patientId, ehr.fhir_base)
    except WrongPatient:
        raise PreconditionFailed(OTHER_PATIENT) from None


def _start(request: HookRequest[Context], ehr: Ehr, fhir: Fhir, notes: list[str]) -> Fetch | None:
    # Without a token only a server that needs none is asked, which is what an open EHR is.
    if request.fhirServer is None or (request.token is None and ehr.hook_auth != "open"):
        return None
    try:
        return fhir.start(request.fhirServer, request.token, ehr.hook_budget_ms / 1000)
    except FetchError as error:
        notes.append(f"fhir: {error}")
        return None
