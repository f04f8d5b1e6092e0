"""Calls our own service with a signed token, as the EHR would: with the EHR's private key where it
is ours (a test system, a sandbox); else tells of the EHR's own last call.
"""

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from ehr import jwk
from ehr.checks.finding import Finding
from ehr.checks.outside import Endpoint, refusal
from ehr.checks.servers import Servers, mend
from ehr.http import OutgoingError
from ehr.refusals import meaning
from runtime.audit.log import Audit
from runtime.settings import Ehr

SECONDS = 60
MOST_CALLS_READ = 200
NOBODY = "vigil-doctor"


def signed(
    place: Endpoint, ehr: Ehr, key: Key, servers: Servers, audit: Audit | None
) -> Iterator[Finding]:
    """Yield what a signed call of a patient who does not exist is answered: 412, or cards."""
    headers = {
        "Authorization": f"Bearer {_token(place, ehr, key)}",
        "Content-Type": "application/json",
    }
    body = {
        "hook": place.hook,
        "hookInstance": str(uuid.uuid4()),
        "fhirServer": ehr.fhir_base[0],
        "context": {"userId": f"Practitioner/{NOBODY}", "patientId": NOBODY},
    }
    try:
        answer = servers.ask("POST", place.url, headers, msgspec.json.encode(body))
    except OutgoingError as error:
        yield Finding("wrong", f"signed call: {error}.", mend(str(error)))
        return
    if answer.status in (200, 412):
        yield Finding("ok", f"signed call: taken ({answer.status}; there is no patient {NOBODY}).")
        return
    reason = (refusal(answer, audit) or {}).get("reason", "no record here says why")
    text = f"signed call: answered {answer.status}, {reason}."
    yield Finding("wrong", text, meaning(reason) or "")


def last_call(ehr: Ehr, audit: Audit | None) -> Finding:
    """Return when this EHR last made a call with a token that was taken."""
    for one in audit.records(MOST_CALLS_READ, "hook") if audit else ():
        client = one.get("client")
        if one.get("ehr") == ehr.id and client:
            return Finding(
                "ok", f"signed call: the EHR's last one was taken {one['ts']}, kid {client['kid']}."
            )
    return Finding(
        "note",
        f"signed call: none of this EHR's among the last {MOST_CALLS_READ}, and none was made.",
        "Only the EHR can sign. Where its private key is yours, as in a test system, give --key.",
    )


def private_key(path: Path) -> Key:
    """Read a private key from a JWK or a set of them. Raises ClickException."""
    try:
        document = json.loads(path.read_bytes())
        listed = document.get("keys", [document])
        key = next(key for key in KeySet.import_key_set({"keys": listed}).keys if key.is_private)
    except (OSError, ValueError, TypeError, AttributeError, JoseError, StopIteration):
        raise click.ClickException(f"{path} holds no private key as a JWK.") from None
    return key


def _token(place: Endpoint, ehr: Ehr, key: Key) -> str:
    public = jwk.read(msgspec.json.encode({"keys": [key.as_dict(private=False)]}))
    algorithm = public.keys[0].algorithms[0]
    now = int(time.time())
    header = {"alg": algorithm, "typ": "JWT", "kid": key.kid, "jku": ehr.hook_jwks_url}
    claims = {
        "iss": ehr.hook_issuer,
        "aud": place.url,
        "iat": now,
        "exp": now + SECONDS,
        "jti": str(uuid.uuid4()),
        "tenant": ehr.hook_tenants[0] if ehr.hook_tenants else None,
    }
    return jwt.encode(
        {name: value for name, value in header.items() if value is not None},
        {name: value for name, value in claims.items() if value is not None},
        key,
        algorithms=[algorithm],
    )
