"""Deadlines are total as Vigil is served, under gevent: whatever an EHR's server does over https,
a hook is answered within its budget and a page within its own (C3, G8).

The bounds here tell a total from a time-out for each wait, which held a hook for 10 s and a page for
45 s; they say nothing of a machine's speed.
"""

import contextlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from ehr.http import Outgoing, OutgoingError
from tests.support import hookcall
from tests.support.absent import absent
from tests.support.authority import Authority
from tests.support.faulty_ehr import FAULTS, SCOPE, FaultyEhr
from tests.support.hookcall import SICK, bundle, observations
from tests.support.served import ROOT, Served

# The budgets are 0.8 s and 15 s.
HOOK_SECONDS, PAGE_SECONDS = 3.0, 25.0
PLAIN_SECONDS = 0.3
EHR = """
[[ehr]]
id = "{id}"
fhir_base = ["{base}"]
hook_auth = "open"
smart_client_id = "vigil"
smart_client_auth = "none"
smart_scopes = "{scope}"
"""
# A name whose look-up hangs, natively as a real one does, while the file `hang` is there.
SLOW_NAME = """
import _socket, os, time

look_up, sleep = _socket.getaddrinfo, time.sleep

def getaddrinfo(host, *more, **named):
    if host not in ("slow.example", b"slow.example"):
        return look_up(host, *more, **named)
    if os.path.exists({flag!r}):
        sleep(60)
    return look_up("127.0.0.1", *more, **named)

_socket.getaddrinfo = getaddrinfo
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("deadlines")


@pytest.fixture(scope="module")
def ehrs(folder):
    """An EHR for each fault, one with a slow name and one in order; at first all are in order."""
    tls = Authority(folder).server("slow.example")
    made = {fault: FaultyEhr(tls) for fault in ("none", *FAULTS)}
    made["slow name"] = FaultyEhr(tls, "slow.example")
    charted = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    for ehr in made.values():
        ehr.resources = {
            "/fhir/Patient": hookcall.patient(),
            "/fhir/Observation": bundle(observations(SICK, effectiveDateTime=charted)),
        }
    yield made
    for ehr in made.values():
        ehr.close()


@pytest.fixture(scope="module")
def vigil(folder, ehrs):
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(SLOW_NAME.format(flag=str(folder / "hang")))
    records = [EHR.format(id=name, base=ehr.base, scope=SCOPE) for name, ehr in ehrs.items()]
    environment = {
        "SSL_CERT_FILE": str(folder / "authority.pem"),
        "PYTHONPATH": os.pathsep.join((str(folder / "site"), str(ROOT))),
    }
    running = Served(folder, "".join(records), **environment)
    yield running
    running.stop()


@contextlib.contextmanager
def faulty(name, ehrs, folder):
    """Let an EHR's fault be there for a while."""
    ehrs[name].fault = name if name in FAULTS else None
    if name == "slow name":
        (folder / "hang").touch()
    yield ehrs[name]
    ehrs[name].fault = None
    (folder / "hang").unlink(missing_ok=True)


def hook(vigil, ehr):
    """Call the hook without prefetch; return the answer and how long it took."""
    body = hookcall.request(
        fhirServer=ehr.base, prefetch=..., fhirAuthorization=hookcall.authorization()
    )
    started = time.monotonic()
    answer = requests.post(vigil.hook, json=body, timeout=60)
    return answer, time.monotonic() - started


def sign_in(vigil, ehr):
    """Launch as an EHR does, and return the page's URL and the cookies; requests sends no Secure
    cookie over http.
    """
    launch = {"iss": ehr.base, "launch": "xyz"}
    answer = requests.get(f"{vigil.url}/launch", launch, allow_redirects=False, timeout=60)
    assert answer.status_code == 303, answer.text
    cookies = {cookie.name: cookie.value for cookie in answer.cookies}
    state = parse_qs(urlsplit(answer.headers["Location"]).query)["state"][0]
    back = {"code": "c1", "state": state}
    answer = requests.get(
        f"{vigil.url}/callback", back, cookies=cookies, allow_redirects=False, timeout=60
    )
    assert answer.status_code == 303, answer.text
    cookies |= {cookie.name: cookie.value for cookie in answer.cookies}
    return requests.compat.urljoin(vigil.url, answer.headers["Location"]), cookies


