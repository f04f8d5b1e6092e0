"""The demonstration's pages: the patient list, a chart that calls Vigil when it is opened, the
app in a frame, feedback.
"""

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
from demo.patients.rounds import charted
from demo.playing import watching
from demo.playing.clients import EVENTS, GENERIC, OPENING, PLAYED, Played
from demo.playing.openings import Opening, Openings
from demo.playing.troubles import TROUBLES
from demo.playing.users import DOCTOR, USERS, User, named
from demo.records import Records, WrongOrder
from demo.sandbox import chart_url
from demo.tokens import Tokens
from demo.ward import Ward

LONGEST_COMMENT = 500


def create_blueprint(
    config: DemoConfig, records: Records, tokens: Tokens, hooks: HookClient
) -> Blueprint:
    """Return the pages at / and /chart."""
    blueprint = Blueprint("chart", __name__)
    pages = Pages(config, records, tokens, hooks)
    blueprint.add_url_rule("/", view_func=pages.patients)
    blueprint.add_url_rule("/levels", view_func=pages.patients, endpoint="levels")
    blueprint.add_url_rule("/levels", view_func=pages.ask, methods=["POST"])
    blueprint.add_url_rule("/chart/<patient_id>", view_func=pages.chart)
    blueprint.add_url_rule("/chart/<patient_id>/launch", view_func=pages.launch)
    for view_func in (pages.round, pages.feedback, pages.accept):
        rule = f"/chart/<patient_id>/{view_func.__name__}"
        blueprint.add_url_rule(rule, view_func=view_func, methods=["POST"])
    blueprint.add_url_rule("/chart/<patient_id>/developer", view_func=pages.developer)
    return blueprint


