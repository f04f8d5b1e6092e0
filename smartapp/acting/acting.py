"""The part of the page by which its reader answers and acts, and what its buttons send."""

from typing import Any

import redis
from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from ehr.actions import reasons
from ehr.actions.quiet import Quiet
from ehr.writing.creating import NotCreated
from smartapp.acting import answers
from smartapp.acting.messaging import channel
from smartapp.acting.orders import drafts
from smartapp.acting.subject import OF, acted_on, moment, reader, subject
from smartapp.acting.writing import Writing
from smartapp.door import Door, Opened
from smartapp.problems import Strange
from smartapp.sight import Sight

LONGEST_PLACE = 200


class Acting:
    """The part `answer`; each act leads back to it, so that a reload does nothing again."""

    def __init__(self, door: Door, quiet: Quiet, store: redis.Redis):
        self._door, self._quiet = door, quiet
        self._writing = Writing(door, store)

    def add_to(self, blueprint: Blueprint) -> None:
        """Add the part, and an address for each act."""
        blueprint.add_url_rule("/l/<handle>/answer", "answer", self.part)
        for act in (self.say, self.hold, self.write, self.drafted):
            blueprint.add_url_rule(
                f"/l/<handle>/answer/{act.__name__}",
                f"answer_{act.__name__}",
                act,
                methods=["POST"],
            )

    def part(self, handle: str) -> str:
        """Show what can be done, and what was."""
        opened = self._door.open(handle)
        return self._shown(opened, self._door.sight(opened))

    def say(self, handle: str) -> BaseResponse:
        """Record whether the user agrees."""
        opened, sight = self._changing(handle)
        answers.keep(self._door, opened, sight, request.form)
        return self._back(handle)

    def hold(self, handle: str) -> BaseResponse | tuple[str, int]:
        """Hold back the next cards about the patient, or no longer."""
        opened, sight = self._changing(handle)
        who, code = reader(self._door, opened, sight), request.form.get("reason", "")
        if who is None:
            raise Strange("user of a form")

        def record(more: dict[str, Any]) -> None:
            own = {"assessment_id": subject(opened, sight), "at": moment(sight)}
            self._door.record(opened, "snooze", **own | more)

        try:
            if "end" in request.form:
                done = self._quiet.end(who, code, record)
            else:
                found = self._door.assess(sight, sight.seen)
                done = self._quiet.hold(who, code, found, record) is not None
        except KeyError:
            raise Strange("reason of a form") from None
        return self._back(handle) if done else (self._shown(opened, sight, not_held=True), 503)

    def write(self, handle: str) -> BaseResponse | tuple[str, int]:
        """Write a RiskAssessment."""
        opened, sight = self._changing(handle)
        fault = self._writing.write(opened, sight, self._door.assess(sight, sight.seen))
        return (self._shown(opened, sight, fault=fault), 502) if fault else self._back(handle)

    def drafted(self, handle: str) -> BaseResponse:
        """Record what became of an order that the page handed to the EHR's window."""
        opened, sight = self._changing(handle)
        told = {name: request.form.get(name, "")[:LONGEST_PLACE] for name in ("kind", "status")}
        place = request.form.get("place", "")[:LONGEST_PLACE] or None
        if told["kind"] not in opened.ehr.offers:
            raise Strange("order of a form")
        self._door.record(
            opened,
            "draft-order",
            assessment_id=subject(opened, sight),
            at=moment(sight),
            place=place,
            **told,
        )
        return self._back(handle)

    def _changing(self, handle: str) -> tuple[Opened, Sight]:
        opened = self._door.changing(handle)
        return opened, acted_on(self._door, opened)

    def _back(self, handle: str) -> BaseResponse:
        return redirect(url_for("smartapp.answer", handle=handle), 303)

    def _shown(
        self,
        opened: Opened,
        sight: Sight,
        fault: NotCreated | None = None,
        not_held: bool = False,
    ) -> str:
        found = self._door.assess(sight, sight.seen)
        who, talks = reader(self._door, opened, sight), channel(opened.session, opened.ehr)
        orders = drafts(found, opened.session, opened.ehr) if talks and talks.draft else ()
        return self._door.part(
            opened,
            sight,
            "answer",
            of=(OF, moment(sight)),
            said=answers.said(self._door, opened, sight),
            longest=answers.LONGEST_COMMENT,
            reasons=reasons.codings(suggests=bool(opened.ehr.offers)),
            who=who,
            offers=self._quiet.offers(who) if who else (),
            held=self._quiet.held(who, _newest(sight)) if who else (),
            not_held=not_held,
            orders=orders,
            written=self._writing.stands(opened, sight, found),
            fault=fault,
        )


def _newest(sight: Sight) -> Any:
    """Return the time of the newest value of the chart as it is now, None without one."""
    now = sight.now
    return max((one.time for one in now.chart.readings if one.time <= now.at), default=None)
