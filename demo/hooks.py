"""The demonstration as a CDS client: opening a chart, admitting and discharging call Vigil, as the
client that is played would (CDS Hooks 2.0, R23-R60, R93-R103).
"""

import re
import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import requests

from demo.config import DemoConfig
from demo.keys import Keys
from demo.playing import request as shaped
from demo.playing.clients import GENERIC, OPENING, Played
from demo.playing.users import DOCTOR, User
from demo.records import Forbidden, Records
from demo.search import BadSearch
from demo.tokens import LIFETIMES, Grant, Tokens

TOKEN = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
# SMART 1 syntax, which every version of CDS Hooks up to 2.0 names (R60); what a token allows here,
# whatever the client that is played calls it.
SCOPE = GENERIC.scope
CONNECT_SECONDS, READ_SECONDS = 1, 5
REDACTED = "(an access token, not shown)"


class ServiceError(Exception):
    """Vigil did not answer as agreed; the text is for the user."""


@dataclass(frozen=True, slots=True)
class Call:
    """One hook call as a developer wants to see it: what was sent, without its token, what came,
    and how long it took.
    """

    patient: str
    played: Played
    user: User
    at: datetime
    service: dict[str, Any]
    url: str
    request: dict[str, Any]
    status: int | None = None
    response: Any = None
    milliseconds: float = 0.0
    error: str | None = None

    @property
    def cards(self) -> list[Any]:
        """Return the cards of a good answer."""
        return self.response["cards"] if self.error is None and self.response else []


class HookClient:
    """Calls the services of one Vigil; services are discovered once, a failed discovery is tried
    again next time.
    """

    def __init__(self, config: DemoConfig, records: Records, tokens: Tokens, keys: Keys):
        self._config, self._records, self._tokens, self._keys = config, records, tokens, keys
        self._services: list[dict[str, Any]] = []

    def view(
        self,
        patient_id: str,
        played: Played = GENERIC,
        user: User = DOCTOR,
        event: str = OPENING,
    ) -> list[Call]:
        """Call every service of an event for a patient. Raises ServiceError when there is no
        service to call.
        """
        hook, calling = played.calling(event)
        return [
            self._call(service, patient_id, calling, user)
            for service in self.services()
            if service.get("hook") == hook
        ]

    def services(self) -> list[dict[str, Any]]:
        """Return the services that Vigil announces. Raises ServiceError."""
        if not self._services:
            url = f"{self._config.vigil_url}/cds-services"
            status, answer, _ = self._send("GET", url)
            found = answer.get("services") if status == 200 and isinstance(answer, dict) else None
            if not isinstance(found, list):
                raise ServiceError(_reason("Discovery", status, answer))
            self._services = [
                service
                for service in found
                if isinstance(service, dict) and isinstance(service.get("id"), str)
            ]
        return self._services

    def feedback(self, call: Call, item: dict[str, Any]) -> None:
        """Send one feedback item for a card of a call (R93-R97). Raises ServiceError."""
        body = {"feedback": [shaped.override(call.played, item)]}
        status, answer, _ = self._send("POST", f"{call.url}/feedback", body, call.played)
        if not 200 <= status < 300:
            raise ServiceError(_reason("Feedback", status, answer))

    def _call(self, service: dict[str, Any], patient_id: str, played: Played, user: User) -> Call:
        url = f"{self._config.vigil_url}/cds-services/{service['id']}"
        grant = Grant(patient=patient_id, client_id="vigil", scope=SCOPE)
        token = self._tokens.issue("hook", grant)
        body = self._body(service, patient_id, played, user, token)
        call = Call(patient_id, played, user, self._config.clock(), service, url, _redacted(body))
        try:
            status, answer, milliseconds = self._send("POST", url, body, played)
        except ServiceError as error:
            return replace(call, error=str(error))
        finally:
            # The token ends with the call (R59).
            self._tokens.revoke(grant.family)
        good = status == 200 and isinstance(answer, dict) and isinstance(answer.get("cards"), list)
        fault = None if good else _reason("The service", status, answer)
        return replace(call, status=status, response=answer, milliseconds=milliseconds, error=fault)

    def _body(
        self, service: dict[str, Any], patient_id: str, played: Played, user: User, token: str
    ) -> dict[str, Any]:
        context = {
            "userId": user.reference(patient_id, played),
            "patientId": patient_id,
        }
        if played.encounter:
            context["encounterId"] = self._records.resource("Encounter", patient_id)["id"]
        authorization = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": int(LIFETIMES["hook"].total_seconds()),
            "scope": played.scope,
            "subject": "vigil",
            "patient": patient_id,
        }
        prefetch = self._prefetch(service.get("prefetch"), context, played)
        return shaped.body(
            played, self._config.base_url, service["hook"], context, authorization, prefetch
        )

    def _prefetch(
        self, templates: object, context: dict[str, str], played: Played
    ) -> dict[str, dict[str, Any] | None]:
        """Return for each template what the FHIR server would answer; a template that can't be
        resolved is left out (R45-R52).
        """
        records = self._records.at(played.base(self._config.base_url))
        found: dict[str, dict[str, Any] | None] = {}
        for key, template in templates.items() if isinstance(templates, dict) else ():
            query = resolve(template, context) if isinstance(template, str) else None
            if query is not None:
                try:
                    found[key] = records.query(query, context["patientId"])
                except (BadSearch, Forbidden):
                    continue
        return found

    def _send(
        self,
        method: str,
        url: str,
        body: dict[str, Any] | None = None,
        played: Played = GENERIC,
    ) -> tuple[int, Any, float]:
        """Return status, JSON and milliseconds. Raises ServiceError when there was no readable
        answer.
        """
        signed = {
            "Authorization": f"Bearer {self._signed(url, played)}",
            "Accept": "application/json",
        }
        started = time.perf_counter()
        try:
            with requests.Session() as session:
                # Vigil is on this host: a proxy of the environment can't reach it, and a netrc
                # would replace our JWT.
                session.trust_env = False
                answer = session.request(
                    method,
                    url,
                    json=body,
                    headers=signed,
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                    allow_redirects=False,
                )
            milliseconds = 1000 * (time.perf_counter() - started)
            return answer.status_code, answer.json() if answer.content else None, milliseconds
        except requests.ConnectionError:
            raise ServiceError("Vigil can't be reached.") from None
        except requests.Timeout:
            raise ServiceError("Vigil did not answer in time.") from None
        except (requests.RequestException, ValueError, RecursionError):
            raise ServiceError("Vigil's answer can't be read.") from None

    def _signed(self, url: str, played: Played) -> str:
        """Return the JWT of one call, as this client signs it (R101-R103)."""
        home, now = self._config.base_url, int(self._config.clock().timestamp())
        claims = shaped.claims(played, home, url, now)
        return self._keys.sign(played.algorithm, claims, jku=f"{home}/jwks.json")