def closed(ehr, seconds=5.0):
    """Tell whether the client has closed all its connections, within some seconds."""
    until = time.monotonic() + seconds
    while ehr.open and time.monotonic() < until:
        time.sleep(0.05)
    return not ehr.open


def threads(vigil):
    """Count the native threads of the master and its worker."""
    children = Path(f"/proc/{vigil.process.pid}/task/{vigil.process.pid}/children")
    if not children.exists():
        absent("needs /proc to count threads")
    workers = [int(pid) for pid in children.read_text().split()]
    return sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in workers)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.rule("C3")
def test_a_read_in_a_plain_thread_ends_at_its_deadline(ehrs, folder, monkeypatch, fault):
    """The same without gevent, as in tests and in a threaded server."""
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "authority.pem"))
    outgoing = Outgoing()
    with faulty(fault, ehrs, folder) as ehr:
        started = time.monotonic()
        with pytest.raises(OutgoingError, match="timeout"):
            outgoing.get(f"{ehr.base}/Patient/p1", {}, started + PLAIN_SECONDS, 1000)
        assert PLAIN_SECONDS <= time.monotonic() - started < HOOK_SECONDS
        assert closed(ehr)


def test_an_ehr_in_order_is_read_over_https(vigil, ehrs):
    """The hospital's own authority is trusted, so that what fails below fails by its fault."""
    answer, _ = hook(vigil, ehrs["none"])
    assert answer.status_code == 200 and len(answer.json()["cards"]) == 1, answer.text


@pytest.mark.parametrize("fault", [*FAULTS, "slow name"])
@pytest.mark.rule("C3")
@pytest.mark.rule("G8")
def test_a_hook_is_answered_within_its_budget(vigil, ehrs, folder, fault):
    """The reads hang, and the answer comes all the same; what was under way is closed."""
    with faulty(fault, ehrs, folder) as ehr:
        answer, seconds = hook(vigil, ehr)
        assert answer.status_code == 412 and 0.5 < seconds < HOOK_SECONDS, answer.text
        assert closed(ehr)
    stages = {
        "slow name": set(),
        "no handshake": {"connected"},
        "dripping handshake": {"connected"},
    }
    assert ehr.reached == stages.get(fault, {"connected", "asked"})


@pytest.mark.rule("C2")
def test_an_untrusted_certificate_gives_no_data(vigil, ehrs, tmp_path):
    """A server of another authority at the same address is not asked, and gets no token."""
    ehr = ehrs["none"]
    asked, own = len(ehr.asked), ehr._tls
    ehr._tls = Authority(tmp_path).server()
    try:
        answer, _ = hook(vigil, ehr)
    finally:
        ehr._tls = own
    assert answer.status_code == 412 and len(ehr.asked) == asked


@pytest.mark.rule("C3")
def test_a_name_that_hangs_costs_one_thread_and_no_other_call(vigil, ehrs, folder):
    """However many calls wait for it; another EHR is read meanwhile."""
    with faulty("slow name", ehrs, folder) as slow, ThreadPoolExecutor(8) as pool:
        hook(vigil, slow)
        before = threads(vigil)
        calls = [pool.submit(hook, vigil, slow) for _ in range(8)]
        answer, _ = hook(vigil, ehrs["none"])
        assert answer.status_code == 200
        assert {call.result()[0].status_code for call in calls} == {412}
        # One for the other EHR's name.
        assert threads(vigil) <= before + 1


@pytest.mark.rule("C3")
def test_a_page_is_answered_within_its_time(vigil, ehrs, folder):
    """All at once, each with a session of its own: the page says what could not be read in time."""
    names = [*FAULTS, "slow name"]
    pages = {name: sign_in(vigil, ehrs[name]) for name in names}

    def opened(name):
        url, cookies = pages[name]
        started = time.monotonic()
        answer = requests.get(url, cookies=cookies, timeout=120)
        return answer, time.monotonic() - started

    with contextlib.ExitStack() as faults, ThreadPoolExecutor(len(names)) as pool:
        for name in names:
            faults.enter_context(faulty(name, ehrs, folder))
        answers = dict(zip(names, pool.map(opened, names), strict=True))
        assert requests.get(f"{vigil.url}/readyz", timeout=60).status_code == 200
        assert {name: closed(ehrs[name]) for name in names} == dict.fromkeys(names, True)
    for name, (answer, seconds) in answers.items():
        assert answer.status_code == 200 and seconds < PAGE_SECONDS, (name, seconds, answer.text)
        assert "could not" in answer.text, name
