"""`vigil serve` with real processes: renewed under load, its workers and its Redis killed, its files
damaged, what is no HTTP sent to it. Nothing here goes by the clock but generous bounds.
"""

import json
import os
import re
import shutil
import signal
import socket
import threading
import time
import uuid
from pathlib import Path

import pytest
import requests

from models.fitted.registry import TRAINED
from tests.support.served import Served

EHR = (
    'models_dir = "models"\n[[ehr]]\nid = "e"\nfhir_base = ["http://localhost:1/r4"]\n'
    'hook_auth = "open"\n'
)
CANARY = b"CANARY-7f3a"
LONG = 40.0


class Site(Served):
    """A running Vigil with models of its own and two workers, and what an operator sees of it."""

    def __init__(self, folder: Path):
        shutil.copytree(TRAINED, folder / "models")
        self.folder = folder
        super().__init__(folder, EHR, workers=2)
        self.http = requests.Session()
        self.http.trust_env = False

    def children(self, named: str = "vigil") -> list[int]:
        """Return the ids of the first process's children whose command holds a word."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                command = (folder / "cmdline").read_bytes().decode()
            except (OSError, ValueError):
                continue
            if parent == self.process.pid and named in command and "probe" not in command:
                found.append(int(folder.name))
        return sorted(found)

    def ready(self) -> list[int]:
        """Return the workers whose start went well, as their slates say."""
        return [one for one in self.children() if slate(one) == "ready"]

    def redis(self) -> list[int]:
        """Return the ids of the embedded Redis."""
        return self.children("valkey-server")

    def call(self) -> int | str:
        """Call the hook on a connection of its own, and return the status or what went wrong."""
        body = {
            "hook": "patient-view",
            "hookInstance": str(uuid.uuid4()),
            "prefetch": {"patient": None, "vitals": {"resourceType": "Bundle"}, "labs": None},
            "context": {"userId": "Practitioner/1", "patientId": "p1"},
        }
        try:
            answer = requests.post(self.hook, json=body, timeout=LONG, proxies={"http": ""})
        except requests.RequestException as error:
            return repr(error)
        return answer.status_code

    def parts(self) -> dict:
        """Return what the service says of its parts."""
        return requests.get(f"{self.url}/readyz", timeout=LONG).json()["parts"]

    def lines(self, event: str) -> list[dict]:
        """Return the log's lines of an event so far."""
        text = self.log.read_text("utf-8")
        found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return [line for line in found if line["event"] == event]


def slate(worker: int) -> str:
    """Return the word in the nameless file that a worker shares with the first process."""
    for place in Path(f"/proc/{worker}/fd").glob("*"):
        try:
            if "wgunicorn-" in os.readlink(place):
                return place.read_text()
        except OSError:
            continue
    return ""


def until(what, seconds: float = LONG):
    """Return a true value of `what` once there is one."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.1)
    return pytest.fail("it never came")


@pytest.fixture
def site(tmp_path):
    """A running Vigil of one test."""
    running = Site(tmp_path)
    until(lambda: len(running.ready()) == 2)
    yield running
    if running.process.poll() is None:
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()


class Callers:
    """Four callers that call on and on, each time on a connection of its own."""

    def __init__(self, site: Site):
        self.bad: list[int | str] = []
        self.good = 0
        self._site, self._done = site, threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(4)]

    def _call(self) -> None:
        while not self._done.is_set():
            answer = self._site.call()
            if answer == 200:
                self.good += 1
            else:
                self.bad.append(answer)
            time.sleep(0.05)

    def __enter__(self) -> "Callers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.rule("G4", "G7", "F4")
def test_a_reload_under_load_fails_no_call(site):
    """Not with a sound folder, nor with a model that was damaged meanwhile: that one goes on from
    memory, also in a worker that comes after a kill.
    """
    before = site.ready()
    with Callers(site) as callers:
        site.process.send_signal(signal.SIGHUP)
        until(lambda: len(site.ready()) == 2 and not set(before) & set(site.children()))
        for path in (site.folder / "models" / "sepsis").glob("*/model.txt"):
            path.write_bytes(path.read_bytes()[:-1])
        renewed = site.ready()
        site.process.send_signal(signal.SIGHUP)
        until(lambda: len(site.ready()) == 2 and not set(renewed) & set(site.children()))
    assert callers.bad == [] and callers.good > 20
    os.kill(site.children()[0], signal.SIGKILL)
    until(lambda: len(site.ready()) == 2)
    assert [line["model"] for line in site.lines("model_damaged")] == ["sepsis"] * 3
    told = site.parts()["models"]["why"]
    assert "sepsis 0.5.0" in told and told.endswith("behind sepsis")
    site.stop()


@pytest.mark.rule("G4")
def test_a_reload_that_fails_leaves_the_workers_that_there_are(site):
    """New ones that can't start are given up, and not a call notices."""
    before = site.ready()
    (site.folder / "data" / "signing-key.json").chmod(0o644)
    site.process.send_signal(signal.SIGHUP)
    until(lambda: len(site.lines("worker_start")) == 2)
    assert [site.call() for _ in range(20)] == [200] * 20
    until(lambda: site.children() == before)
    site.stop()


