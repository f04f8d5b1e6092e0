"""Says what a session is, what the EHR granted it and until when, and closes it (SMART-18,
SMART-36).
"""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, make_response, render_template
from werkzeug.wrappers import Response as BaseResponse

from models.patient.coverage import LABELS
from smartapp.cookies import end_cookie
from smartapp.door import Door, Opened
from smartapp.launching.scopes import readable
from smartapp.session import IDLE_SECONDS


class Closing:
    """The part that tells of the session, and the button that ends it."""

    def __init__(self, door: Door):
        self._door = door

    def add_to(self, blueprint: Blueprint) -> None:
        """Add both routes."""
        blueprint.add_url_rule("/l/<handle>/session", "session", self.session)
        blueprint.add_url_rule("/l/<handle>/close", "close", self.close, methods=["POST"])

    def session(self, handle: str) -> str:
        """Show what the EHR granted, and until when."""
        opened = self._door.open(handle)
        return self._door.part(opened, self._door.sight(opened), "session", **_granted(opened))

    def close(self, handle: str) -> BaseResponse:
        """End the session at the user's wish, and have the EHR forget its tokens."""
        opened = self._door.changing(handle)
        self._door.record(opened, route="close")
        self._door.close(opened)
        answer = make_response(render_template("pages/closed.html"))
        end_cookie(answer, "session", handle)
        return answer


def _granted(opened: Opened) -> dict[str, Any]:
    session, may = opened.session, readable(opened.session.scope)
    return {
        "ehr": opened.ehr.id,
        "stay": session.encounter is not None,
        "known_user": session.user is not None,
        "reads": [(label, part in may) for part, label in LABELS.items()],
        "renewed": session.refresh_token is not None,
        "idle_minutes": IDLE_SECONDS // 60,
        "ends": datetime.fromtimestamp(session.ends, UTC),
    }
