"""The demonstration's pages: the patient list, a chart that calls Vigil when it is opened, the
app in a frame, feedback.
"""

import json
import secrets
from collections import OrderedDict
from functools import partial
from typing import Any
from urllib.parse import urlencode

import werkzeug
from flask import Blueprint, abort, redirect, render_template, request, url_for

from demo import vitals
from demo.authorization import Launch, person
from demo.cards import smart_link, suggestion, view
from demo.config import DemoConfig
from demo.hooks import Call, HookClient, ServiceError, acceptance_item, feedback_item
from demo.records import Records, WrongOrder
from demo.sandbox import chart_url
from demo.tokens import Tokens

MOST_OPENINGS = 50
LONGEST_COMMENT = 500


class Openings:
    """The charts opened last, by unguessable name: the hook calls that a card's buttons refer
    to.
    """

    def __init__(self) -> None:
        self._calls: OrderedDict[str, tuple[str, list[Call]]] = OrderedDict()
        self.notes: dict[str, str] = {}
        self.dismissed: dict[str, set[str]] = {}
        self.applied: dict[str, dict[str, set[int]]] = {}

    def keep(self, patient_id: str, calls: list[Call]) -> str:
        """Keep the calls of one opening and return its name; the oldest is forgotten."""
        name = secrets.token_urlsafe(16)
        self._calls[name] = (patient_id, calls)
        while len(self._calls) > MOST_OPENINGS:
            oldest, _ = self._calls.popitem(last=False)
            self.notes.pop(oldest, None)
            self.dismissed.pop(oldest, None)
            self.applied.pop(oldest, None)
        return name

    def find(self, name: str, patient_id: str) -> list[Call] | None:
        """Return the calls of an opening, None when it is unknown or of another patient."""
        owner, calls = self._calls.get(name, (None, None))
        return calls if owner == patient_id else None


def create_blueprint(
    config: DemoConfig, records: Records, tokens: Tokens, hooks: HookClient
) -> Blueprint:
    """Return the pages at / and /chart."""
    blueprint = Blueprint("chart", __name__)
    pages = Pages(config, records, tokens, hooks)
    blueprint.add_url_rule("/", view_func=pages.patients)
    blueprint.add_url_rule("/chart/<patient_id>", view_func=pages.chart)
    blueprint.add_url_rule("/chart/<patient_id>/launch", view_func=pages.launch)
    blueprint.add_url_rule(
        "/chart/<patient_id>/feedback", view_func=pages.feedback, methods=["POST"]
    )
    blueprint.add_url_rule("/chart/<patient_id>/accept", view_func=pages.accept, methods=["POST"])
    blueprint.add_url_rule("/chart/<patient_id>/developer", view_func=pages.developer)
    return blueprint


