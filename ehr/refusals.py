"""Says what each word by which a call is refused means, and what to look at, for the log's reader
and `vigil doctor` (R110: the caller is told none of it).
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

REFUSALS = {
    "no token": "The call had no Authorization header, and its record has hook_auth `required`.",
    "scheme": "The Authorization header is no Bearer token.",
    "malformed": "The Bearer token is no JWT of three parts, or has more than 8 kB.",
    "issuer": "No record with keys has the token's `iss` as its hook_issuer: compare them letter "
    "by letter, a final slash included.",
    "no keys": "The record of this `iss` has neither hook_jwks_url nor hook_jwks_file.",
    "header": "The token's header has `crit`, `zip`, `b64` or `jwk`, a `typ` other than JWT, or a "
    "member that should be text and is not.",
    "algorithm": "The token's `alg` is not in hook_algorithms, or no key of the set is for it.",
    "jku": "The token's `jku` is not the record's hook_jwks_url: compare them letter by letter.",
    "key set": "The key set can't be read, or holds no usable key; the word behind says why.",
    "kid": "The key set holds no key with the token's `kid`: the EHR signs with another key, or "
    "the set is of another site.",
    "signature": "A key of the set was tried and has not signed this token.",
    "claims": "`exp`, `iat` or `nbf` is missing or no number of seconds.",
    "jti": "`jti` is missing, empty, longer than 256 characters or not printable.",
    "lifetime": "The token lives longer than the record allows (hook_token_seconds), or ends "
    "before it begins.",
    "expired": "The token's `exp` has passed by more than 60 s: compare the clocks.",
    "not yet": "The token's `iat` or `nbf` lies more than 60 s ahead: compare the clocks.",
    "audience": "The token's `aud` is not the endpoint's URL as public_url makes it, nor one of "
    "hook_audience.",
    "tenant": "The token's `tenant` is none of hook_tenants.",
    "replay": "The token's `jti` was used before: each call needs a token of its own.",
    "fhirServer": "The call named a fhirServer that no record has as fhir_base.",
}


def meaning(reason: str) -> str | None:
    """Return what a reason means; one of several words, or with a detail, such as `key set:
    timeout` or `audience, lifetime`, is read by its words. None for a reason of another kind.
    """
    words = [word.partition(":")[0] for word in reason.split(", ")]
    found = [REFUSALS[word] for word in dict.fromkeys(words) if word in REFUSALS]
    return " ".join(found) or None


def lately(records: Iterable[dict[str, Any]], ehr_id: str, most: int = 10) -> Iterator[str]:
    """Yield a line for each kind of refusal that may have been of an EHR's calls or launches.

    `records` are those of the audit log, newest first; of one kind the newest stands for all.
    """
    kinds: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for record in records:
        mine = record["ehr"] == ehr_id if "ehr" in record else ehr_id in record.get("ehrs", ())
        if mine or not record.get("ehr") and not record.get("ehrs"):
            whose = "" if mine else " (of no known record)"
            kinds.setdefault((record["reason"], whose), []).append(record)
    for (reason, whose), alike in islice(kinds.items(), most):
        token = alike[0].get("token") or {}
        count = sum(one.get("count", 1) for one in alike)
        told = ", ".join(f"{name} {value!r}" for name, value in token.items())
        yield (
            f"{count} refused, last {alike[0]['ts']}{whose}: {reason}. "
            f"{meaning(reason) or ''}{f' It said {told}.' if told else ''}"
        )
