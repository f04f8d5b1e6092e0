"""Turns numbers and times into the words that pages and plots show, one way for all of them."""

from datetime import datetime, tzinfo


def number(value: float) -> str:
    """Return a reading with the digits that matter: 128, 7.31, 0.04."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def clock(time: datetime, zone: tzinfo) -> str:
    """Return the clock time in a zone; in the hour that comes twice in autumn, the zone's name
    too.
    """
    local = time.astimezone(zone)
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return f"{local:%H:%M} {local.tzname()}" if twice else f"{local:%H:%M}"


def moment(time: datetime, zone: tzinfo) -> str:
    """Return day and clock time in a zone."""
    return f"{day(time, zone)} {clock(time, zone)}"


def day(time: datetime, zone: tzinfo) -> str:
    """Return the day in a zone."""
    local = time.astimezone(zone)
    return f"{local.day} {local:%b}"
