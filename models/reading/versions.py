"""Tells whose a resource is, and which of several versions of one resource counts."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from models.reading.fhir import Resource, instant

# A version of this status says that the earlier ones were never true.
WITHDRAWN = {"entered-in-error"}


def refers_to(reference: str | None, patient_id: str, bases: Collection[str] | None = None) -> bool:
    """Tell whether a relative, absolute, versioned or urn reference names this very patient.

    An id means something on its own server only: with `bases`, the FHIR addresses of this EHR, an
    absolute reference has to lie under one of them. None asks nothing of the address.
    """
    if not reference:
        return False
    if reference.startswith("urn:"):
        return reference in (f"urn:uuid:{patient_id}", f"urn:oid:{patient_id}")
    base, _, path = reference.split("/_history/")[0].rpartition("Patient/")
    if path != patient_id or (base and not base.endswith("/")):
        return False
    return not base or bases is None or _bare(base) in map(_bare, bases)


def _bare(base: str) -> str:
    """Return an address without a final slash, its scheme and host in small letters (RFC 3986)."""
    scheme, mark, rest = base.rstrip("/").partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}{mark}{host.lower()}{slash}{path}"


def newest_versions(observations: Iterable[Resource]) -> tuple[list[Resource], list[Resource]]:
    """Return the Observations that count where one id comes in several versions, and those that
    do not.

    The newest alone counts, by `meta.versionId` where these are numbers, else by
    `meta.lastUpdated`; where neither tells, all do, unless one of them is entered in error.
    """
    by_id: dict[str, list[Resource]] = {}
    found: list[Resource] = []
    for resource in observations:
        if resource.id:
            by_id.setdefault(resource.id, []).append(resource)
        else:
            found.append(resource)
    older: list[Resource] = []
    for versions in by_id.values():
        if len(versions) == 1:
            found += versions
            continue
        kept = _newest(versions)
        found += kept
        # Two of them may be equal, so they are told apart as objects.
        older += [one for one in versions if not any(one is other for other in kept)]
    return found, older


def _newest(versions: list[Resource]) -> list[Resource]:
    for order in (_number, _updated):
        marks = [order(resource) for resource in versions]
        known = [mark for mark in marks if mark is not None]
        if len(known) == len(marks) and len(set(known)) > 1:
            return [one for one, mark in zip(versions, marks, strict=True) if mark == max(known)]
    withdrawn = [resource for resource in versions if resource.status in WITHDRAWN]
    return withdrawn or versions


def _number(resource: Resource) -> datetime | int | None:
    version = str(resource.meta.versionId) if resource.meta else ""
    return int(version) if version.isascii() and version.isdigit() and len(version) < 19 else None


def _updated(resource: Resource) -> datetime | int | None:
    time = instant(resource.meta.lastUpdated) if resource.meta else None
    return time.astimezone(UTC) if time else None
