"""A burst on a real `vigil serve`: some are answered, the others hear at once that they are too
many, and what watches the service is never turned away (F2).
"""

import json
import socket
import threading
from urllib.parse import urlsplit

import pytest
import requests

from tests.integration.test_slow_bodies import OPEN
from tests.support import hookcall
from tests.support.served import Served

CONNECTIONS, CALLS = 64, 320


@pytest.fixture
def served(tmp_path):
    server = Served(tmp_path, OPEN)
    config = tmp_path / "vigil.toml"
    assert "queue_ms" not in config.read_text()
    yield server
    server.stop()


def burst(server):
    """Call from many connections at once and return the statuses, and the headers of a refusal."""
    answers, refused, calls = [], [], iter(range(CALLS))
    port = urlsplit(server.url).port

    def run():
        with requests.Session() as http:
            http.trust_env = False
            for _ in calls:
                body = json.dumps(hookcall.request()).encode()
                answer = http.post(
                    f"http://127.0.0.1:{port}/cds-services/vigil-patient-view",
                    data=body,
                    headers={"Content-Type": "application/json"},
                    timeout=60,
                )
                answers.append(answer.status_code)
                if answer.status_code == 503:
                    refused.append(answer)

    threads = [threading.Thread(target=run) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    well = requests.get(f"{server.url}/readyz", timeout=60).status_code
    for thread in threads:
        thread.join()
    return answers, refused, well


@pytest.mark.rule("F2")
def test_a_burst_is_answered_or_refused_and_never_queued_without_end(served):
    answers, refused, well = burst(served)
    assert set(answers) == {200, 503} and len(answers) == CALLS
    assert well == 200
    assert refused[0].headers["Retry-After"] == "1"
    assert refused[0].json()["issue"][0]["code"] == "transient"
    # The service is as good as before, and refused calls left no token, no record and no place.
    text = json.dumps(hookcall.request())
    after = requests.post(
        served.hook, data=text, headers={"Content-Type": "application/json"}, timeout=60
    )
    assert after.status_code == 200


@pytest.mark.rule("F2", "B1")
def test_a_refused_call_that_still_sends_gets_its_answer(served):
    """The connection is closed after its body has come, not reset while it comes."""
    stop = threading.Event()
    crowd = threading.Thread(target=lambda: burst(served), daemon=True)
    crowd.start()
    statuses = set()
    while crowd.is_alive() and not stop.is_set():
        with socket.create_connection(("localhost", urlsplit(served.url).port), 60) as connection:
            connection.sendall(
                b"POST /cds-services/vigil-patient-view HTTP/1.1\r\nHost: x\r\n"
                b"Content-Type: application/json\r\nConnection: close\r\n"
                b"Content-Length: 2000000\r\n\r\n"
            )
            for _ in range(20):
                connection.sendall(b" " * 100_000)
            statuses.add(connection.makefile("rb").readline().split()[1])
    assert statuses <= {b"400", b"503"}
