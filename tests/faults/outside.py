"""The EHR's own servers at fault: FHIR and keys (G8, G9, C3)."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

from joserfc.jwk import ECKey

from ehr.keys import REFRESH_SECONDS
from tests.faults.outcome import Outcome, Scale
from tests.faults.site import Answer, Load, Site, percentile, until
from tests.support.authority import Authority
from tests.support.faulty_ehr import FAULTS, FaultyEhr
from tests.support.hookcall import authorization, bundle, patient
from tests.support.listener import Listener, drip
from tests.support.served import free_port

# Promised are the budget of 0.8 s and 0.5 s for our own work; what is looked for are waits beyond any budget.
GENEROUS_SECONDS = 4.0
RECORD = '[[ehr]]\nid = "{0}"\nfhir_base = ["{1}"]\nhook_auth = "open"\nquiet_hours = 0\n'
KEYED = """
[[ehr]]
id = "keyed"
fhir_base = ["https://keyed.example.org/r4"]
hook_issuer = "https://keyed.example.org"
hook_jwks_url = "{0}/jwks.json"
"""
ISSUER = "https://keyed.example.org"


def fhir(folder: Path, scale: Scale) -> Outcome:
    """Slow, down, 401, 429, garbage, endless: answered within the budget, from what was sent along
    or as insufficient.
    """
    folder.mkdir(parents=True)
    authority = Authority(folder)
    tls = authority.server()
    dripping = {fault: FaultyEhr(tls) for fault in FAULTS}
    for fault, ehr in dripping.items():
        ehr.fault = fault
    plain = {name: Listener() for name in ("401", "429", "garbage", "endless", "body drips")}
    answers = {
        "401": (401, {}, b""),
        "429": (429, {"Retry-After": "60"}, b""),
        "garbage": (200, {"Content-Type": "application/fhir+json"}, b"\x00<html>{" * 50),
        "body drips": drip,
    }
    for name, listener in plain.items():
        page = bundle(
            [], link=[{"relation": "next", "url": f"{listener.url}/fhir/Observation?p=2"}]
        )
        endless = (200, {"Content-Type": "application/fhir+json"}, json.dumps(page).encode())
        listener.answers["/fhir"] = answers.get(name, endless)
    bases = {name: ehr.base for name, ehr in dripping.items()}
    bases |= {name: f"{listener.url}/fhir" for name, listener in plain.items()}
    bases["down"] = f"http://127.0.0.1:{free_port()}/fhir"
    records = "".join(RECORD.format(f"ehr{n}", base) for n, base in enumerate(bases.values()))
    try:
        with Site(folder, "", records, SSL_CERT_FILE=str(authority.certificate)) as site:
            found = {name: read_from(site, base) for name, base in bases.items()}
            lost, broken = site.unaudited(list(found.values()))
    finally:
        for server in (*dripping.values(), *plain.values()):
            server.close()
    slowest = max(found, key=lambda name: found[name].seconds)
    odd = {name: a.status for name, a in found.items() if a.status not in (200, 412)}
    falsely = [n for n, a in found.items() if a.status == 200 and _calm(a)]
    return Outcome(
        f"{len(found)} faults: {odd or 'each 200 or 412'}, slowest {found[slowest].seconds:.2f} s "
        f"({slowest}); {lost} cards without a record; calm without data: {falsely or 'none'}",
        not odd
        and not falsely
        and not lost
        and not broken
        and found[slowest].seconds < GENEROUS_SECONDS,
    )


def read_from(site: Site, base: str) -> Answer:
    """Make a call whose Observations have to be read from a FHIR server."""
    sent = {"patient": patient()}
    return site.call(token="", fhirServer=base, prefetch=sent, fhirAuthorization=authorization())


def _calm(answer: Answer) -> bool:
    """Tell whether a card without any value read calls a risk low."""
    return any("Low risk" in card["summary"] for card in answer.cards)


@contextlib.contextmanager
def _keyed(folder: Path) -> Iterator[tuple[Site, Listener, ECKey]]:
    """Give a Vigil whose EHR publishes its keys at a server, that server, and the key."""
    listener, key = Listener(), _key("first")
    listener.answers["/jwks.json"] = _published(key)
    try:
        with Site(folder, "", KEYED.format(listener.url)) as site:
            yield site, listener, key
    finally:
        listener.close()


def _key(kid: str) -> ECKey:
    return ECKey.generate_key("P-384", {"kid": kid, "use": "sig", "alg": "ES384"})


def _published(*keys: ECKey) -> tuple[int, dict[str, str], bytes]:
    found = {"keys": [key.as_dict(private=False) for key in keys]}
    return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()


def _signed(site: Site, key: ECKey) -> Answer:
    return site.call(
        token=site.token(key=key, iss=ISSUER), fhirServer="https://keyed.example.org/r4"
    )


def keys_away(folder: Path, scale: Scale) -> Outcome:
    """The key server hangs, then is down, while strangers' keys ask for a refresh: known keys go
    on.
    """
    with _keyed(folder) as (site, listener, key):
        warm = _warm(site, listener, key)
        # Sooner no refresh is due, and nothing would hang.
        time.sleep(REFRESH_SECONDS + 1)
        listener.answers["/jwks.json"] = drip
        with Load(lambda: _signed(site, key), clients=4, every=0.2) as hanging:
            for _ in range(4):
                _signed(site, _key("unknown"))
        listener.answers["/jwks.json"] = lambda handler: None
        with Load(lambda: _signed(site, key), clients=4, every=0.2) as down:
            time.sleep(1)
    answers = [*warm, *hanging.answers, *down.answers]
    good = sum(a.status == 200 for a in answers)
    return Outcome(
        f"{good} of {len(answers)} calls with a known key answered, p99 "
        f"{1000 * percentile(hanging.answers, 0.99):.0f} ms while it hangs",
        good == len(answers) and percentile(hanging.answers, 0.99) < GENEROUS_SECONDS,
    )


def keys_after_start(folder: Path, scale: Scale) -> Outcome:
    """A Vigil that starts while the key server is down uses the last set that it read."""
    with _keyed(folder) as (site, listener, key):
        first = [a.status for a in _warm(site, listener, key)]
        site.stop()
        listener.answers["/jwks.json"] = (503, {}, b"")
        site.start()
        after = [_signed(site, key).status for _ in range(6)]
    return Outcome(
        f"before {set(first)}, after a start without the key server {set(after)}",
        set(first) == set(after) == {200},
    )


def keys_rotated(folder: Path, scale: Scale) -> Outcome:
    """A new key is taken within 30 s of the last reading."""
    with _keyed(folder) as (site, listener, key):
        first = [a.status for a in _warm(site, listener, key)]
        new = _key("second")
        listener.answers["/jwks.json"] = _published(new)
        # Six in a row: both workers have taken it.
        taken = until(
            lambda: all(_signed(site, new).status == 200 for _ in range(6)), 4 * REFRESH_SECONDS
        )
    return Outcome(
        f"before {set(first)}; the new key is "
        f"{'not taken' if taken is None else f'taken everywhere after {taken:.0f} s'}",
        set(first) == {200} and taken is not None,
    )


def _warm(site: Site, listener: Listener, key: ECKey) -> list[Answer]:
    """Call until both workers have read the key set, or a share of it."""
    answers = [_signed(site, key) for _ in range(4)]
    while len(listener.seen) < 2 and len(answers) < 30:
        answers.append(_signed(site, key))
    return answers
