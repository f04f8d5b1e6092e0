"""Looks at what one EHR's record says by itself, without asking anybody."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

from ehr.checks.finding import Finding
from runtime.settings import Ehr, Settings, bare_url
from runtime.settings_file import SettingsError, secret

URLS = ("fhir_base", "hook_issuer", "hook_jwks_url", "hook_audience")
ADDRESSES = (*URLS, "frame_ancestors", "cors_origins")
# The scopes of data, of SMART v1 and v2; Epic leaves the first part out at times.
SCOPE = re.compile(
    r"(?:(?:patient|user|system)/)?(?P<type>[A-Za-z]+|\*)\.(?P<rights>[a-z]+|\*)(?:\?.*)?"
)


def record(ehr: Ehr, settings: Settings) -> Iterator[Finding]:
    """Yield what the record is, and what of it wants a second look."""
    yield Finding(
        "ok",
        f"ehr {ehr.id}: {ehr.profile}, hooks {ehr.hook_auth}, SMART client "
        f"{ehr.smart_client_id or 'none'}, {ehr.mode}",
    )
    for finding in (
        *_callers(ehr, settings),
        *_slashes(ehr),
        *_plain_http(ehr),
        *_app(ehr, settings),
    ):
        yield finding._replace(text=f"ehr {ehr.id}: {finding.text}")


def _callers(ehr: Ehr, settings: Settings) -> Iterator[Finding]:
    if ehr.hook_auth == "open":
        yield Finding("note", "hook_auth is open: anyone may call; for a sandbox only.")
    # Where tokens are required the settings themselves ask for both.
    if ehr.hook_auth == "open" and bool(ehr.hook_issuer) != bool(settings.hook_keys(ehr)):
        yield Finding(
            "note",
            "of hook_issuer and its keys only one is given, so no token of this EHR is checked.",
            "Give both hook_issuer and one of hook_jwks_url and hook_jwks_file.",
        )
    shared = [
        other.id
        for other in settings.ehr
        if other is not ehr and ehr.hook_issuer and other.hook_issuer == ehr.hook_issuer
    ]
    if shared:
        yield Finding(
            "note",
            f"hook_issuer is that of {', '.join(shared)} too: a call is told apart by fhirServer, "
            "hook_audience or hook_tenants, feedback by the last two only.",
        )
    if ehr.hook_jwks_file:
        yield from private_keys("hook_jwks_file", _file(settings.path(ehr.hook_jwks_file)))


def private_keys(name: str, document: object) -> Iterator[Finding]:
    """Yield each key of a set that holds its secret half, by its place."""
    keys = document.get("keys") if isinstance(document, dict) else None
    for place, key in enumerate(keys if isinstance(keys, list) else (), 1):
        if isinstance(key, dict) and ("d" in key or key.get("kty") == "oct"):
            yield Finding(
                "wrong",
                f"{name}: key {place} ({key.get('kid')}) holds its secret half: whoever reads it "
                "can call as this EHR.",
                "Have the EHR make a new pair, and keep only its public members here: kty, crv, "
                "x, y, or n and e, with kid and alg.",
            )


def _file(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def _slashes(ehr: Ehr) -> Iterator[Finding]:
    """Of `fhir_base` one final slash is passed over; all else is compared letter by letter."""
    named = [(key, url) for key in URLS for url in _values(ehr, key)]
    for (key, url), (other, another) in combinations(named, 2):
        if url != another and bare_url(url) == bare_url(another):
            yield Finding(
                "note",
                f"{key} {url} and {other} {another} differ by the final slash alone.",
                "If both are meant to be the same, copy what the EHR sends, letter by letter.",
            )


def _plain_http(ehr: Ehr) -> Iterator[Finding]:
    plain = [
        key
        for key in ADDRESSES
        if any(one.startswith("http://") for one in _values(ehr, key)) and key != "hook_issuer"
    ]
    if plain:
        yield Finding(
            "note",
            f"plain http in {', '.join(plain)}: whoever is on the way can read and change it.",
            "For a trial on one host only.",
        )


def _app(ehr: Ehr, settings: Settings) -> Iterator[Finding]:
    if not ehr.smart_client_id:
        return
    try:
        secret(ehr, settings)
    except SettingsError as error:
        text = str(error).removeprefix(f"ehr `{ehr.id}`: ")
        yield Finding("wrong", text, "The app can't sign in without it.")
    else:
        yield Finding("ok", f"SMART client {ehr.smart_client_id}: {ehr.smart_client_auth}.")
    writing = [scope for scope in (ehr.smart_scopes or "").split() if _writes(scope)]
    if writing:
        yield Finding(
            "note",
            f"smart_scopes asks to write: {' '.join(writing)}.",
            "Vigil only reads: leave smart_scopes out, or ask for .r and .rs alone.",
        )
    if not ehr.frame_ancestors:
        yield Finding(
            "note",
            "frame_ancestors is empty: no page may frame the app, it opens in a window only.",
            "Give the origins of the EHR's pages if it opens apps in a frame.",
        )


def _writes(scope: str) -> bool:
    """Tell whether a scope is `.write` or `.*` of SMART v1, or has create, update or delete of
    v2.
    """
    found = SCOPE.fullmatch(scope)
    rights = set(found["rights"]) if found else set()
    v2 = rights <= set("cruds") and bool(rights & set("cud"))
    return v2 or bool(found and found["rights"] in {"write", "*"})


def _values(ehr: Ehr, key: str) -> tuple[str, ...]:
    value = getattr(ehr, key)
    return (value,) if isinstance(value, str) else tuple(value or ())
