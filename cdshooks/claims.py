"""Checks what a hook token says of itself, for one EHR's record (R102, R103, R109; A5, A6).

The signature may not be checked yet, so any claim may be of any type.
"""

import math
from collections.abc import Collection
from typing import Any

from ehr.jws import numeric_date
from runtime.settings import Ehr

LEEWAY = 60
LONGEST_JTI = 256


def fault(claims: dict[str, Any], ehr: Ehr, audiences: Collection[str], now: float) -> str | None:
    """Return the word of ehr.refusals that speaks against a token, or None.

    `audiences` are the URLs of the endpoint called; `now` is Unix time.
    """
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_JTI or not jti.isprintable():
        return "jti"
    return _time_fault(claims, ehr, now) or _addressee_fault(claims, ehr, audiences)


def kept_until(claims: dict[str, Any]) -> int:
    """Return the Unix time until which a good token's use has to be remembered (A7)."""
    expires: float = claims["exp"]
    return math.ceil(expires) + LEEWAY


def names(claims: dict[str, Any], ehr: Ehr) -> bool:
    """Return whether a token names this very record, by `tenant` or by an audience of its own."""
    return claims.get("tenant") in ehr.hook_tenants or any(
        own in ehr.hook_audience for own in _audiences(claims)
    )


def _time_fault(claims: dict[str, Any], ehr: Ehr, now: float) -> str | None:
    issued, expires = (numeric_date(claims.get(name)) for name in ("iat", "exp"))
    starts = numeric_date(claims["nbf"]) if "nbf" in claims else -math.inf
    if issued is None or expires is None or starts is None:
        return "claims"
    if not issued < expires <= issued + (ehr.hook_token_seconds or ehr.traits.token_seconds):
        return "lifetime"
    if expires + LEEWAY <= now:
        return "expired"
    return "not yet" if max(issued, starts) - LEEWAY > now else None


def _addressee_fault(claims: dict[str, Any], ehr: Ehr, audiences: Collection[str]) -> str | None:
    if ehr.hook_tenants and claims.get("tenant") not in ehr.hook_tenants:
        return "tenant"
    own = (*audiences, *ehr.hook_audience)
    return None if any(named in own for named in _audiences(claims)) else "audience"


def _audiences(claims: dict[str, Any]) -> list[Any]:
    named = claims.get("aud")
    return named if isinstance(named, list) else [named]
