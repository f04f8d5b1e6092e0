"""Many at once: the same call, the same token, slow clients, more than fits, and floods (G12, A7,
F1, F2, A11).
"""

import contextlib
import json
import socket
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.outcome import Outcome, Scale
from tests.faults.redis_away import Server
from tests.faults.site import HOST, Answer, Load, Site, percentile, request
from tests.support.hookcall import KEYS, SERVICE, SICK
from tests.support.listener import Listener

AT_ONCE = 12
SLOW_OF_A_KIND = 40
LAUNCHES = 600
# How much slower the 99th call in a hundred of a valid caller may get: promised is twice, and the
# floods' own clients take half of a small machine.
GENEROUS = 20


def same_call(folder: Path, scale: Scale) -> Outcome:
    """Twelve clients send the same hookInstance at once: the same cards, and one record that is no
    repeat.
    """
    with Site(folder) as site:
        instance = str(uuid.uuid4())
        body = json.dumps(request(hookInstance=instance)).encode()
        answers = _at_once(lambda _: site.call(body, hookInstance=instance))
        records = [one for one in site.records() if one["hook_instance"] == instance]
    bodies = {a.body for a in answers}
    first = sum(not one["repeat"] for one in records)
    statuses = dict(Counter(a.status for a in answers))
    return Outcome(
        f"{statuses}, {len(bodies)} different answers, {len(records)} records of which {first} are "
        "no repeat",
        statuses == {200: AT_ONCE} and len(bodies) == 1 and len(records) == AT_ONCE and first == 1,
    )


def same_token(folder: Path, scale: Scale) -> Outcome:
    """Twelve uses of one token at once: one is let in, also after a restart none further."""
    with Site(folder) as site:
        token = site.token()
        statuses = Counter(a.status for a in _at_once(lambda _: site.call(token=token)))
        site.stop()
        site.start()
        again = site.call(token=token).status
    return Outcome(
        f"{dict(statuses)}, after a restart {again}",
        statuses == Counter({200: 1, 401: AT_ONCE - 1}) and again == 401,
    )


def slow_clients(folder: Path, scale: Scale) -> Outcome:
    """Forty clients of each kind hold connections: silent, dripping headers, dripping bodies,
    reading nothing.
    """
    stop = threading.Event()
    with Site(folder) as site, contextlib.ExitStack() as open_ones:
        head = f"POST {SERVICE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        body = json.dumps(request()).encode()
        whole = f"{head}Authorization: Bearer {site.token()}\r\nContent-Length: {len(body)}\r\n\r\n"
        kinds = {
            "silent": (b"", b""),
            "headers": (head.encode(), b"X-Slow: 1\r\n"),
            "body": (f"{head}Content-Length: 100000\r\n\r\n".encode(), b" "),
            "reads nothing": (whole.encode() + body, b""),
        }
        dripping = []
        for first, piece in kinds.values():
            for _ in range(SLOW_OF_A_KIND):
                connection = open_ones.enter_context(socket.create_connection((HOST, site.port)))
                connection.sendall(first)
                dripping += [(connection, piece)] if piece else []
        feeder = threading.Thread(target=_drip, args=(dripping, stop), daemon=True)
        feeder.start()
        answers = [site.call() for _ in range(20)]
        stop.set()
        feeder.join()
    worst = max(a.seconds for a in answers)
    good = sum(a.status == 200 for a in answers)
    return Outcome(
        f"{4 * SLOW_OF_A_KIND} slow clients: {good} of 20 valid calls answered, the slowest in "
        f"{1000 * worst:.0f} ms",
        good == 20 and worst < 5.0,
    )


def overload(folder: Path, scale: Scale) -> Outcome:
    """64 clients at once: each gets its own patient's card or is refused at once, and as many cards
    are given as without the crowd.
    """
    with Site(folder) as site:
        capacity, answers, foreign = _burst(site)
        lost, broken = site.unaudited(answers)
    good = [a for a in answers if a.status == 200]
    refused = [a for a in answers if a.status == 503 and "Retry-After" in a.headers]
    rate = len(good) / (max(a.began + a.seconds for a in answers) - min(a.began for a in answers))
    return Outcome(
        f"capacity {capacity:.0f} calls/s; {rate:.0f} good ones/s, p99 "
        f"{1000 * percentile(good, 0.99):.0f} ms; {len(refused)} of {len(answers)} refused with "
        f"Retry-After, p50 {1000 * percentile(refused, 0.5):.0f} ms; {foreign} with another's data, "
        f"{lost} cards without a record",
        bool(refused)
        and len(good) + len(refused) == len(answers)
        and rate > 0.4 * capacity
        and not foreign
        and not lost
        and not broken,
    )


def bad_tokens(folder: Path, scale: Scale) -> Outcome:
    """Eight clients send forged tokens without end: they get 429, valid callers their answers."""
    with Site(folder) as site:
        body = json.dumps(request()).encode()
        forged = site.token(key=KEYS["stranger"])
        return _flooded(site, lambda: site.call(body, token=forged), {401, 429, 503})