class Pages:
    """What the signed-in clinician sees and presses."""

    def __init__(self, config: DemoConfig, records: Records, tokens: Tokens, hooks: HookClient):
        self._config, self._records, self._tokens, self._hooks = config, records, tokens, hooks
        self._openings = Openings()
        self._ward = Ward(config, hooks, lambda: list(records.patients))

    def patients(self) -> str:
        """Show the list of patients."""
        today = self._config.clock().date()
        everybody = self._records.patients.values()
        rows = [
            (patient, person(self._records.resource("Patient", patient.id), today))
            for patient in everybody
        ]
        in_sandbox = partial(chart_url, self._config) if self._config.sandbox else None
        choice = _choice(*_chosen())
        return render_template(
            "patients.html", rows=rows, in_sandbox=in_sandbox, choice=choice, ward=self._ward
        )

    def ask(self) -> werkzeug.Response | str:
        """Have Vigil asked about every patient of the list; a script goes on from the list as it
        is, a browser without one comes back to it.
        """
        self._ward.begin()
        return self.patients() if "X-Requested-With" in request.headers else redirect("/", 303)

    def chart(self, patient_id: str) -> str:
        """Open a chart, which calls Vigil; with the name of an opening show that one again
        without a call.
        """
        if patient_id not in self._records.patients:
            abort(404)
        opening = self._openings.find(request.args.get("opening", ""), patient_id)
        if opening is None:
            event = request.args.get("event", OPENING)
            opening = self._open(patient_id, event=event if event in EVENTS else OPENING)
        patient, now = self._records.patients[patient_id], self._config.clock()
        times, rows = vitals.table(patient.resources, patient_id, now)
        log = self._config.audit_log
        return render_template(
            "chart.html",
            patient=patient,
            person=person(self._records.resource("Patient", patient_id), now.date()),
            times=times,
            rows=rows,
            opening=opening,
            choice=_choice(opening.played, opening.user),
            clients=PLAYED,
            users=USERS,
            troubles=TROUBLES,
            events=EVENTS if opening.played.encounter or opening.played.extension else {},
            orders=self._records.orders.get(patient_id, ()),
            estimates=[r for r in patient.resources if r["resourceType"] == "RiskAssessment"],
            vigil_origin=self._config.vigil_url,
            calls=[
                (call, self._views(call), watching.decision(log, call)) for call in opening.calls
            ],
            history=watching.history(log, self._openings.of(patient_id)),
        )

    def launch(self, patient_id: str) -> werkzeug.Response:
        """Begin an EHR launch: a new opaque id for patient, stay, appContext and user, and the
        browser goes to the app (SMART-4, R87).
        """
        if patient_id not in self._records.patients:
            abort(404)
        url, context, (played, user) = f"{self._config.vigil_url}/launch", None, _chosen()
        if "opening" in request.args:
            opening, call, card = _named(self._openings, patient_id)
            number = request.args.get("link", -1, int)
            link = smart_link(card, number, self._config.vigil_url) or abort(404)
            url, played, user = link["url"], opening.played, opening.user
            context = link.get("appContext") if played.app_context else None
        stay = self._records.resource("Encounter", patient_id)["id"]
        context = context if isinstance(context, str) else None
        asked = request.args.get("trouble", "")
        trouble = asked if asked in TROUBLES else None
        launch = Launch(patient_id, stay, context, user.resource(patient_id), trouble)
        query = {
            "launch": self._tokens.issue("launch", launch),
            "iss": played.base(self._config.base_url),
        }
        return redirect(f"{url}{'&' if '?' in url else '?'}{urlencode(query)}")

    def round(self, patient_id: str) -> werkzeug.Response:
        """Chart a further round of vital signs, the last ones again or worse, and open the chart
        anew.
        """
        patient = self._records.patients.get(patient_id) or abort(404)
        worse = request.form.get("round") == "worse"
        now = self._config.clock().replace(microsecond=0)
        self._records.chart(patient_id, charted(patient, now, worse))
        before = f"{'Worse vital signs' if worse else 'The same vital signs'} were charted."
        return self._again(self._open(patient_id, before))

    def feedback(self, patient_id: str) -> werkzeug.Response:
        """Tell Vigil that a card was dismissed, and why, and show the chart again."""
        opening, call, card = _named(self._openings, patient_id)
        shown = view(card, self._config.vigil_url, opening.played)
        if not shown or not shown["uuid"]:
            abort(404)
        reason = next(
            (_coding(r) for r in shown["reasons"] if r["code"] == request.form.get("reason")), None
        )
        comment = request.form.get("comment", "").strip()[:LONGEST_COMMENT]
        item = feedback_item(shown["uuid"], self._config.clock(), reason, comment)
        try:
            self._hooks.feedback(call, item)
            why = f" ({reason['display']})" if reason else ""
            opening.note = f"Dismissed{why}, and Vigil has been told."
            opening.dismissed.add(shown["uuid"])
        except ServiceError as error:
            opening.note = f"Vigil could not be told. {error}"
        return self._again(opening)

    def accept(self, patient_id: str) -> werkzeug.Response:
        """Carry out a suggestion: create its order, tell Vigil, and show the chart again."""
        opening, call, card = _named(self._openings, patient_id)
        shown = view(card, self._config.vigil_url, opening.played)
        number = request.form.get("suggestion", -1, int)
        name, orders = suggestion(card, number)
        if not shown or not orders:
            abort(404)
        applied = opening.applied.setdefault(shown["summary"], set())
        if number not in applied and not (applied and shown["one_only"]):
            try:
                self._records.order(patient_id, orders)
            except WrongOrder:
                abort(404)
            applied.add(number)
            opening.note = self._tell(call, shown["uuid"], name)
        return self._again(opening)

    def developer(self, patient_id: str) -> str:
        """Show what was sent, without its token, what came, and what Vigil recorded."""
        opening = self._openings.find(request.args.get("opening", ""), patient_id) or abort(404)
        shown = [watching.printed(self._config.audit_log, call) for call in opening.calls]
        return render_template(
            "developer.html", patient_id=patient_id, opening=opening, calls=shown
        )

    def _tell(self, call: Call, card: str | None, name: str | None) -> str:
        """Tell Vigil what was applied; without both uuids nothing can be told (R76)."""
        if not card or not name or not call.played.feedback:
            return "Ordered."
        try:
            self._hooks.feedback(call, acceptance_item(card, self._config.clock(), name))
        except ServiceError as error:
            return f"Ordered. Vigil could not be told. {error}"
        return "Ordered, and Vigil has been told."

    def _open(self, patient_id: str, before: str | None = None, event: str = OPENING) -> Opening:
        """Open a chart as the client and by the user that the request names."""
        (played, user), now = _chosen(), self._config.clock()
        calls, problem = [], None
        try:
            calls = self._hooks.view(patient_id, played, user, event)
        except ServiceError as error:
            problem = str(error)
        return self._openings.keep(
            Opening(
                patient=patient_id,
                played=played,
                user=user,
                at=now,
                calls=calls,
                problem=problem,
                before=before,
            )  # fmt: skip
        )

    def _again(self, opening: Opening) -> werkzeug.Response:
        shown = url_for(".chart", patient_id=opening.patient, opening=opening.name)
        return redirect(shown, 303)

    def _views(self, call: Call) -> list[dict[str, Any] | None]:
        return [view(card, self._config.vigil_url, call.played) for card in call.cards]


def _chosen() -> tuple[Played, User]:
    """Return the client to play and the user to be, as the request names them."""
    names = request.values
    return PLAYED.get(names.get("client", ""), GENERIC), named(names.get("user", ""))


def _choice(played: Played, user: User) -> dict[str, str]:
    """Return what the next page's address has to say for the same client and user; nothing for
    the usual ones.
    """
    found = {} if played is GENERIC else {"client": played.name}
    return found if user is DOCTOR else found | {"user": user.name}


def _named(openings: Openings, patient_id: str) -> tuple[Opening, Call, object]:
    """Return the opening, the call and the card that a button names; 404 for one that was not
    shown on this patient's chart.
    """
    opening = openings.find(request.values.get("opening", ""), patient_id) or abort(404)
    call, card = (request.values.get(name, -1, int) for name in ("call", "card"))
    if not 0 <= call < len(opening.calls) or not 0 <= card < len(opening.calls[call].cards):
        abort(404)
    return opening, opening.calls[call], opening.calls[call].cards[card]


def _coding(reason: dict[str, Any]) -> dict[str, Any]:
    return {name: reason[name] for name in ("code", "system", "display") if name in reason}
