"""The part "what if" of a session's page: a form, and what the models would say of its values.

Nothing is written but that it was asked. No value of the form is kept, in the audit neither: an
invented value beside a patient's id might one day be taken for one of the chart. The record names
the variables that were tried, at most once a minute while these stay the same, since a slider asks
many times a second. A request needs no token of the form (E5), as it changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from flask import Blueprint, request
from werkzeug.exceptions import RequestEntityTooLarge

from models.answerable import CORE, CORE_NEEDED
from models.assess import Assessment
from models.patient.news2 import YOUNGEST
from models.supposing.hypothetical import gives_way, hypothetical
from runtime.logs import keyed_hash
from smartapp.door import PART, Door, Opened
from smartapp.problems import Problem
from smartapp.sight import Sight
from smartapp.what_if.fields import Field, fields
from smartapp.what_if.result import Result, result
from smartapp.what_if.unknown import unknown
from smartapp.what_if.wishes import Wishes, wishes

# What the script asks for: the result alone, so that the form and its focus stay.
RESULT = "result"
AGAIN = timedelta(minutes=1)


class TooMuch(Problem):
    """The form is larger than any that this page sends."""

    status = 413
    recorded = False
    title = "The form is too large"
    lines = ("Nothing was tried. Load the page again.",)


class WhatIf:
    """The route of the part."""

    def __init__(self, door: Door):
        self._door = door
        # Of each session what was recorded last, and when.
        self._told: dict[str, tuple[frozenset[str], datetime]] = {}

    def add_to(self, blueprint: Blueprint) -> None:
        """Add the route."""
        rule = "/l/<handle>/what_if"
        blueprint.add_url_rule(rule, "what_if", self.part, methods=["GET", "POST"])

    def part(self, handle: str) -> str:
        """Show the form as the chart has it, or what its values would do."""
        opened = self._door.open(handle)
        sight = self._door.sight(opened)
        real = self._door.assess(sight, sight.seen)
        if not offered(real):
            return self._door.part(opened, sight, "what_if", real=real, offered=False)
        lead, rest = fields(real, self._door.models)
        wished = wishes(_form(), [*lead, *rest])
        found = self._result(sight, real, wished)
        values: dict[str, Any] = {"real": real, "wished": wished, "result": found}
        if request.headers.get(PART) == RESULT:
            page = self._door.render(opened, sight, "what_if/result", **values)
            self._record(opened, sight, wished)
            return page
        values |= {
            "lead": lead,
            "rest": rest,
            "offered": True,
            "needed": _needed(lead),
        }
        values["unknown"] = unknown(sight, real, self._door.models)
        return self._door.part(opened, sight, "what_if", {"tried": sorted(wished.values)}, **values)

    def _result(self, sight: Sight, real: Assessment, wished: Wishes) -> Result | None:
        if not wished.values:
            return None
        seen = sight.seen
        chart = hypothetical(seen.chart, seen.at, wished.values)
        tried = self._door.assess(sight, msgspec.structs.replace(seen, chart=chart))
        way = gives_way(seen.chart, seen.at, wished.values)
        return result(real, tried, wished.values, way)

    def _record(self, opened: Opened, sight: Sight, wished: Wishes) -> None:
        """Record which variables were tried, unless this was recorded less than a minute ago."""
        names, session = frozenset(wished.values), keyed_hash(opened.ticket.handle)
        self._told = {one: told for one, told in self._told.items() if opened.now - told[1] < AGAIN}
        if self._told.get(session, (None,))[0] == names:
            return
        at = sight.seen.at.isoformat()
        self._door.record(opened, route="what_if", view=sight.shown, at=at, tried=sorted(names))
        self._told[session] = names, opened.now


def offered(real: Assessment) -> bool:
    """Tell whether anything can be tried: neither NEWS2 nor a model speaks of a child, of the dead,
    or of somebody whose age is not known.
    """
    adult = real.age_years is not None and real.age_years >= YOUNGEST
    return adult and real.status != "deceased"


def _needed(lead: Sequence[Field]) -> int:
    """Return with how many vital signs more a number would be due; 0 where it is."""
    return max(CORE_NEEDED - len(CORE) + sum(field.core for field in lead), 0)


def _form() -> dict[str, str]:
    try:
        return request.form.to_dict()
    except RequestEntityTooLarge:
        raise TooMuch("form too large") from None
