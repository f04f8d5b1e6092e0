"""Turns a launch into the end of its `state` and back: the way out of a frame in which the browser
gives no cookie back (SMART-43).

Nothing else comes back from the EHR there, and nothing of a launch is kept on the server. What the
end says is no secret and is trusted as little as what anybody writes behind /launch.
"""

import base64
from urllib.parse import urlencode

import msgspec
from flask import Request

from runtime.settings import Settings
from smartapp.problems import Way

FRAMES = {"iframe", "frame", "embed", "object"}
# Longer ones go without: servers keep a state in places of limited size.
LONGEST_STATE = 600
WORDS = "Open Vigil in a window of its own"


def framed(request: Request) -> bool:
    """Tell whether a page is to be shown in a frame, so far as the browser says."""
    return request.headers.get("Sec-Fetch-Dest") in FRAMES


def marked(state: str, iss: str, launch: str | None) -> str:
    """Return a state with a launch at its end; without it where there is none, or it is long."""
    text = msgspec.json.encode([iss, launch])
    full = f"{state}.{base64.urlsafe_b64encode(text).decode().rstrip('=')}"
    return full if launch and len(full) <= LONGEST_STATE else state


def way_out(state: str, settings: Settings) -> tuple[Way, ...]:
    """Return the link that begins the launch of a state anew in another window; none where the
    state does not say, or names no EHR that is trusted.
    """
    try:
        text = base64.urlsafe_b64decode(f"{state.partition('.')[2]}==")
        iss, launch = msgspec.json.decode(text, type=tuple[str, str])
    except (ValueError, RecursionError):
        return ()
    if not settings.trusted(iss):
        return ()
    address = f"/launch?{urlencode({'iss': iss, 'launch': launch})}"
    return (Way(WORDS, address, apart=True),)
