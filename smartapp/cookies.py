"""Gives each launch and each session a cookie of its own in the browser, and takes the oldest away
before there are too many (SMART-42, E5, E6).
"""

import hashlib
from datetime import datetime

from flask import Request
from werkzeug.wrappers import Response as BaseResponse

# Names and values of one kind together, of the 8 kB that servers take as one header: some eight
# launches, some twenty sessions.
MOST_BYTES = {"launch": 4096, "session": 2048}


def cookie_name(kind: str, name: str) -> str:
    """Return the name of the cookie of one launch or one session."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{_prefix(kind)}{digest[:16]}"


def cookie_value(request: Request, kind: str, name: str) -> str:
    """Return what the browser holds for this launch or session; empty when it sent nothing."""
    return request.cookies.get(cookie_name(kind, name), "").partition(".")[2]


def set_cookie(
    response: BaseResponse, kind: str, name: str, value: str, seconds: int, now: datetime
) -> None:
    """Set a cookie that works in another site's iframe and nowhere but here; `now` goes before
    its value, so that its age can be seen.
    """
    _set(response, cookie_name(kind, name), f"{int(now.timestamp())}.{value}", seconds)


def end_cookie(response: BaseResponse, kind: str, name: str) -> None:
    """Have the browser forget a cookie."""
    _set(response, cookie_name(kind, name), "", 0)


def end_oldest(response: BaseResponse, request: Request, kind: str) -> None:
    """Have the browser forget the oldest cookies of a kind, so that the newest fit into a header
    with one more.
    """
    held = [(_time(value), name, value) for name, value in request.cookies.items()]
    room = MOST_BYTES[kind]
    for _, name, value in sorted(held, reverse=True):
        if not name.startswith(_prefix(kind)):
            continue
        room -= len(name) + len(value)
        if room < 0:
            _set(response, name, "", 0)


def _set(response: BaseResponse, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/",
        secure=True,
        httponly=True,
        samesite="None",
        partitioned=True,
    )


def _prefix(kind: str) -> str:
    return f"__Host-vigil-{kind}-"


def _time(value: str) -> int:
    time = value.partition(".")[0]
    return int(time) if time.isascii() and time.isdigit() and len(time) < 12 else 0
