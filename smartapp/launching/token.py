"""Asks a token endpoint: a code or a refresh token into a token response, and a token back;
tolerant reading (SMART-26..36).
"""

import math
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import requests
from authlib.integrations.requests_client import OAuth2Session

from ehr.http import Outgoing
from models.reading import lenient
from smartapp.launching.client import Client
from smartapp.launching.connection import Refused, bind
from smartapp.launching.discovery import Endpoints
from smartapp.launching.oauth_error import advice, said, word
from smartapp.problems import GrantEnded, SignInFailed

UNKNOWN_SECONDS = 300.0
# A refresh token may be a JWT with the launch's context in it.
LONGEST_MEMBER = 16 * 1024
SLOW = (
    "The EHR's sign-in server could not be reached, or did not answer in time.",
    "Try again in a minute from the patient's chart; if it stays, tell your administrator.",
)
# Who closes a page does not wait for the EHR any longer.
REVOKE_SECONDS = 4.0
ENDED = "invalid_grant"
# Of two of these nobody knows which is meant.
DECISIVE = {"patient", "encounter", "access_token", "id_token", "refresh_token"}


class _Session(OAuth2Session):
    """Authlib's client that hands the answer on: its own reading turns `expires_in` "3600.0" and
    `error` null into failures, and loses the status.
    """

    def parse_response_token(self, resp: requests.Response) -> requests.Response:
        return resp


def redeem(
    http: Outgoing,
    client: Client,
    endpoints: Endpoints,
    code: str,
    code_verifier: str,
    redirect_uri: str,
) -> dict[str, Any]:
    """Return the token response of one code, without its null members; it is asked for once,
    without a retry. Raises SignInFailed, GrantEnded where the code is not taken.
    """
    form = {"code": code, "code_verifier": code_verifier, "redirect_uri": redirect_uri}
    return _token(http, client, endpoints, "authorization_code", form)


def refresh(
    http: Outgoing, client: Client, endpoints: Endpoints, refresh_token: str
) -> dict[str, Any]:
    """Return the token response of a refresh token, with the errors of `redeem`; of the scope
    nothing is said, so it stays what was granted (SMART-35).
    """
    form = {"refresh_token": refresh_token}
    return _token(http, client, endpoints, "refresh_token", form)


def revoke(http: Outgoing, client: Client, url: str, token: str, kind: str) -> None:
    """Give a token back, of the `kind` access_token or refresh_token (RFC 7009). Raises
    SignInFailed where nothing came that says so.
    """

    def ask(session: _Session) -> requests.Response:
        given: requests.Response = session.revoke_token(  # type: ignore[no-untyped-call]
            url, token, token_type_hint=kind, body=urlencode(client.form)
        )
        return given

    answer = _asked(http, client, url, ask, REVOKE_SECONDS)
    if not answer.ok:
        raise SignInFailed(f"revocation status {answer.status_code}")


def _token(
    http: Outgoing, client: Client, endpoints: Endpoints, grant_type: str, form: dict[str, str]
) -> dict[str, Any]:
    url = endpoints.token_endpoint

    def ask(session: _Session) -> requests.Response:
        answer: requests.Response = session.fetch_token(
            url, grant_type=grant_type, **form, **client.form
        )
        return answer

    return _checked(_asked(http, client, url, ask), endpoints)


def _asked(
    http: Outgoing,
    client: Client,
    url: str,
    ask: Callable[[_Session], requests.Response],
    seconds: float | None = None,
) -> requests.Response:
    """Ask this one address within the limits of `connection`. Raises SignInFailed."""
    method = client.authenticate or "none"
    session = _Session(
        client.id, token_endpoint_auth_method=method, revocation_endpoint_auth_method=method
    )
    try:
        # requests writes the host in small letters.
        address = requests.Request("POST", url).prepare().url
        bind(session, http, lambda asked: asked == address, seconds)
        with session:
            return ask(session)
    except Refused as error:
        raise SignInFailed(f"token request failed: {error}", *SLOW) from None
    except (requests.RequestException, ValueError, TypeError) as error:
        raise SignInFailed(f"token request failed: {type(error).__name__}", *SLOW) from None


def _checked(response: requests.Response, endpoints: Endpoints) -> dict[str, Any]:
    """Return a token response (RFC 6749 5.1), whatever its media type and with a byte order mark
    or none; raises SignInFailed.
    """
    try:
        found = lenient.loaded(response.content)
        answer = {name: value for name, value in found.items() if value is not None}
    except (ValueError, AttributeError, RecursionError):
        raise SignInFailed(f"token answer unreadable, status {response.status_code}") from None
    if isinstance(found, lenient.Twice) and (twice := sorted(found.names & DECISIVE)):
        raise SignInFailed(f"token answer with {twice[0]} twice")
    if "error" in answer:
        named, detail = word(answer), said(answer, endpoints)
        refused = GrantEnded if named == ENDED else SignInFailed
        raise refused(f"token error {named}", *advice(named), detail=detail)
    if not response.ok:
        raise SignInFailed(f"token status {response.status_code}")
    token, kind = answer.get("access_token"), answer.get("token_type")
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise SignInFailed("token response without access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise SignInFailed("token_type is not bearer")
    return answer


def lifetime(answer: dict[str, Any]) -> float:
    """Return how many seconds a token lives; a missing or odd `expires_in` counts as five
    minutes.
    """
    given = answer.get("expires_in")
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return UNKNOWN_SECONDS
    try:
        seconds = float(given)
    except (ValueError, OverflowError):
        return UNKNOWN_SECONDS
    return max(seconds, 1.0) if math.isfinite(seconds) else UNKNOWN_SECONDS


def member(answer: dict[str, Any], name: str) -> str | None:
    """Return a member that is text of a bearable length, or None."""
    value = answer.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_MEMBER else None


def scope_of(answer: dict[str, Any], before: str) -> str:
    """Return what was granted; a scope that is left out or empty is the one of before (RFC 6749
    5.1 and 6).
    """
    scope = answer.get("scope")
    return scope if isinstance(scope, str) and scope.strip() else before
