"""Turns the Authorization header of a call into the trusted EHR that made it (R99-R110, promises
A1-A11).

Trust is configuration: issuer, key set, audience and FHIR bases come from the EHR's record, never
from the token or the body.
"""

import base64
import re
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from joserfc import jws
from joserfc.errors import JoseError

from cdshooks import strict_json
from cdshooks.used_tokens import UsedTokens
from ehr.keys import KeySets, algorithm
from runtime.logs import keyed_hash
from runtime.settings import Ehr, Settings
from runtime.web import BadRequest, Forbidden, TooManyRefusals, Unauthorized

LONGEST_TOKEN = 8192
LEEWAY = 60
# Epic signs its tokens for 15 minutes; the others follow the five minutes of the best-practices
# page.
LIFETIMES = {"generic": 300, "epic": 900, "oracle": 300}
COMPACT = re.compile(r"Bearer ([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.IGNORECASE)
JTI = re.compile(r"[\x20-\x7e]{8,256}")
FORBIDDEN_HEADERS = ("crit", "zip", "b64", "jwk", "x5u", "x5c")
MOST_REFUSALS = 60


class Refused(Unauthorized):
    """The caller is not let in; `reason` is for the log and the audit, the answer is always the
    same (A10, R110).
    """

    def __init__(self, reason: str):
        super().__init__("Authentication is required.", {"WWW-Authenticate": "Bearer"})
        self.reason = reason


class Caller(NamedTuple):
    """Who signed a call: the EHR records of that issuer and key set, and what the audit may know
    of the token.
    """

    ehrs: tuple[Ehr, ...]
    issuer: str
    kid: str
    jti: str


class Gate:
    """Checks callers of the services under one public URL."""

    def __init__(
        self, settings: Settings, keysets: KeySets, used: UsedTokens, clock: Callable[[], datetime]
    ):
        self.settings, self.keysets, self.used, self.clock = settings, keysets, used, clock
        self._issuers: dict[str, list[Ehr]] = {}
        for ehr in settings.ehr:
            if ehr.hook_issuer and _source(ehr, settings):
                self._issuers.setdefault(ehr.hook_issuer, []).append(ehr)
        self._any_open = any(ehr.hook_auth == "open" for ehr in settings.ehr)
        self._registries: dict[str, jws.JWSRegistry] = {}
        self._refusals, self._minute = Counter(), 0

    def caller(self, authorization: str | None, audience: str) -> Caller | None:
        """Return who signed the call to `audience`, the endpoint's public URL; None when no token
        came and one EHR needs none.

        Raises Refused for every token that is not wholly right.
        """
        if authorization is None:
            if not self._any_open:
                raise Refused("no token")
            return None
        token = COMPACT.fullmatch(authorization) if len(authorization) <= LONGEST_TOKEN else None
        if token is None:
            raise Refused("malformed")
        header, claims = _json(token[1]), _json(token[2])
        ehrs, kid = self._signer(authorization[7:], header, claims)
        now = int(self.clock().timestamp())
        _check_claims(claims, ehrs[0], audience, now)
        if not self.used.first_use(claims["iss"], claims["jti"], now, claims["exp"] + LEEWAY):
            raise Refused("replay")
        return Caller(ehrs, claims["iss"], kid, keyed_hash(claims["jti"]))

    def ehr(self, caller: Caller | None, fhir_server: str | None) -> Ehr:
        """Return the EHR a call belongs to: of its caller the one with this FHIR base, without a
        caller only an open one.

        Raises Refused, Forbidden for a foreign FHIR server, BadRequest when one is needed to tell
        which EHR it is.
        """
        named = self.settings.trusted(fhir_server) if fhir_server else None
        if caller is None:
            if named is None or named.hook_auth != "open":
                raise Refused("no token")
            return named
        if fhir_server is None:
            if len(caller.ehrs) > 1:
                raise BadRequest("`fhirServer` is required to tell which EHR calls.")
            return caller.ehrs[0]
        if named not in caller.ehrs:
            raise Forbidden("This caller may not name that `fhirServer`.")
        return named

    def count_refusal(self, address: str) -> None:
        """Count a refusal; raises TooManyRefusals beyond 60 a minute from one address (A11),
        never for a valid caller.
        """
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._refusals, self._minute = Counter(), minute
        self._refusals[address] += 1
        if self._refusals[address] > MOST_REFUSALS:
            raise TooManyRefusals(
                "Too many calls were refused; wait a minute.", {"Retry-After": "60"}
            )

    def _signer(self, token: str, header: dict, claims: dict) -> tuple[tuple[Ehr, ...], str]:
        issuer, kid = claims.get("iss"), header.get("kid")
        if not isinstance(issuer, str) or issuer not in self._issuers:
            raise Refused("issuer")
        if (
            not isinstance(kid, str)
            or not isinstance(header.get("alg"), str)
            or header.get("typ", "JWT") != "JWT"
        ):
            raise Refused("header")
        if any(name in header for name in FORBIDDEN_HEADERS):
            raise Refused("header")
        jku = header.get("jku")
        ehrs = [ehr for ehr in self._issuers[issuer] if jku is None or jku == ehr.hook_jwks_url]
        if not ehrs:
            raise Refused("jku")
        for source in dict.fromkeys(_source(ehr, self.settings) for ehr in ehrs):
            if self._signed(token, header["alg"], source, kid):
                return tuple(ehr for ehr in ehrs if _source(ehr, self.settings) == source), kid
        raise Refused("signature")

    def _signed(self, token: str, alg: str, source: str, kid: str) -> bool:
        key = self.keysets.find(source, kid)
        if key is None or algorithm(key) != alg:
            return False
        try:
            jws.deserialize_compact(token, key, registry=self._registry(alg))
        except (JoseError, ValueError, TypeError):
            return False
        return True

    def _registry(self, alg: str) -> jws.JWSRegistry:
        if alg not in self._registries:
            registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
            # Epic's jku alone may be longer than joserfc's 512 bytes.
            registry.max_header_length = LONGEST_TOKEN
            self._registries[alg] = registry
        return self._registries[alg]


def _source(ehr: Ehr, settings: Settings) -> str | None:
    return ehr.hook_jwks_url or (
        str(settings.path(ehr.hook_jwks_file)) if ehr.hook_jwks_file else None
    )


def _json(part: str) -> dict:
    try:
        value = strict_json.read(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        raise Refused("malformed") from None
    if not isinstance(value, dict):
        raise Refused("malformed")
    return value


def _check_claims(claims: dict, ehr: Ehr, audience: str, now: int) -> None:
    """Check A5 and A6 in full; the signature is already known to be right."""
    issued, expires, starts = (claims.get(name) for name in ("iat", "exp", "nbf"))
    # bool is an int in Python, and true is no time.
    if type(issued) is not int or type(expires) is not int or type(starts) not in (int, type(None)):
        raise Refused("claims")
    if not isinstance(claims.get("jti"), str) or not JTI.fullmatch(claims["jti"]):
        raise Refused("jti")
    if not issued < expires <= issued + (ehr.hook_token_seconds or LIFETIMES[ehr.profile]):
        raise Refused("lifetime")
    if (
        expires + LEEWAY <= now
        or issued - LEEWAY > now
        or (starts is not None and starts - LEEWAY > now)
    ):
        raise Refused("time")
    named = claims.get("aud")
    named = [named] if isinstance(named, str) else named
    if not isinstance(named, list) or not any(
        item in (audience, *ehr.hook_audience) for item in named
    ):
        raise Refused("audience")
