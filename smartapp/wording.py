"""Turns numbers and times into the words that pages and plots show, one way for all of them."""

from datetime import UTC, datetime

MINUS = "\N{MINUS SIGN}"


def signed(value: float, digits: int = 2) -> str:
    """Return a number with its sign, a true minus, and no sign for a rounded zero."""
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return text
    return ("+" if value > 0 else MINUS) + text


def number(value: float) -> str:
    """Return a reading with the digits that matter: 128, 7.31, 0.04."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def clock(time: datetime) -> str:
    """Return the clock time in UTC; the page's script turns it into the reader's zone."""
    return f"{time.astimezone(UTC):%H:%M}"


def moment(time: datetime) -> str:
    """Return day and clock time in UTC."""
    utc = time.astimezone(UTC)
    return f"{utc.day} {utc:%b %H:%M}"


def ago(hours: float | None) -> str:
    """Return an age in minutes, hours or days; empty when there is no time."""
    if hours is None:
        return ""
    if hours < 1:
        return f"{max(round(hours * 60), 0)} min"
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"
