"""Turns FHIR dates, whole or partial, into spans of time, and compares spans as search prefixes
do (FHIR R4 "Search", date).
"""

import calendar
import re
from datetime import UTC, datetime, timedelta

Span = tuple[datetime, datetime]
PREFIXES = ("eq", "ge", "le", "gt", "lt")
DATE = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<clock>\d\d:\d\d)(?P<second>:\d\d)?(?:\.\d{1,9})?(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?"
)


def span(text: str) -> Span | None:
    """Return the first moment of a FHIR date and the first moment after it, aware UTC; None when it
    is no date.

    A time without a zone is taken as UTC, the server's own zone, as FHIR asks a server to do.
    """
    found = DATE.fullmatch(text)
    if not found:
        return None
    try:
        return _clock_span(found) if found["clock"] else _day_span(found)
    except (ValueError, OverflowError):
        return None


def matches(prefix: str, wanted: Span, found: Span) -> bool:
    """Tell whether a resource's span meets a search value with one of the five prefixes."""
    if prefix == "eq":
        return wanted[0] <= found[0] and found[1] <= wanted[1]
    if prefix == "ge":
        return found[1] > wanted[0]
    if prefix == "gt":
        return found[1] > wanted[1]
    return found[0] < (wanted[1] if prefix == "le" else wanted[0])


def _clock_span(found: re.Match[str]) -> Span:
    zone = (found["zone"] or "Z").replace("Z", "+00:00")
    day = f"{found['year']}-{found['month']}-{found['day']}"
    start = datetime.fromisoformat(
        f"{day}T{found['clock']}{found['second'] or ':00'}{zone}"
    ).astimezone(UTC)
    return start, start + (timedelta(seconds=1) if found["second"] else timedelta(minutes=1))


def _day_span(found: re.Match[str]) -> Span:
    year, month, day = int(found["year"]), int(found["month"] or 1), int(found["day"] or 1)
    start = datetime(year, month, day, tzinfo=UTC)
    if found["day"]:
        return start, start + timedelta(days=1)
    days = (
        calendar.monthrange(year, month)[1]
        if found["month"]
        else 366
        if calendar.isleap(year)
        else 365
    )
    return start, start + timedelta(days=days)
