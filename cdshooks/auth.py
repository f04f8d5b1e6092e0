"""Turns the Authorization header of a call into the trusted EHR that made it (R99-R110, promises
A1-A10).

Trust is configuration: issuer, key set, audience, tenants and FHIR bases come from the EHR's
record. Of token and body nothing is taken but what equals a configured value.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from cdshooks import claims
from cdshooks.used_tokens import UsedTokens
from ehr import jws
from ehr.jws import Token, TokenRefused
from ehr.keys import KeySets
from runtime.logs import keyed_hash
from runtime.settings import Ehr, Settings
from runtime.web import BadRequest, Forbidden, Unauthorized


class Refused(Unauthorized):
    """The caller is not let in; the answer is always the same (A10, R110).

    `reason`, a word of ehr.refusals, is for log and audit, and so are the records that may have
    been meant and the token that came, if they are known.
    """

    def __init__(self, reason: str, ehrs: Iterable[Ehr] = (), token: Token | None = None):
        super().__init__("Authentication is required.", {"WWW-Authenticate": "Bearer"})
        self.reason, self.ehrs, self.token = reason, tuple(ehrs), token


class ForeignServer(Forbidden):
    """The caller names a FHIR server that is not of its records (C1)."""

    reason = "fhirServer"

    def __init__(self, ehrs: Iterable[Ehr]):
        super().__init__("This caller may not name that `fhirServer`.")
        self.ehrs = tuple(ehrs)


class Caller(NamedTuple):
    """Who calls, as far as the header tells, and what the audit may know of the token.

    `ehrs` are the records that it may speak for; `named` are those that its token names by tenant
    or audience; `others` says of its issuer's further records why they are not among them. Without
    an issuer nobody signed: the records are the open ones, and `unchecked` says why a token that
    came was passed over.
    """

    ehrs: tuple[Ehr, ...]
    named: tuple[Ehr, ...] = ()
    others: dict[str, str] = {}
    issuer: str | None = None
    kid: str | None = None
    jti: str | None = None
    unchecked: str | None = None
    token: Token | None = None

    @property
    def likely(self) -> tuple[Ehr, ...]:
        """Return the records that a call without `fhirServer` may be of."""
        return self.named or self.ehrs


class Gate:
    """Checks callers of the services under one public URL."""

    def __init__(
        self, settings: Settings, keysets: KeySets, used: UsedTokens, clock: Callable[[], datetime]
    ):
        self.settings, self.keysets, self.used, self.clock = settings, keysets, used, clock
        self._open = tuple(ehr for ehr in settings.ehr if ehr.hook_auth == "open")
        self._sources = {
            ehr.id: source for ehr in settings.ehr if (source := settings.hook_keys(ehr))
        }
        self._keyless = tuple(ehr for ehr in self._open if ehr.id not in self._sources)

    def caller(self, authorization: str | None, audiences: Collection[str]) -> Caller:
        """Return who made a call, by its header and the URLs of the endpoint called; a token may
        be shown once, which is for `use` to see.

        Raises Refused, for a token that can be checked and is not wholly right even where none is
        asked for.
        """
        if authorization is None:
            return self._unsigned("no token", self._open)
        scheme, _, text = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return self._unsigned("scheme", self._open)
        try:
            token = jws.read(text.lstrip(" "))
        except TokenRefused as error:
            # An access token of the client's own server may be no JWT at all; a record with keys
            # refuses it, since it can be nothing right there.
            return self._unsigned(str(error), self._keyless)
        issuer = token.claims.get("iss")
        of_issuer = [ehr for ehr in self.settings.ehr if issuer and ehr.hook_issuer == issuer]
        ehrs = [ehr for ehr in of_issuer if ehr.id in self._sources]
        if not ehrs:
            return self._unsigned("no keys" if of_issuer else "issuer", self._open, token)
        return self._signed(token, ehrs, audiences)

    def use(self, caller: Caller) -> None:
        """Use a caller's token up (A7). Raises Refused when it was used before, Unavailable."""
        if caller.token is None:
            return
        members, now = caller.token.claims, int(self.clock().timestamp())
        until = claims.kept_until(members)
        if not self.used.first_use(members["iss"], members["jti"], now, until):
            raise Refused("replay", caller.ehrs, caller.token)

    def ehr(self, caller: Caller, fhir_server: str | None) -> Ehr:
        """Return the one record that a call belongs to.

        Raises Refused or ForeignServer when the caller may not speak for the record with this FHIR
        base, BadRequest when one is needed to tell which EHR calls.
        """
        if fhir_server is None:
            if len(caller.likely) > 1:
                raise BadRequest("`fhirServer` is required to tell which EHR calls.")
            return caller.likely[0]
        asked = self.settings.trusted(fhir_server)
        if asked in caller.ehrs:
            return asked
        if caller.issuer is None:
            reason = caller.unchecked or ("no token" if asked else "fhirServer")
            raise Refused(reason, [asked] if asked else ())
        if asked is not None and asked.id in caller.others:
            raise Refused(caller.others[asked.id], [asked])
        raise ForeignServer(caller.ehrs)

    def _unsigned(self, reason: str, ehrs: tuple[Ehr, ...], token: Token | None = None) -> Caller:
        if not ehrs:
            raise Refused(reason, token=token)
        return Caller(ehrs, unchecked=None if reason == "no token" else reason)

    def _signed(self, token: Token, ehrs: list[Ehr], audiences: Collection[str]) -> Caller:
        faults = self._faults(token, ehrs, audiences)
        spoken_for = tuple(ehr for ehr in ehrs if faults[ehr.id] is None)
        if not spoken_for:
            raise Refused(", ".join(dict.fromkeys(filter(None, faults.values()))), ehrs, token)
        return Caller(
            spoken_for,
            tuple(ehr for ehr in spoken_for if claims.names(token.claims, ehr)),
            {ehr_id: fault for ehr_id, fault in faults.items() if fault},
            token.claims["iss"],
            token.header.get("kid"),
            keyed_hash(token.claims["jti"]),
            token=token,
        )

    def _faults(
        self, token: Token, ehrs: list[Ehr], audiences: Collection[str]
    ) -> dict[str, str | None]:
        """Return by record why this token is not good; None where it is.

        What it says of itself is looked at first, since a signature costs more to check.
        """
        now = self.clock().timestamp()
        faults = {
            ehr.id: _header_fault(token.header, ehr)
            or claims.fault(token.claims, ehr, audiences, now)
            for ehr in ehrs
        }
        sources = dict.fromkeys(self._sources[ehr.id] for ehr in ehrs if faults[ehr.id] is None)
        found = jws.signers(token, sources, self.keysets) if sources else {}
        for ehr in ehrs:
            key = found.get(self._sources[ehr.id])
            faults[ehr.id] = faults[ehr.id] or (key if isinstance(key, str) else None)
        return faults


def _header_fault(header: dict[str, Any], ehr: Ehr) -> str | None:
    try:
        jws.check_header(header, ehr.hook_algorithms)
    except TokenRefused as error:
        return str(error)
    # CDS Hooks fixes `typ` to JWT (R101), which is a media type (RFC 7515 4.1.9): in any case, and
    # with or without "application/". RFC 7519 5.1 lets it be absent; other kinds of token of the
    # same issuer are refused (RFC 8725 3.11).
    if header.get("typ", "JWT").lower().removeprefix("application/") != "jwt":
        return "header"
    # Pinned keys make `jku` irrelevant: it is never fetched, and compared only with a URL.
    pinned = ehr.hook_jwks_file is not None
    return None if pinned or header.get("jku") in (None, ehr.hook_jwks_url) else "jku"