class Pages:
    """What the signed-in clinician sees and presses."""

    def __init__(self, config: DemoConfig, records: Records, tokens: Tokens, hooks: HookClient):
        self._config, self._records, self._tokens, self._hooks = config, records, tokens, hooks
        self._openings = Openings()

    def patients(self) -> str:
        """Show the list of patients."""
        today = self._config.clock().date()
        everybody = self._records.patients.values()
        rows = [
            (patient, person(self._records.resource("Patient", patient.id), today))
            for patient in everybody
        ]
        in_sandbox = partial(chart_url, self._config) if self._config.sandbox else None
        return render_template("patients.html", rows=rows, in_sandbox=in_sandbox)

    def chart(self, patient_id: str) -> str:
        """Open a chart, which calls Vigil; with the name of an opening show that one again
        without a call.
        """
        patient = self._records.patients.get(patient_id) or abort(404)
        opening, problem = request.args.get("opening", ""), None
        calls = self._openings.find(opening, patient_id)
        if calls is None:
            calls, problem = self._open(patient_id)
            opening = self._openings.keep(patient_id, calls)
        now = self._config.clock()
        times, rows = vitals.table(patient.resources, patient_id, now)
        return render_template(
            "chart.html",
            patient=patient,
            person=person(self._records.resource("Patient", patient_id), now.date()),
            times=times,
            rows=rows,
            opening=opening,
            problem=problem,
            done=self._openings.notes.get(opening),
            dismissed=self._openings.dismissed.get(opening, ()),
            applied=self._openings.applied.get(opening, {}),
            orders=self._records.orders.get(patient_id, ()),
            calls=[
                (call, [view(card, self._config.vigil_url) for card in call.cards])
                for call in calls
            ],
        )

    def launch(self, patient_id: str) -> werkzeug.Response:
        """Begin an EHR launch: a new opaque id for patient, stay and appContext, and the browser
        goes to the app (SMART-4, R87).
        """
        if patient_id not in self._records.patients:
            abort(404)
        url, context = f"{self._config.vigil_url}/launch", None
        if "opening" in request.args:
            link = smart_link(
                _named(self._openings, patient_id)[1],
                request.args.get("link", -1, int),
                self._config.vigil_url,
            ) or abort(404)
            url, context = link["url"], link.get("appContext")
        stay = self._records.resource("Encounter", patient_id)["id"]
        name = self._tokens.issue(
            "launch", Launch(patient_id, stay, context if isinstance(context, str) else None)
        )
        query = urlencode({"launch": name, "iss": self._config.fhir_base})
        return redirect(f"{url}{'&' if '?' in url else '?'}{query}")

    def feedback(self, patient_id: str) -> werkzeug.Response:
        """Tell Vigil that a card was dismissed, and why, and show the chart again."""
        call, card = _named(self._openings, patient_id)
        shown = view(card, self._config.vigil_url)
        if not shown or not shown["uuid"]:
            abort(404)
        opening = request.values["opening"]
        reason = next(
            (_coding(r) for r in shown["reasons"] if r["code"] == request.form.get("reason")), None
        )
        comment = request.form.get("comment", "").strip()[:LONGEST_COMMENT]
        try:
            self._hooks.feedback(
                call, feedback_item(shown["uuid"], self._config.clock(), reason, comment)
            )
            self._openings.notes[opening] = "Dismissed, and Vigil has been told."
            self._openings.dismissed.setdefault(opening, set()).add(shown["uuid"])
        except ServiceError as error:
            self._openings.notes[opening] = f"Vigil could not be told. {error}"
        return redirect(url_for(".chart", patient_id=patient_id, opening=opening), 303)

    def accept(self, patient_id: str) -> werkzeug.Response:
        """Carry out a suggestion: create its order, tell Vigil, and show the chart again."""
        call, card = _named(self._openings, patient_id)
        shown = view(card, self._config.vigil_url)
        number = request.form.get("suggestion", -1, int)
        name, orders = suggestion(card, number)
        if not shown or not orders:
            abort(404)
        opening = request.values["opening"]
        applied = self._openings.applied.setdefault(opening, {}).setdefault(shown["summary"], set())
        if number not in applied and not (applied and shown["one_only"]):
            try:
                self._records.order(patient_id, orders)
            except WrongOrder:
                abort(404)
            applied.add(number)
            self._openings.notes[opening] = self._tell(call, shown["uuid"], name)
        return redirect(url_for(".chart", patient_id=patient_id, opening=opening), 303)

    def _tell(self, call: Call, card: str | None, name: str | None) -> str:
        """Tell Vigil what was applied; without both uuids nothing can be told (R76)."""
        if not card or not name:
            return "Ordered."
        try:
            self._hooks.feedback(call, acceptance_item(card, self._config.clock(), name))
        except ServiceError as error:
            return f"Ordered. Vigil could not be told. {error}"
        return "Ordered, and Vigil has been told."

    def developer(self, patient_id: str) -> str:
        """Show what was sent, without its token, and what came."""
        opening = request.args.get("opening", "")
        calls = self._openings.find(opening, patient_id)
        if calls is None:
            abort(404)
        shown = [
            (call, json.dumps(call.request, indent=2), json.dumps(call.response, indent=2))
            for call in calls
        ]
        return render_template(
            "developer.html", patient_id=patient_id, opening=opening, calls=shown
        )

    def _open(self, patient_id: str) -> tuple[list[Call], str | None]:
        try:
            return self._hooks.view(patient_id), None
        except ServiceError as error:
            return [], str(error)


def _named(openings: Openings, patient_id: str) -> tuple[Call, object]:
    """Return the call and the card that a button names; 404 for one that was not shown on this
    patient's chart.
    """
    calls = openings.find(request.values.get("opening", ""), patient_id) or []
    call, card = (request.values.get(name, -1, int) for name in ("call", "card"))
    if not 0 <= call < len(calls) or not 0 <= card < len(calls[call].cards):
        abort(404)
    return calls[call], calls[call].cards[card]


def _coding(reason: dict[str, Any]) -> dict[str, Any]:
    return {name: reason[name] for name in ("code", "system", "display") if name in reason}
