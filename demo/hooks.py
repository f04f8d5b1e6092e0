"""The demonstration as a CDS client: opening a chart calls every patient-view service (CDS Hooks
2.0, R23-R60, R93-R103).
"""

import re
import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

from demo.config import DemoConfig
from demo.keys import Keys
from demo.patients.resources import CLINICIAN
from demo.records import Forbidden, Records
from demo.search import BadSearch
from demo.tokens import LIFETIMES, Grant, Tokens

TOKEN = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
USER = f"Practitioner/{CLINICIAN}"
# SMART 1 syntax, which every version of CDS Hooks up to 2.0 names (R60).
SCOPE = (
    "patient/Patient.read patient/Observation.read patient/Encounter.read patient/Condition.read"
)
JWT_SECONDS = 300
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

    def view(self, patient_id: str) -> list[Call]:
        """Call every patient-view service for a patient. Raises ServiceError when there is no
        service to call.
        """
        return [
            self._call(service, patient_id)
            for service in self.services()
            if service.get("hook") == "patient-view"
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
        status, answer, _ = self._send("POST", f"{call.url}/feedback", {"feedback": [item]})
        if not 200 <= status < 300:
            raise ServiceError(_reason("Feedback", status, answer))

    def _call(self, service: dict[str, Any], patient_id: str) -> Call:
        url = f"{self._config.vigil_url}/cds-services/{service['id']}"
        grant = Grant(patient=patient_id, client_id="vigil", scope=SCOPE)
        token = self._tokens.issue("hook", grant)
        body = self._body(service, patient_id, token)
        shown = body | {"fhirAuthorization": body["fhirAuthorization"] | {"access_token": REDACTED}}
        try:
            status, answer, milliseconds = self._send("POST", url, body)
        except ServiceError as error:
            return Call(patient_id, service, url, shown, error=str(error))
        finally:
            # The token ends with the call (R59).
            self._tokens.revoke(grant.family)
        good = status == 200 and isinstance(answer, dict) and isinstance(answer.get("cards"), list)
        fault = None if good else _reason("The service", status, answer)
        return Call(patient_id, service, url, shown, status, answer, milliseconds, fault)

    def _body(self, service: dict[str, Any], patient_id: str, token: str) -> dict[str, Any]:
        encounter = self._records.resource("Encounter", patient_id)["id"]
        context = {"userId": USER, "patientId": patient_id, "encounterId": encounter}
        authorization = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": int(LIFETIMES["hook"].total_seconds()),
            "scope": SCOPE,
            "subject": "vigil",
            "patient": patient_id,
        }
        body = {
            "hook": "patient-view",
            "hookInstance": str(uuid.uuid4()),
            "fhirServer": self._config.fhir_base,
            "fhirAuthorization": authorization,
            "context": context,
        }
        prefetch = self._prefetch(service.get("prefetch"), context)
        return body | ({"prefetch": prefetch} if prefetch else {})

    def _prefetch(
        self, templates: object, context: dict[str, str]
    ) -> dict[str, dict[str, Any] | None]:
        """Return for each template what the FHIR server would answer; a template that can't be
        resolved is left out (R45-R52).
        """
        found: dict[str, dict[str, Any] | None] = {}
        for key, template in templates.items() if isinstance(templates, dict) else ():
            query = resolve(template, context) if isinstance(template, str) else None
            if query is not None:
                try:
                    found[key] = self._records.query(query, context["patientId"])
                except (BadSearch, Forbidden):
                    continue
        return found

    def _send(
        self, method: str, url: str, body: dict[str, Any] | None = None
    ) -> tuple[int, Any, float]:
        """Return status, JSON and milliseconds. Raises ServiceError when there was no readable
        answer.
        """
        signed = {"Authorization": f"Bearer {self._signed(url)}", "Accept": "application/json"}
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

    def _signed(self, url: str) -> str:
        """Return the JWT of one call: this endpoint only, five minutes, a new jti (R101-R103)."""
        now = int(self._config.clock().timestamp())
        claims = {
            "iss": self._config.base_url,
            "aud": url,
            "iat": now,
            "exp": now + JWT_SECONDS,
            "jti": str(uuid.uuid4()),
        }
        return self._keys.sign("ES384", claims, jku=f"{self._config.base_url}/jwks.json")


def resolve(template: str, context: dict[str, str]) -> str | None:
    """Put context into a prefetch template; None when a token is not known here (R32-R34, R47)."""
    known = {f"context.{name}": value for name, value in context.items()} | {
        "userPractitionerId": USER.partition("/")[2]
    }
    if any(token not in known for token in TOKEN.findall(template)):
        return None
    return TOKEN.sub(lambda found: known[found[1]], template)


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
