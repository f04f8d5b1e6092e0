"""Turns FHIR JSON into lax Resources: small total functions that never fail on what an EHR sends
(B4).

One Struct holds the members we use of Patient, Observation and OperationOutcome; msgspec skips all
others, which makes a Bundle of 200 Observations six times cheaper to read than with `json`
(`gc=False`: they hold no cycles). An entry of an unexpected shape is set aside alone.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec


class FhirError(ValueError):
    """What came is no JSON object, so nothing can be read from it."""


class Coding(msgspec.Struct, gc=False):
    """A code of a code system."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class Concept(msgspec.Struct, gc=False):
    """A CodeableConcept."""

    coding: list[Coding] | None = None
    text: str | None = None


class Quantity(msgspec.Struct, gc=False):
    """A measured amount; `value` is None when only a comparator or a unit came."""

    value: float | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None
    comparator: str | None = None


class Reference(msgspec.Struct, gc=False):
    """A reference to another resource."""

    reference: str | None = None


class Period(msgspec.Struct, gc=False):
    """A span of time, as text."""

    start: str | None = None
    end: str | None = None


class Component(msgspec.Struct, gc=False):
    """A part of an Observation with a code and a value of its own."""

    code: Concept | None = None
    valueQuantity: Quantity | None = None
    valueCodeableConcept: Concept | None = None
    valueInteger: int | None = None
    valueString: str | None = None
    valueBoolean: bool | None = None
    dataAbsentReason: Concept | None = None


class Issue(msgspec.Struct, gc=False):
    """An issue of an OperationOutcome."""

    severity: str | None = None


class ReferenceRange(msgspec.Struct, gc=False):
    """A reference range; for SpO2 of 88 to 92 % it is the target that a clinician has set."""

    low: Quantity | None = None
    high: Quantity | None = None


class Resource(Component, gc=False):
    """The members we use of Patient, Observation and OperationOutcome."""

    resourceType: str | None = None
    id: str | None = None
    status: str | None = None
    subject: Reference | None = None
    effectiveDateTime: str | None = None
    effectiveInstant: str | None = None
    effectivePeriod: Period | None = None
    component: list[Component] | None = None
    referenceRange: list[ReferenceRange] | None = None
    birthDate: str | None = None
    gender: str | None = None
    deceasedBoolean: bool | None = None
    deceasedDateTime: str | None = None
    issue: list[Issue] | None = None


class Link(msgspec.Struct, gc=False):
    """A link of a Bundle."""

    relation: str | None = None
    url: str | None = None


class Entry(msgspec.Struct, gc=False):
    """An entry of a Bundle."""

    resource: Resource | None = None


class Bundle(Resource, gc=False):
    """A Bundle, or a single resource, which is a Bundle without entries."""

    entry: list[Entry] | None = None
    link: list[Link] | None = None
    total: int | None = None


class Document(msgspec.Struct, frozen=True):
    """What one answer held.

    `next` is the URL of the next page as it stands there, "" where the link names none; None is the
    last page. `total` is how many matches the server says it has, None where it does not say.
    `malformed` counts the entries that could not be read; `outcome` tells that an OperationOutcome
    of severity error or fatal, or a bare one, came in place of data (R48, R49).
    """

    resources: list[Resource]
    next: str | None = None
    malformed: int = 0
    outcome: bool = False
    total: int | None = None


_decoder = msgspec.json.Decoder(Bundle)


def parse(document: bytes | msgspec.Raw | dict[str, Any]) -> Document:
    """Read a Bundle or a single resource.

    Raises FhirError when it is no JSON object; anything stranger inside only counts as malformed.
    """
    try:
        bundle = (
            msgspec.convert(document, Bundle)
            if isinstance(document, dict)
            else _decoder.decode(document)
        )
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _parse_slowly(document)
    return _document(bundle, [e.resource for e in bundle.entry or () if e.resource is not None], 0)


def _parse_slowly(document: bytes | msgspec.Raw | dict[str, Any]) -> Document:
    """Read entry by entry, so that one entry of a wrong shape costs only itself."""
    try:
        raw: Any = document if isinstance(document, dict) else msgspec.json.decode(document)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise FhirError("This is no JSON object.") from None
    if not isinstance(raw, dict):
        raise FhirError("This is no JSON object.")
    if raw.get("resourceType") != "Bundle":
        return Document([], malformed=1)
    entries = raw.get("entry")
    read = [_entry(entry) for entry in entries] if isinstance(entries, list) else []
    found = [resource for resource in read if resource is not None]
    links = (
        [link for link in raw.get("link") or () if isinstance(link, dict)]
        if isinstance(raw.get("link"), list)
        else []
    )
    shell = Bundle(
        resourceType="Bundle",
        link=[Link(_text(k.get("relation")), _text(k.get("url"))) for k in links],
        total=raw.get("total") if type(raw.get("total")) is int else None,
    )
    return _document(shell, found, len(read) - len(found))


def _entry(entry: Any) -> Resource | None:
    try:
        return msgspec.convert(entry, Entry).resource
    except (msgspec.ValidationError, RecursionError):
        return None


def _document(bundle: Bundle, resources: list[Resource], malformed: int) -> Document:
    following = next((k.url or "" for k in bundle.link or () if k.relation == "next"), None)
    if bundle.resourceType != "Bundle":
        return Document([bundle], None, malformed, bundle.resourceType == "OperationOutcome")
    failed = any(r.resourceType == "OperationOutcome" and _failed(r) for r in resources)
    return Document(resources, following, malformed, failed, bundle.total)


def _failed(outcome: Resource) -> bool:
    return any(issue.severity in {"error", "fatal"} for issue in outcome.issue or ())


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def instant(text: str | None) -> datetime | None:
    """Return a FHIR dateTime as aware UTC, or None when it has no time of day or no zone.

    A date alone, or a time without a zone, can't be placed on a 48 h axis and is never guessed.
    """
    if text is None or len(text) < 17 or len(text) > 40:
        return None
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else None
    except (ValueError, OverflowError):
        return None


def youngest_birth(text: str | None) -> date | None:
    """Return the latest day that a full or partial birth date allows, or None if it can't be read.

    The youngest reading keeps a person who may be a child among the children. A time of day, which
    FHIR does not allow here and some servers send, is passed over.
    """
    text = text.partition("T")[0] if text else text
    if text is None or len(text) not in (4, 7, 10):
        return None
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        year, month = int(text[:4]), int(text[5:7] or 12)
        return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    except (ValueError, OverflowError):
        return None


def refers_to(reference: str | None, patient_id: str) -> bool:
    """Tell whether a relative, absolute, versioned or urn reference names this very patient."""
    if not reference:
        return False
    if reference.startswith("urn:"):
        return reference in (f"urn:uuid:{patient_id}", f"urn:oid:{patient_id}")
    path = reference.split("/_history/")[0]
    return path == f"Patient/{patient_id}" or path.endswith(f"/Patient/{patient_id}")