@pytest.mark.rule("G3", "G7")
def test_a_worker_that_can_not_start_ends_no_other_and_the_cause_gone_all_is_well(site):
    """The other answers alone. With none left callers get 503 at once; nobody has to come."""
    key = site.folder / "data" / "signing-key.json"
    key.chmod(0o644)
    first, second = site.children()
    os.kill(first, signal.SIGKILL)
    until(lambda: site.lines("worker_start"))
    assert [site.call() for _ in range(20)] == [200] * 20
    os.kill(second, signal.SIGKILL)
    until(lambda: site.call() == 503)
    answer = requests.post(site.hook, data=CANARY, timeout=LONG)
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "5"
    assert answer.json()["issue"][0]["code"] == "transient" and CANARY not in answer.content
    key.chmod(0o600)
    until(lambda: [site.call() for _ in range(6)] == [200] * 6)
    assert site.process.poll() is None
    site.stop()


@pytest.mark.rule("G1", "G3")
def test_the_embedded_redis_comes_back_and_ends_with_its_parent(site):
    """A worker that ends leaves it alone; kill -9 of the first process leaves nothing behind."""
    (redis,) = site.redis()
    worker = site.children()[0]
    os.kill(worker, signal.SIGTERM)
    until(lambda: worker not in site.children())
    assert site.redis() == [redis]
    os.kill(redis, signal.SIGKILL)
    until(lambda: site.redis() not in ([], [redis]))
    until(lambda: site.parts()["redis"]["state"] == "ok" and site.call() == 200)
    left = [*site.redis(), *site.children()]
    site.process.kill()
    site.process.wait()
    until(lambda: not any(alive(one) for one in left))


def alive(process: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


HEAD = b"POST /cds-services/vigil-patient-view HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BROKEN = {
    "header": (400, b"GET / HTTP/1.1\r\nBad Name " + CANARY + b": 1\r\n\r\n"),
    "folded header": (400, b"GET / HTTP/1.1\r\nHost: x\r\n " + CANARY + b"\r\n\r\n"),
    "request line": (400, CANARY + b"\r\n\r\n"),
    "version": (400, b"GET / HTTP/9." + CANARY + b"\r\n\r\n"),
    "long line": (414, b"GET /" + CANARY + b"a" * 9000 + b" HTTP/1.1\r\n\r\n"),
    "long header": (431, b"GET / HTTP/1.1\r\nX: " + CANARY + b"a" * 300_000 + b"\r\n\r\n"),
    "length": (400, HEAD + b"Content-Length: " + CANARY + b"\r\n\r\n"),
    "two lengths": (400, HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}"),
    "coding": (501, HEAD + b"Transfer-Encoding: " + CANARY + b"\r\n\r\n"),
    "expectation": (417, HEAD + b"Expect: " + CANARY + b"\r\nContent-Length: 2\r\n\r\n{}"),
    "chunk size": (400, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + CANARY + b"\r\n{}\r\n"),
    "chunk end": (400, HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}" + CANARY + b"\r\n"),
    "method": (
        405,
        b"TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: " + CANARY + b"\r\n\r\n",
    ),
}


def sent(url: str, raw: bytes) -> bytes:
    """Send bytes, and return all that comes back."""
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("localhost", port), timeout=LONG) as connection:
        connection.sendall(raw)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


@pytest.mark.rule("B8", "F9", "D5", "F7")
def test_what_is_no_http_is_answered_and_logged_in_fixed_words(site):
    """Our JSON, our headers, no version, one answer, and not a word of what was sent."""
    for what, (status, raw) in BROKEN.items():
        answer = sent(site.url, raw)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status), (what, answer)
        assert json.loads(body)["resourceType"] == "OperationOutcome", what
        lower = head.lower()
        for header in (b"application/json", b"nosniff", b"no-store", b"default-src 'none'"):
            assert header in lower, (what, header)
        assert not re.search(rb"server: .*[0-9]", lower) and CANARY not in answer, what
        assert answer.count(b"HTTP/1.1 ") == 1, what
    assert CANARY.decode() not in site.log.read_text("utf-8")
    assert {line["status"] for line in site.lines("malformed")} == {400, 414, 417, 431, 501}
    site.stop()


def test_a_start_that_can_never_work_ends_with_its_reason(tmp_path):
    """Once for the person at the keyboard, and without waiting."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "signing-key.json").write_text("{}")
    with pytest.raises(pytest.fail.Exception, match="signing-key.json is readable by others"):
        Site(tmp_path)
