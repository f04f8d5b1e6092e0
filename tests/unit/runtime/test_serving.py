"""The parts of the server: a worker's start, what is answered and logged for it, the Redis beside
it. With real processes: tests/integration/test_serving_faults.py.
"""

import io
import json
import os
import sqlite3
from types import SimpleNamespace

import pytest
import redis
from gunicorn.config import Config
from gunicorn.http import errors

from models.fitted.booster import ModelError
from runtime import logs, store
from runtime.audit.log import AuditError
from runtime.secretfile import SecretFileError
from runtime.serving import refused, slate
from runtime.serving.server_log import ServerLog
from runtime.serving.worker import Worker
from runtime.settings_file import SettingsError

FAULTS = [
    AuditError("audit"),
    SecretFileError("key"),
    SettingsError("settings"),
    ModelError("model"),
    redis.ConnectionError("redis"),
    sqlite3.OperationalError("disk I/O error"),
    OSError(28, "no space"),
    MemoryError(),
    KeyError("ours"),
]


@pytest.fixture
def lines(tmp_path):
    stream = io.StringIO()
    logs.configure(tmp_path, stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def worker(fault: Exception, **told) -> Worker:
    """Return a worker whose application does not start."""

    def fail():
        raise fault

    made = Worker(1, os.getppid(), [], SimpleNamespace(wsgi=fail), 15, Config(), None)
    vars(made).update(told)
    return made


@pytest.mark.rule("G7", "G3")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_whatever_fails_in_a_workers_start_stays_there(fault, lines):
    """It answers 503 in its place; only the first one of a server fails as a whole."""
    lame = worker(fault, first=False)
    lame.load_wsgi()
    assert lame.lame and lame.wsgi is refused.away
    (line,) = lines()
    assert (line["event"], line["error"]) == ("worker_start", type(fault).__name__)
    with pytest.raises(type(fault)):
        worker(fault, first=True).load_wsgi()


def test_a_worker_says_on_its_slate_how_its_start_went():
    """Nothing at first, and "gone" once nobody can say more."""
    one = worker(OSError())
    assert slate.read(one) == b""
    slate.write(one, slate.FAILED)
    assert slate.read(one) == b"failed"
    one.tmp.close()
    assert slate.read(one) == slate.GONE


@pytest.mark.rule("B8", "D5")
def test_a_worker_without_an_application_answers_when_to_come_again():
    seen = {}
    (body,) = refused.away({}, lambda status, headers: seen.update(headers, status=status))
    assert seen["status"] == "503 Service Unavailable" and seen["Retry-After"] == "5"
    assert (seen["Cache-Control"], seen["Content-Length"]) == ("no-store", str(len(body)))
    assert json.loads(body)["resourceType"] == "OperationOutcome"


@pytest.mark.rule("B8")
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidHeader("x"), 400),
        (errors.InvalidChunkSize(b"x"), 400),
        (errors.LimitRequestLine(9000, 8190), 414),
        (errors.LimitRequestHeaders("x"), 431),
        (errors.UnsupportedTransferCoding("x"), 501),
        (KeyError("x"), 500),
        (SystemExit(), 500),
    ],
)
def test_each_kind_of_broken_request_has_its_status(error, status):
    assert refused.status_of(error) == status


@pytest.mark.rule("F9")
def test_the_servers_own_words_are_lines_and_a_worker_quotes_nothing(lines, monkeypatch):
    """The first process never meets a request, so its words may be told whole."""
    log = ServerLog(Config())
    log.error("Connection in use: %s", "('127.0.0.1', 8000)")
    monkeypatch.setattr(os, "getpid", lambda: -1)
    log.warning("Worker (pid:%s) met %s", 12, "CANARY")
    try:
        raise ValueError("CANARY")
    except ValueError:
        log.exception("Error handling request %s", "/CANARY")
    log.info("CANARY")
    log.debug("CANARY")
    first, second, third = lines()
    assert first["message"] == "Connection in use: ('127.0.0.1', 8000)"
    assert second["message"] == "Worker (pid:12) met ..."
    assert third["error"] == "ValueError" and "CANARY" not in f"{second}{third}"


def test_a_redis_that_ends_again_and_again_is_started_less_and_less_often(tmp_path, monkeypatch):
    """At once the first time, then after pauses that double; one that lived long begins anew."""
    clock, starts = [1000.0], []
    monkeypatch.setattr(store.time, "monotonic", lambda: clock[0])
    server = store.Embedded(tmp_path)
    monkeypatch.setattr(server, "_runs", lambda: False)

    def spawn():
        server._started = clock[0]
        starts.append(clock[0] - 1000)

    monkeypatch.setattr(server, "_spawn", spawn)
    for _ in range(40):
        server.tend()
        clock[0] += 1
    assert starts == [0, 1, 3, 7, 15, 31]
    clock[0] += 1000
    server.tend()
    clock[0] += 2
    server.tend()
    assert starts[-1] - starts[-2] == 2


def test_a_redis_of_another_process_is_used_and_left_alone(tmp_path):
    """Two servers over one folder share it; who started it ends it."""
    first = store.embedded(tmp_path)
    second = store.embedded(tmp_path)
    assert second.url == first.url
    second.stop()
    assert store.connect(first.url).ping()
    first.stop()
    with pytest.raises(redis.ConnectionError):
        store.connect(first.url).ping()
