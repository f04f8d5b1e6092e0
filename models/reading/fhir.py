"""Turns FHIR JSON into lax Resources: total functions that never fail on what an EHR sends (B4).

One Struct holds the members we use of Patient, Observation and OperationOutcome (`gc=False`: they
hold no cycles); a document is decoded once, which also tells whether a member is written twice. An
entry of an unexpected shape is set aside alone. Members that are lists in one release of FHIR and
not in another are read as either.
"""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

from models.reading import lenient


class FhirError(ValueError):
    """What came is no JSON object, so nothing can be read from it."""


class Coding(msgspec.Struct, frozen=True, gc=False):
    """A code of a code system."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class Concept(msgspec.Struct, frozen=True, gc=False):
    """A CodeableConcept; one that is equal means the same, so that it can be looked up."""

    coding: tuple[Coding, ...] | None = None
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


class Range(msgspec.Struct, gc=False):
    """From low to high."""

    low: Quantity | None = None
    high: Quantity | None = None


class ReferenceRange(Range, gc=False):
    """A reference range; for SpO2 of 88 to 92 % it may be the target that a clinician has set.

    Of whom it holds (`appliesTo`, `age`) we know only that it does not hold for all.
    """

    type: Concept | None = None
    appliesTo: Any = None
    age: Any = None
    modifierExtension: Any = None


class Extension(msgspec.Struct, gc=False):
    """An extension, of which we read coded ones."""

    url: str | None = None
    valueCodeableConcept: Concept | None = None


class Component(msgspec.Struct, gc=False):
    """A part of an Observation with a code and a value of its own."""

    code: Concept | None = None
    valueQuantity: Quantity | None = None
    valueCodeableConcept: Concept | None = None
    valueInteger: int | None = None
    valueString: str | None = None
    valueBoolean: bool | None = None
    valueRange: Range | None = None
    dataAbsentReason: Concept | None = None
    referenceRange: list[ReferenceRange] | None = None
    modifierExtension: Any = None


class Issue(msgspec.Struct, gc=False):
    """An issue of an OperationOutcome."""

    severity: str | None = None


class Meta(msgspec.Struct, gc=False):
    """Which version of a resource this is."""

    versionId: str | int | None = None
    lastUpdated: str | None = None


class Resource(Component, gc=False):
    """The members we use of three types; `link` and what is only shown may have any shape."""

    resourceType: str | None = None
    id: str | None = None
    meta: Meta | None = None
    implicitRules: Any = None
    status: str | None = None
    category: list[Concept] | Concept | None = None
    subject: Reference | None = None
    focus: list[Reference] | Reference | None = None
    effectiveDateTime: str | None = None
    effectiveInstant: str | None = None
    effectivePeriod: Period | None = None
    bodySite: list[Concept] | Concept | None = None
    method: list[Concept] | Concept | None = None
    extension: list[Extension] | None = None
    issued: Any = None
    performer: Any = None
    device: Any = None
    component: list[Component] | None = None
    birthDate: str | None = None
    gender: str | None = None
    deceasedBoolean: bool | None = None
    deceasedDateTime: str | None = None
    link: Any = None
    issue: list[Issue] | None = None


class Damaged(Resource, gc=False):
    """An Observation of which a member has a wrong shape or is written twice; only the others are
    here. What it says must not count, that it was said must.
    """


class Link(msgspec.Struct, gc=False):
    """A link of a Bundle."""

    relation: str | None = None
    url: str | None = None


class Entry(msgspec.Struct, gc=False):
    """An entry of a Bundle."""

    resource: Resource | None = None
    modifierExtension: Any = None


class Bundle(Resource, gc=False):
    """A Bundle, or a single resource, which is a Bundle without entries."""

    entry: list[Entry] | None = None
    link: list[Link] | None = None
    total: int | None = None


class Document(msgspec.Struct, frozen=True):
    """What one answer held.

    `next` is the URL of the next page as it stands, "" where the link names none; None is the last
    page. `total` is how many matches the server says it has, if it does. `malformed` counts the
    entries that could not be read; `outcome`: an OperationOutcome of severity error or fatal, or a
    bare one, came in place of data (R48, R49).
    """

    resources: list[Resource]
    next: str | None = None
    malformed: int = 0
    outcome: bool = False
    total: int | None = None


_decoder = msgspec.json.Decoder(Bundle)


def parse(document: bytes | msgspec.Raw | dict[str, Any]) -> Document:
    """Read a Bundle or a single resource.

    Raises FhirError when it is no JSON object, or a Bundle that has a member twice; anything
    stranger inside costs only its entry, which is Damaged or counts as malformed.
    """
    if isinstance(document, dict):
        try:
            return _of_bundle(msgspec.convert(document, Bundle))
        except (msgspec.ValidationError, RecursionError):
            return _slowly(document)
    raw = bytes(document)
    with suppress(msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        if (bundle := _whole(raw)) is not None:
            return _of_bundle(bundle)
    try:
        return _slowly(lenient.loaded(raw))
    except (ValueError, RecursionError):
        raise FhirError("This is no JSON object.") from None


def _whole(raw: bytes) -> Bundle | None:
    """Return a document as a whole; None where a member is written twice. Raises what msgspec
    does where its shape is not as expected.
    """
    plain = lenient.plain(raw)
    if plain is not None:
        return msgspec.convert(plain, Bundle)
    return None if lenient.names_twice(raw) else _decoder.decode(raw)


def _of_bundle(bundle: Bundle) -> Document:
    return _document(bundle, [one for entry in bundle.entry or () if (one := _resource(entry))], 0)


def _slowly(raw: Any) -> Document:
    """Read entry by entry, so that one entry of a wrong shape costs only itself."""
    if not isinstance(raw, dict):
        raise FhirError("This is no JSON object.")
    if raw.get("resourceType") != "Bundle":
        resource = _entry({"resource": raw})
        return Document([resource] if resource else [], malformed=0 if resource else 1)
    if isinstance(raw, lenient.Twice):
        raise FhirError("This Bundle names a member twice.")
    read = [_entry(entry) for entry in _items(raw, "entry")]
    found = [resource for resource in read if resource is not None]
    links = lenient.objects(raw.get("link"))
    shell = Bundle(
        resourceType="Bundle",
        link=[Link(_text(k.get("relation")), _text(k.get("url"))) for k in links],
        total=raw.get("total") if type(raw.get("total")) is int else None,
        implicitRules=raw.get("implicitRules"),
    )
    return _document(shell, found, len(read) - len(found))


def _items(raw: dict[str, Any], name: str) -> list[Any]:
    found = raw.get(name)
    return found if isinstance(found, list) else []


def _entry(raw: Any) -> Resource | None:
    """Return the resource of an entry, Damaged where an Observation is not whole, or None."""
    try:
        if not lenient.twice(raw):
            return _resource(msgspec.convert(raw, Entry))
    except (msgspec.ValidationError, RecursionError):
        pass
    inner = raw.get("resource") if isinstance(raw, dict) else None
    if not isinstance(inner, dict) or inner.get("resourceType") != "Observation":
        return None
    return Damaged(**lenient.sound_members(inner, Resource))


def _resource(entry: Entry) -> Resource | None:
    if entry.resource and entry.modifierExtension:
        entry.resource.modifierExtension = entry.modifierExtension
    return entry.resource


def _document(bundle: Bundle, resources: list[Resource], malformed: int) -> Document:
    following = next((k.url or "" for k in bundle.link or () if k.relation == "next"), None)
    if bundle.resourceType != "Bundle":
        return Document([bundle], None, malformed, bundle.resourceType == "OperationOutcome")
    if bundle.implicitRules:
        for resource in resources:
            resource.implicitRules = bundle.implicitRules
    failed = any(r.resourceType == "OperationOutcome" and _failed(r) for r in resources)
    return Document(resources, following, malformed, failed, bundle.total)


def _failed(outcome: Resource) -> bool:
    return any(issue.severity in {"error", "fatal"} for issue in outcome.issue or ())


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def instant(text: str | None) -> datetime | None:
    """Return a FHIR dateTime as aware UTC, or None when it has no time of day or no zone.

    What can't be placed on an axis of 48 h is never guessed.
    """
    if text is None or len(text) < 17 or len(text) > 40:
        return None
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else None
    except (ValueError, OverflowError):
        return None
