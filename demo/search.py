"""Turns FHIR search parameters into a searchset Bundle over resources in memory (FHIR R4 "Search").

The HTTP server and the hook client's prefetch both answer through `search`, so that they cannot
differ (R45).
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from demo.dates import PREFIXES, matches, span

MOST_ON_A_PAGE = 1000
USUAL_PAGE = 100
OFFSET = "_offset"
PARAMETERS = {
    "Patient": ("identifier",), "Observation": ("category", "code", "date", "status"),
    "Encounter": ("date", "status"), "Condition": ("category", "code", "onset-date"),
    "Practitioner": (), "RiskAssessment": ("identifier",), "Group": ("type",),
}  # fmt: skip
# What is not filed in a patient's chart.
OF_NOBODY = {"Patient", "Practitioner", "Group"}
DATES = {"Observation": "effectiveDateTime", "Condition": "onsetDateTime", "Encounter": "period"}
Parameters = list[tuple[str, str]]
Test = Callable[[dict[str, Any]], bool]


class BadSearch(ValueError):
    """A parameter has a value or a modifier that is not understood; the message names the
    parameter.
    """


def search(
    base: str, kind: str, resources: Iterable[dict[str, Any]], parameters: Parameters
) -> dict[str, Any]:
    """Return one page of matches of type `kind` with `total` and, while there is more, a `next`
    link.

    `resources` are one patient's file. Parameters that this server does not know are ignored and
    left out of the self link. Raises BadSearch.
    """
    known = [(name, value) for name, value in parameters if _is_known(kind, name.partition(":")[0])]
    tests = [_test(kind, name, value) for name, value in known]
    found = [
        resource
        for resource in resources
        if resource["resourceType"] == kind and all(test(resource) for test in tests)
    ]
    given = dict(known)
    found = _sorted(kind, found, given.get("_sort"))
    count = min(_number(given, "_count", USUAL_PAGE), MOST_ON_A_PAGE)
    offset = _number(given, OFFSET, 0)
    return _bundle(base, kind, known, found, offset, count)


def _bundle(
    base: str, kind: str, known: Parameters, found: list[dict[str, Any]], offset: int, count: int
) -> dict[str, Any]:
    link = [{"relation": "self", "url": _url(base, kind, known)}]
    if count and offset + count < len(found):
        rest = [(name, value) for name, value in known if name != OFFSET]
        link.append(
            {"relation": "next", "url": _url(base, kind, [*rest, (OFFSET, str(offset + count))])}
        )
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": link}
    entries = [
        {"fullUrl": f"{base}/{kind}/{r['id']}", "resource": r, "search": {"mode": "match"}}
        for r in found[offset : offset + count]
    ]
    # An empty array is not allowed in FHIR's JSON.
    return bundle | ({"entry": entries} if entries else {})


def _is_known(kind: str, name: str) -> bool:
    about = {"patient", "subject"} if kind not in OF_NOBODY else set()
    return name in {"_id", "_sort", "_count", OFFSET} | set(PARAMETERS[kind]) | about


def _test(kind: str, name: str, value: str) -> Test:
    name, _, modifier = name.partition(":")
    if modifier and not (modifier == "Patient" and name == "subject"):
        raise BadSearch(f"The modifier of `{name}` is not supported.")
    if name.startswith("_") and name != "_id":
        return lambda resource: True
    if not value:
        raise BadSearch(f"`{name}` has no value.")
    if name in {"date", "onset-date"}:
        return _date_test(kind, name, value)
    if name in {"patient", "subject"}:
        # Records has opened this patient's file already; what is filed in it by mistake comes
        # along, as in a real EHR.
        return lambda resource: True
    tests = [_token_test(name, item) for item in value.split(",")]
    return lambda resource: any(test(resource) for test in tests)


def _token_test(name: str, text: str) -> Test:
    system, bar, code = text.rpartition("|")
    if not code and not system:
        raise BadSearch(f"`{name}` needs a code.")

    def test(resource: dict[str, Any]) -> bool:
        return any(
            (not code or code == c) and (not bar or system == (s or ""))
            for s, c in _tokens(resource, name)
        )

    return test


def _tokens(resource: dict[str, Any], name: str) -> Iterable[tuple[str | None, str | None]]:
    """Yield the (system, code) pairs that a token parameter compares with."""
    if name == "_id":
        yield None, resource["id"]
    elif name in {"status", "type"}:
        yield None, resource.get(name)
    elif name == "identifier":
        yield from (
            (item.get("system"), item.get("value")) for item in resource.get("identifier", ())
        )
    else:
        concepts = resource.get(name, ())
        for concept in concepts if isinstance(concepts, list) else [concepts]:
            yield from (
                (coding.get("system"), coding.get("code")) for coding in concept.get("coding", ())
            )


def _date_test(kind: str, name: str, value: str) -> Test:
    wanted = []
    for item in value.split(","):
        prefix, date = (item[:2], item[2:]) if item[:2] in PREFIXES else ("eq", item)
        # A plus sign that was not percent-encoded arrives as a space.
        limits = span(date.replace(" ", "+"))
        if limits is None:
            raise BadSearch(
                f"`{name}` needs a date such as ge2026-01-31 with one of the prefixes "
                f"{', '.join(PREFIXES)}."
            )
        wanted.append((prefix, limits))

    def test(resource: dict[str, Any]) -> bool:
        found = _when(kind, resource)
        return found is not None and any(
            matches(prefix, limits, found) for prefix, limits in wanted
        )

    return test


def _when(kind: str, resource: dict[str, Any]) -> tuple[datetime, datetime] | None:
    value = resource.get(DATES[kind])
    if not isinstance(value, dict):
        return span(value) if value else None
    start, end = span(value.get("start", "")), span(value.get("end", ""))
    # A stay that has not ended reaches as far as anybody asks.
    return (start[0], end[1] if end else datetime.max.replace(tzinfo=UTC)) if start else None


def _sorted(kind: str, found: list[dict[str, Any]], order: str | None) -> list[dict[str, Any]]:
    if order is None:
        return found
    name = order.removeprefix("-")
    if name != "date" or kind not in DATES:
        raise BadSearch("`_sort` knows date and -date.")
    dated = [
        (when[0], index) for index, resource in enumerate(found) if (when := _when(kind, resource))
    ]
    known = {index for _, index in dated}
    ordered = [found[index] for _, index in sorted(dated, reverse=order.startswith("-"))]
    return ordered + [resource for index, resource in enumerate(found) if index not in known]


def _number(given: dict[str, str], name: str, usual: int) -> int:
    text = given.get(name, str(usual))
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise BadSearch(f"`{name}` needs a whole number of 0 or more.")
    return int(text)


def _url(base: str, kind: str, parameters: Parameters) -> str:
    return f"{base}/{kind}?{urlencode(parameters)}" if parameters else f"{base}/{kind}"
