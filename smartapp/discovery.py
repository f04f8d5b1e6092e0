"""Turns a FHIR base into the endpoints of its authorization server:
.well-known/smart-configuration (SMART-8..11).
"""

import time
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import msgspec

from ehr.http import Outgoing, OutgoingError
from runtime.settings import LOOPBACK
from smartapp.problems import SignInFailed

FETCH_SECONDS = 6.0
LARGEST_DOCUMENT = 256 * 1024
FRESH_SECONDS = 1800


class Endpoints(msgspec.Struct, frozen=True):
    """What we use of a smart-configuration or openid-configuration; all URLs absolute."""

    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    issuer: str | None = None
    jwks_uri: str | None = None
    capabilities: tuple[str, ...] = ()
    scopes_supported: tuple[str, ...] = ()
    code_challenge_methods_supported: tuple[str, ...] | None = None

    @property
    def openid(self) -> bool:
        """Tell whether the server offers to say who the user is."""
        return "sso-openid-connect" in self.capabilities or "openid" in self.scopes_supported


class Discovery:
    """Reads and keeps configurations for half an hour; a failure is not kept."""

    def __init__(self, http: Outgoing):
        self._http = http
        self._known: dict[str, tuple[float, Endpoints]] = {}

    def endpoints(self, iss: str) -> Endpoints:
        """Return the endpoints of a FHIR base that is known to be trusted. Raises SignInFailed."""
        base = iss.rstrip("/")
        return self._read(f"{base}/.well-known/smart-configuration", base, _usable)

    def openid(self, issuer: str) -> Endpoints:
        """Return an issuer's openid-configuration, which may name the keys where
        smart-configuration does not (SMART-33).
        """
        return self._read(
            f"{issuer.rstrip('/')}/.well-known/openid-configuration", issuer, lambda found: None
        )

    def _read(self, url: str, base: str, check: Callable[[Endpoints], None]) -> Endpoints:
        kept = self._known.get(url)
        if kept and time.monotonic() - kept[0] < FRESH_SECONDS:
            return kept[1]
        try:
            answer = self._http.get(
                url,
                {"Accept": "application/json"},
                time.monotonic() + FETCH_SECONDS,
                LARGEST_DOCUMENT,
            )
            if answer.status != 200:
                raise SignInFailed(
                    f"discovery status {answer.status}",
                    *_words("did not answer with its configuration"),
                )
            found = _absolute(msgspec.json.decode(answer.body, type=Endpoints), base)
        except OutgoingError as error:
            raise SignInFailed(f"discovery {error}", *_words("did not answer in time")) from None
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
            raise SignInFailed(
                "discovery unreadable", *_words("has a configuration that can't be used")
            ) from None
        check(found)
        self._known[url] = (time.monotonic(), found)
        return found


def _usable(found: Endpoints) -> None:
    if not found.authorization_endpoint or not found.token_endpoint:
        raise SignInFailed(
            "smart-configuration lacks endpoints", *_words("names no sign-in endpoints")
        )
    methods = found.code_challenge_methods_supported
    if methods is not None and "S256" not in methods:
        raise SignInFailed(
            "smart-configuration lacks S256", *_words("does not offer PKCE with S256")
        )


def _absolute(found: Endpoints, base: str) -> Endpoints:
    """Resolve relative URLs against the base and refuse what is not https; raises ValueError."""
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    urls = {
        name: urljoin(base.rstrip("/") + "/", value)
        for name in names
        if (value := getattr(found, name))
    }
    for url in urls.values():
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise ValueError("not https")
    return msgspec.structs.replace(found, **urls)


def _words(fault: str) -> tuple[str, str]:
    return (
        f"The EHR's sign-in server {fault}.",
        "Try again in a minute from the patient's chart; if it stays, tell your administrator.",
    )
