"""The demonstration's pages: the patient list, a chart that calls Vigil when it is opened, the app in a frame, feedback."""

import json
import secrets
from collections import OrderedDict
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for

from demo import vitals
from demo.authorization import Launch, person
from demo.cards import smart_link, view
from demo.config import DemoConfig
from demo.hooks import Call, HookClient, ServiceError, feedback_item
from demo.records import Records
from demo.tokens import Tokens

MOST_OPENINGS = 50
LONGEST_COMMENT = 500


class Openings:
    """The charts opened last, by unguessable name: the hook calls that a card's buttons refer to."""

    def __init__(self):
        self._calls: OrderedDict[str, tuple[str, list[Call]]] = OrderedDict()
        self.notes: dict[str, str] = {}

    def keep(self, patient_id: str, calls: list[Call]) -> str:
        """Keep the calls of one opening and return its name; the oldest is forgotten."""
        name = secrets.token_urlsafe(16)
        self._calls[name] = (patient_id, calls)
        while len(self._calls) > MOST_OPENINGS:
            self.notes.pop(self._calls.popitem(last=False)[0], None)
        return name

    def find(self, name: str, patient_id: str) -> list[Call] | None:
        """Return the calls of an opening, None when it is unknown or of another patient."""
        owner, calls = self._calls.get(name, (None, None))
        return calls if owner == patient_id else None


def create_blueprint(config: DemoConfig, records: Records, tokens: Tokens, hooks: HookClient) -> Blueprint:
    """Return the pages at / and /chart."""
    blueprint = Blueprint("chart", __name__)
    openings = Openings()

    @blueprint.get("/")
    def patients() -> str:
        today = config.clock().date()
        rows = [(patient, person(records.resource("Patient", patient.id), today)) for patient in records.patients.values()]
        return render_template("patients.html", rows=rows)

    @blueprint.get("/chart/<patient_id>")
    def chart(patient_id: str) -> str:
        patient = records.patients.get(patient_id) or abort(404)
        opening = request.args.get("opening", "")
        calls, problem = openings.find(opening, patient_id), None
        if calls is None:
            calls, problem = _open(hooks, patient_id)
            opening = openings.keep(patient_id, calls)
        now = config.clock()
        times, rows = vitals.table(patient.resources, patient_id, now)
        return render_template(
            "chart.html", patient=patient, person=person(records.resource("Patient", patient_id), now.date()), times=times, rows=rows,
            opening=opening, calls=[(call, [view(card, config.vigil_url) for card in call.cards]) for call in calls], problem=problem,
            done=openings.notes.get(opening),
        )  # fmt: skip

    @blueprint.get("/chart/<patient_id>/launch")
    def launch(patient_id: str) -> Response:
        context = None
        if patient_id not in records.patients:
            abort(404)
        url = f"{config.vigil_url}/launch"
        if "opening" in request.args:
            link = smart_link(_card(openings, patient_id), request.args.get("link", -1, int), config.vigil_url) or abort(404)
            url, context = link["url"], link.get("appContext")
        name = tokens.issue("launch", Launch(patient_id, records.resource("Encounter", patient_id)["id"], _text(context)))
        return redirect(f"{url}{'&' if '?' in url else '?'}{urlencode({'launch': name, 'iss': config.fhir_base})}")

    @blueprint.post("/chart/<patient_id>/feedback")
    def feedback(patient_id: str) -> Response:
        card, opening = _card(openings, patient_id), request.values.get("opening", "")
        shown = view(card, config.vigil_url)
        call = (openings.find(opening, patient_id) or [])[request.values.get("call", 0, int)]
        if not shown or not shown["uuid"]:
            abort(404)
        reason = next((_coding(r) for r in shown["reasons"] if r["code"] == request.form.get("reason")), None)
        comment = request.form.get("comment", "").strip()[:LONGEST_COMMENT]
        try:
            hooks.feedback(call, feedback_item(shown["uuid"], config.clock(), reason, comment))
            openings.notes[opening] = "Dismissed, and Vigil has been told."
        except ServiceError as error:
            openings.notes[opening] = f"Vigil could not be told. {error}"
        return redirect(url_for(".chart", patient_id=patient_id, opening=opening), 303)

    @blueprint.get("/chart/<patient_id>/developer")
    def developer(patient_id: str) -> str:
        calls = openings.find(request.args.get("opening", ""), patient_id)
        if calls is None:
            abort(404)
        shown = [(call, json.dumps(call.request, indent=2), json.dumps(call.response, indent=2)) for call in calls]
        return render_template("developer.html", patient_id=patient_id, opening=request.args["opening"], calls=shown)

    return blueprint


def _open(hooks: HookClient, patient_id: str) -> tuple[list[Call], str | None]:
    try:
        return hooks.view(patient_id), None
    except ServiceError as error:
        return [], str(error)


def _card(openings: Openings, patient_id: str) -> object:
    """Return the card that a button names; 404 for one that was not shown on this patient's chart."""
    calls = openings.find(request.values.get("opening", ""), patient_id) or []
    call, card = (request.values.get(name, -1, int) for name in ("call", "card"))
    if not 0 <= call < len(calls) or not 0 <= card < len(calls[call].cards):
        abort(404)
    return calls[call].cards[card]


def _coding(reason: dict) -> dict:
    return {name: reason[name] for name in ("code", "system", "display") if name in reason}


def _text(context: object) -> str | None:
    return context if isinstance(context, str) else None