def big_bodies(folder: Path, scale: Scale) -> Outcome:
    """Eight clients send 4 MiB with a forged token without end: they are refused, valid callers get
    their answers.
    """
    with Site(folder) as site:
        body = b" " * (4 << 20)
        forged = site.token(key=KEYS["stranger"])
        # A connection that is closed while it still sends is a refusal, too.
        return _flooded(site, lambda: site.call(body, token=forged), {0, 401, 429, 503})


def launches(folder: Path, scale: Scale) -> Outcome:
    """Launches without any credential do not fill Redis."""
    redis, ehr = Server(folder / "shared"), Listener()
    base = f"{ehr.url}/fhir"
    found = {"authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/token"}
    found |= {"capabilities": ["launch-ehr"], "code_challenge_methods_supported": ["S256"]}
    known = (200, {"Content-Type": "application/json"}, json.dumps(found).encode())
    ehr.answers["/fhir/.well-known/smart-configuration"] = known
    record = (
        f'[[ehr]]\nid = "app"\nfhir_base = ["{base}"]\nsmart_client_id = "vigil"\n'
        'smart_client_auth = "none"\n'
    )
    try:
        with Site(folder, f'redis_url = "{redis.url}"', record) as site:
            with ThreadPoolExecutor(8) as pool:
                asked = lambda n: site.get(f"/launch?iss={base}&launch=l{n}")  # noqa: E731
                answers = list(pool.map(asked, range(LAUNCHES)))
            kept = redis.client.dbsize()
            cookies = _one_browser(site, base)
    finally:
        redis.stop()
        ehr.close()
    statuses = dict(Counter(a.status for a in answers))
    return Outcome(
        f"{LAUNCHES} launches: {statuses}, {kept} keys in Redis; 99 launches of one browser: "
        f"cookies of {cookies} bytes",
        statuses.keys() <= {302, 303, 429, 503} and kept < LAUNCHES / 2 and cookies < 8000,
    )


def _one_browser(site: Site, base: str) -> int:
    """Launch 99 times as one browser does, and return how many bytes of cookies it then sends."""
    jar: dict[str, str] = {}
    for number in range(99):
        sent = "; ".join(f"{name}={value}" for name, value in jar.items())
        answer = site.get(
            f"/launch?iss={base}&launch=c{number}", **({"Cookie": sent} if sent else {})
        )
        for name, value in _set_cookies(answer):
            if value:
                jar[name] = value
            else:
                jar.pop(name, None)
    return sum(len(name) + len(value) + 3 for name, value in jar.items())


def _set_cookies(answer: Answer) -> list[tuple[str, str]]:
    told = [value for name, value in answer.sent if name.lower() == "set-cookie"]
    pairs = [value.split(";")[0].partition("=") for value in told]
    return [(name, value.strip('"')) for name, _, value in pairs]


def _at_once(call) -> list[Answer]:
    gate = threading.Barrier(AT_ONCE)

    def one(number: int) -> Answer:
        gate.wait()
        return call(number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))


def _drip(connections: list[tuple[socket.socket, bytes]], stop: threading.Event) -> None:
    while not stop.wait(0.2):
        for connection, piece in connections:
            with contextlib.suppress(OSError):
                connection.sendall(piece)


def _burst(site: Site) -> tuple[float, list[Answer], int]:
    """Return the calls a second of eight clients, what 64 get, and how many cards showed another
    patient's heart rate.
    """
    with Load(site.call, clients=8) as usual:
        time.sleep(2)
    capacity = usual.statuses().get(200, 0) / 2
    with ThreadPoolExecutor(64) as pool:
        calls = list(pool.map(lambda n: _own(site, n), range(400)))
    answers = [answer for answer, _ in calls]
    foreign = sum(a.status == 200 and f" {rate} /min" not in _text(a) for a, rate in calls)
    return capacity, answers, foreign


def _own(site: Site, number: int) -> tuple[Answer, int]:
    """Call about a patient whose heart rate, grave and printed on the card, is no other's."""
    rate = 131 + number % 64
    table = SICK | {"heart_rate": ("8867-4", "/min", rate)}
    body = request(f"p{number}", table)
    sent = json.dumps(body).encode()
    return site.call(sent, hookInstance=body["hookInstance"]), rate


def _text(answer: Answer) -> str:
    return " ".join(f"{card['summary']} {card['detail']}" for card in answer.cards)


def _flooded(site: Site, attack, allowed: set[int]) -> Outcome:
    with Load(site.call, clients=4, every=0.2) as base:
        time.sleep(2)
    with Load(attack, clients=8) as flood, Load(site.call, clients=4, every=0.2) as valid:
        time.sleep(4)
    usual, during = percentile(base.answers, 0.99), percentile(valid.answers, 0.99)
    good = valid.statuses().get(200, 0)
    return Outcome(
        f"{flood.statuses()} in the flood; {good} of {len(valid.answers)} valid calls answered, p99 "
        f"{1000 * during:.0f} ms (without {1000 * usual:.0f} ms)",
        good == len(valid.answers)
        and set(flood.statuses()) <= allowed
        and during < 0.5 + GENEROUS * usual,
    )