def resolve(template: str, context: dict[str, str]) -> str | None:
    """Put context into a prefetch template; None when a token is not known here (R32-R34, R47)."""
    kind, _, user = context.get("userId", "").partition("/")
    known = {f"context.{name}": value for name, value in context.items()}
    known |= {"userPractitionerId": user} if kind == "Practitioner" else {}
    if any(token not in known for token in TOKEN.findall(template)):
        return None
    return TOKEN.sub(lambda found: known[found[1]], template)


def _redacted(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request as a developer may see it: without its access token."""
    if "fhirAuthorization" not in body:
        return body
    return body | {"fhirAuthorization": body["fhirAuthorization"] | {"access_token": REDACTED}}


def feedback_item(
    card: str, now: datetime, reason: dict[str, Any] | None, comment: str
) -> dict[str, Any]:
    """Return an `overridden` item; without reason and comment it is a plain dismissal (R95,
    R96).
    """
    item: dict[str, Any] = {
        "card": card,
        "outcome": "overridden",
        "outcomeTimestamp": f"{now:%Y-%m-%dT%H:%M:%SZ}",
    }
    why = ({"reason": reason} if reason else {}) | ({"userComment": comment} if comment else {})
    return item | ({"overrideReason": why} if why else {})


def acceptance_item(card: str, now: datetime, suggestion: str) -> dict[str, Any]:
    """Return an `accepted` item that names the suggestion that was applied (R95)."""
    return {
        "card": card,
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": suggestion}],
        "outcomeTimestamp": f"{now:%Y-%m-%dT%H:%M:%SZ}",
    }


def _reason(what: str, status: int, answer: Any) -> str:
    """Return one sentence with the text of an OperationOutcome, if that is what came (R30)."""
    issues = (
        answer.get("issue")
        if isinstance(answer, dict) and answer.get("resourceType") == "OperationOutcome"
        else None
    )
    known = (
        [issue for issue in issues if isinstance(issue, dict)] if isinstance(issues, list) else []
    )
    texts = [str(issue.get("diagnostics") or issue.get("code")) for issue in known]
    if not texts and status == 200:
        return f"{what} answered 200, but not in the form that CDS Hooks defines."
    return f"{what} answered {status}{': ' + ' '.join(texts) if texts else '.'}"
