"""Turns the addresses of the lists into pages: the charts that this user had assessed, a unit's,
and the EHR's own lists, each with its patients in the record (`/l/<handle>/charts`).
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from runtime.audit.people import relative
from smartapp.door import Door, Opened
from smartapp.patients.arms import hidden
from smartapp.patients.assessed import Assessed, own, read
from smartapp.patients.ehr_lists import MOST_LISTS, EhrList, Unlisted, lists, members, offered
from smartapp.patients.people import names_of
from smartapp.patients.rounds import Progress, Rounds
from smartapp.patients.rows import HOURS, Row, outcomes, rows
from smartapp.problems import Strange
from smartapp.record import Person
from smartapp.sight import Sight

MOST_ROWS, MOST_NAMES = 500, 100
BUSY = "other lists are being assessed; try again in a minute"
ONE = "a list is being assessed already; stop it first"
BEGUN = "a list is being begun already; look again in a moment"
UNIT, LISTS, BEGINNING = "unit", "lists", "beginning"
AGO = timedelta(hours=HOURS)


class NotNow(Unlisted):
    """A list can't be begun at the moment; the EHR has no part in it."""


class Charts:
    """The lists of a session."""

    def __init__(self, door: Door):
        self._door, self._rounds = door, Rounds(door)
        self._words = outcomes(door.models)

    def add_to(self, blueprint: Blueprint) -> None:
        """Give a blueprint the address of the lists, and that which begins one or stops it."""
        blueprint.add_url_rule("/l/<handle>/charts", "charts", self.show)
        blueprint.add_url_rule("/l/<handle>/charts", "assess_list", self.change, methods=["POST"])

    def show(self, handle: str) -> str:
        """Show one list: `of` is empty for one's own, "unit", "lists" for what the EHR offers, or
        the number of one of these.
        """
        opened = self._door.open(handle)
        sight, of = self._door.sight(opened), request.args.get("of", "")
        if of == UNIT and self._may_see_unit(opened):
            values = self._unit(opened, sight)
        elif of == LISTS and offered(opened.session):
            values = self._offered(opened)
        elif _number(of) and offered(opened.session):
            values = self._of_list(opened, sight, _number(of))
        else:
            values = self._own(opened, sight)
        return self._page(opened, sight, values)

    def change(self, handle: str) -> BaseResponse | str:
        """Begin to assess the list whose number the form has, or stop."""
        opened = self._door.changing(handle)
        of = request.form.get("list", "")
        if request.form.get("what") == "stop":
            self._rounds.stop(opened)
        else:
            try:
                self._begin(opened, of)
            except Unlisted as why:
                failed = {"failed": str(why), "later": isinstance(why, NotNow)}
                values = self._offered(opened) | failed
                return self._page(opened, self._door.sight(opened), values)
        return redirect(url_for("smartapp.charts", handle=handle, of=of), 303)

    def _own(self, opened: Opened, sight: Sight) -> dict[str, Any]:
        session, since = opened.session, opened.now - AGO
        names = (session.fhir_user, session.user)
        found = own(self._door.audit, opened.ehr, names, since)
        whole = self._door.audit.whole_since()
        return self._rows(opened, sight, found) | {
            "of": "own",
            "nobody": not any(names),
            "since": None if whole and whole <= since else whole or opened.now,
        }

    def _unit(self, opened: Opened, sight: Sight) -> dict[str, Any]:
        """Return what all users had assessed in the unit of the session's patient."""
        audit, ehr, since = self._door.audit, opened.ehr, opened.now - AGO
        stays = read(audit.of_patient(ehr.id, opened.session.patient, since, "hook"))
        unit = next((one.unit for one in stays if one.unit), None)
        found = read(audit.of_unit(ehr.id, unit, since, "hook")) if unit else iter(())
        return self._rows(opened, sight, found) | {"of": UNIT, "unit": unit}

    def _offered(self, opened: Opened) -> dict[str, Any]:
        try:
            found = self._door.reading(
                opened,
                lambda session: lists(session, opened.ehr, self._door.fhir, self._door.declared),
            )
        except Unlisted as why:
            return {"of": LISTS, "lists": [], "more": "", "failed": str(why), "later": False}
        content = msgspec.json.encode(found.lists)
        self._door.sessions.show(opened.ticket, opened.session, content, opened.now, "lists")
        return {
            "of": LISTS,
            "lists": found.lists,
            "more": found.more,
            "failed": None,
            "later": False,
        }

    def _of_list(self, opened: Opened, sight: Sight, number: int) -> dict[str, Any]:
        """Return how far a list is; nothing is begun by looking."""
        progress = self._rounds.progress(opened)
        if progress is None or progress.number != number:
            return self._offered(opened)
        return self._progress(opened, sight, progress)

    def _progress(self, opened: Opened, sight: Sight, progress: Progress) -> dict[str, Any]:
        done = progress.done
        people = {one.patient: one.person for one in done if one.person}
        found = (one.assessed for one in done if one.assessed)
        return self._rows(opened, sight, found, people) | {
            "of": "list",
            "progress": progress,
            "failures": [(one.patient, one.why) for one in done if one.why],
        }

    def _begin(self, opened: Opened, of: str) -> None:
        """Begin with a list that was offered, once for a button that is pressed twice. Raises
        Strange, Unlisted.
        """
        turn = self._door.sessions.take_turn(opened.ticket, BEGINNING)
        if turn is None:
            raise NotNow(BEGUN)
        try:
            self._begin_alone(opened, of)
        finally:
            self._door.sessions.end_turn(opened.ticket, turn, BEGINNING)

    def _begin_alone(self, opened: Opened, of: str) -> None:
        content = self._door.sessions.shown(opened.ticket, "lists")
        try:
            known = msgspec.json.decode(content or b"[]", type=list[EhrList])
        except ValueError:
            raise Strange("lists of another version") from None
        number = _number(of)
        if not offered(opened.session) or not 0 < number <= len(known):
            raise Strange("number of a list")
        running = self._rounds.progress(opened)
        if running and running.going:
            if running.number == number:
                return
            raise NotNow(ONE)
        chosen = known[number - 1]
        found = self._door.reading(
            opened, lambda session: members(session, chosen, self._door.fhir)
        )
        now = opened.now
        progress = Progress(
            number=number,
            name=chosen.name,
            total=found.total,
            wanted=len(found.patients),
            unknown=found.unknown,
            at=now,
            written=now,
        )
        if not self._rounds.begin(opened, found.patients, progress):
            raise NotNow(BUSY)

    def _rows(
        self,
        opened: Opened,
        sight: Sight,
        found: Iterable[Assessed],
        people: dict[str, Person] | None = None,
    ) -> dict[str, Any]:
        made = rows(found, opened.now, self._words, partial(self._hidden, opened))
        shown, session = made[:MOST_ROWS], opened.session
        if people is None:
            others = [row.patient for row in shown if row.patient != session.patient]
            people = self._door.reading(
                opened, lambda session: names_of(session, others[:MOST_NAMES], self._door.fhir)
            )
            people[session.patient] = sight.person
        named = [replace(row, person=people.get(row.patient)) for row in shown]
        return {"rows": named, "more": len(made) - len(named)}

    def _hidden(self, opened: Opened, one: Assessed) -> bool:
        return hidden(one, opened.ehr, opened.now, self._door.trial)

    def _may_see_unit(self, opened: Opened) -> bool:
        """Tell whether the EHR's record names this user; off by default."""
        ehr, session = opened.ehr, opened.session
        named = {relative(one, ehr) for one in ehr.unit_list_for}
        mine = (session.fhir_user, session.user)
        return any(one and relative(one, ehr) in named for one in mine)

    def _page(self, opened: Opened, sight: Sight, values: dict[str, Any]) -> str:
        listed: list[Row] = values.get("rows", [])
        page = self._door.render(
            opened,
            sight,
            "charts",
            "pages/charts.html",
            hours=HOURS,
            offers=offered(opened.session),
            may_see_unit=self._may_see_unit(opened),
            standalone="launch/patient" in opened.session.scope.split(),
            iss=opened.session.iss,
            patient=opened.session.patient,
            now=opened.now,
            **values,
        )
        self._door.record(
            opened, route="charts", of=values["of"], patients=[row.patient for row in listed]
        )
        return page


def _number(of: str) -> int:
    """Return the number of a list, from 1; 0 for what is none."""
    return int(of) if of.isdecimal() and len(of) <= len(str(MOST_LISTS)) else 0
