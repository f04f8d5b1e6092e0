"""Turns a FHIR base into the endpoints of its authorization server:
.well-known/smart-configuration (SMART-8..11).
"""

import time
from urllib.parse import urljoin, urlsplit

import msgspec

from ehr.http import Outgoing, OutgoingError
from models.reading import lenient
from runtime.settings import LOOPBACK, origin_of
from smartapp.problems import SignInFailed

FETCH_SECONDS = 6.0
LARGEST_DOCUMENT = 256 * 1024
FRESH_SECONDS = 1800
# Long enough that a flood of launches is not passed on to a server in trouble, short enough for a
# person who tries again.
FAILED_SECONDS = 15
SMART, OPENID = "smart-configuration", "openid-configuration"
NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
# Without the last one tokens are dropped, and not given back (SMART-36).
LOCATIONS = (*NEEDED, "revocation_endpoint")
# `issuer` is a name that is compared, not a place to be resolved.
TEXTS = (*LOCATIONS, "issuer")
LISTS = (
    "capabilities",
    "scopes_supported",
    "code_challenge_methods_supported",
    "token_endpoint_auth_methods_supported",
)
UNUSABLE = "has a configuration that can't be used"


class Endpoints(msgspec.Struct, frozen=True):
    """What we use of a smart-configuration or openid-configuration; all URLs but `issuer`
    absolute.
    """

    authorization_endpoint: str = ""
    token_endpoint: str = ""
    issuer: str | None = None
    jwks_uri: str | None = None
    revocation_endpoint: str | None = None
    capabilities: tuple[str, ...] = ()
    scopes_supported: tuple[str, ...] = ()
    code_challenge_methods_supported: tuple[str, ...] | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ()

    @property
    def openid(self) -> bool:
        """Tell whether the server offers to say who the user is."""
        return "sso-openid-connect" in self.capabilities or "openid" in self.scopes_supported

    @property
    def origin(self) -> str:
        """Return scheme, host and port of the authorization server."""
        return origin_of(self.token_endpoint)


class Discovery:
    """Reads and keeps configurations for half an hour, and failures for 15 s."""

    def __init__(self, http: Outgoing):
        self._http = http
        self._known: dict[str, tuple[float, Endpoints]] = {}
        self._failed: dict[str, tuple[float, SignInFailed]] = {}

    def endpoints(self, iss: str) -> Endpoints:
        """Return the endpoints of a FHIR base that is known to be trusted. Raises SignInFailed."""
        return self._read(iss, SMART)

    def openid(self, issuer: str) -> Endpoints:
        """Return an issuer's openid-configuration, which may name the keys where
        smart-configuration does not (SMART-33). Raises SignInFailed.
        """
        return self._read(issuer, OPENID)

    def _read(self, place: str, document: str) -> Endpoints:
        base = place.rstrip("/")
        url = f"{base}/.well-known/{document}"
        kept = self._known.get(url)
        if kept and time.monotonic() - kept[0] < FRESH_SECONDS:
            return kept[1]
        failed = self._failed.get(url)
        if failed and time.monotonic() - failed[0] < FAILED_SECONDS:
            raise SignInFailed(failed[1].reason, *failed[1].lines)
        try:
            found = self._read_now(url, base, document)
        except SignInFailed as error:
            self._failed[url] = (time.monotonic(), error)
            raise
        self._known[url] = (time.monotonic(), found)
        return found

    def _read_now(self, url: str, base: str, document: str) -> Endpoints:
        found = _endpoints(self._fetch(url, document), base, document)
        if document == SMART:
            _check(found)
        return found

    def _fetch(self, url: str, document: str) -> bytes:
        if not _secure(url):
            raise _failed(f"{document} not https", UNUSABLE)
        deadline = time.monotonic() + FETCH_SECONDS
        try:
            answer = self._http.get(url, {"Accept": "application/json"}, deadline, LARGEST_DOCUMENT)
        except OutgoingError as error:
            raise _failed(f"{document} {error}", "did not answer in time") from None
        if answer.status != 200:
            raise _failed(
                f"{document} status {answer.status}", "did not answer with its configuration"
            )
        return answer.body


def _check(found: Endpoints) -> None:
    for name in ("authorization_endpoint", "token_endpoint"):
        if not getattr(found, name):
            raise _failed(f"{SMART} without {name}", "names no sign-in endpoints")
    methods = found.code_challenge_methods_supported
    if methods is not None and "S256" not in methods:
        raise _failed(f"{SMART} without S256", "does not offer PKCE with S256")


def _endpoints(body: bytes, base: str, document: str) -> Endpoints:
    """Read a configuration, whatever its media type; a byte order mark is passed over (RFC 8259
    8.1), and a member that is null or of another type than the standard's is as absent.
    """
    try:
        members = lenient.loaded(body)
        if not isinstance(members, dict):
            raise ValueError("no object")
        texts = {name: members[name] for name in TEXTS if _is_text(members.get(name))}
        texts |= {name: _absolute(base, texts[name]) for name in LOCATIONS if name in texts}
        insecure = [name for name in LOCATIONS if name in texts and not _secure(texts[name])]
        refused = [name for name in insecure if name in NEEDED]
    except (ValueError, RecursionError):
        raise _failed(f"{document} unreadable", UNUSABLE) from None
    if refused:
        raise _failed(f"{document} {refused[0]} is no https URL", UNUSABLE)
    texts = {name: text for name, text in texts.items() if name not in insecure}
    lists = {name: members[name] for name in LISTS if isinstance(members.get(name), list)}
    named = {name: tuple(filter(_is_text, found)) for name, found in lists.items()}
    return msgspec.convert(texts | named, Endpoints)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _secure(url: str) -> bool:
    """Tell whether a URL has a host and a port that can be asked, by TLS unless it is this one."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    scheme = "https" if host not in LOOPBACK else parts.scheme
    return bool(host) and port != 0 and parts.scheme == scheme and scheme in {"http", "https"}


def _absolute(base: str, location: str) -> str:
    """Return a location resolved against the FHIR base; as it is where it is no URL."""
    try:
        return urljoin(f"{base}/", location)
    except ValueError:
        return location


def _failed(reason: str, fault: str) -> SignInFailed:
    return SignInFailed(
        reason,
        f"The EHR's sign-in server {fault}.",
        "Try again in a minute from the patient's chart; if it stays, tell your administrator.",
    )
