"""Runs `vigil serve` and the usual FastAPI service one after the other under the same load: calls a
second, p50 and p99; then start and memory of Vigil.
"""

import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.bench import request as call
from tests.bench import usual

ROOT = Path(__file__).parents[2]
WORKERS, WARM = 2, 20
# Connections, and calls over all of them.
LOADS = {1: 200, 8: 800}


class Service(NamedTuple):
    """A running service: where it is called, and its process."""

    name: str
    port: int
    path: str
    process: subprocess.Popen


def table(folder: Path) -> None:
    """Print both services' figures, in turn for each load."""
    with _vigil(folder) as (own, started), _usual() as other:
        weights = ", ".join(f"{_resident(pid):.0f} MB" for pid in _workers(own.process.pid))
        for service in (own, other):
            _load(service, 1, WARM)
        print(f"Under load over HTTP, {WORKERS} workers each, 200 Observations a call")
        for connections, number in LOADS.items():
            for service in (own, other):
                times, seconds = _load(service, connections, number)
                cuts = statistics.quantiles(times, n=100)
                print(
                    f"  {connections} connection{'s' if connections > 1 else ' '} {service.name:36} "
                    f"{number / seconds:6.0f} calls/s   p50 {cuts[49]:6.1f} ms   p99 {cuts[98]:6.1f} ms"
                )
        loaded = ", ".join(f"{_resident(pid):.0f} MB" for pid in _workers(own.process.pid))
    print(
        f"Start to first answer {started:.1f} s (aim: under 2)\n"
        f"Resident memory of Vigil's workers {weights}, after the load {loaded} (aim: under 150 MB)"
    )


def _load(service: Service, connections: int, number: int) -> tuple[list[float], float]:
    """Return the milliseconds of each of so many calls over some connections, and the seconds that
    all took.
    """
    public = f"http://localhost:{service.port}"
    ready = list(call.calls(call.body(), number, public))
    times: list[float] = []
    threads = [
        threading.Thread(target=_send, args=(service, ready[n::connections], times))
        for n in range(connections)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    if len(times) != number:
        raise SystemExit(f"{service.name}: {number - len(times)} of {number} calls failed.")
    return times, seconds


def _send(service: Service, ready: list[tuple[bytes, str]], times: list[float]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    for body, token in ready:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        started = time.perf_counter()
        connection.request("POST", service.path, body, headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200 or not json.loads(said)["cards"]:
            return
        times.append(1000 * (time.perf_counter() - started))


@contextmanager
def _vigil(folder: Path) -> Iterator[tuple[Service, float]]:
    port = _free_port()
    call.settings(folder)
    (folder / "vigil.toml").write_text(
        f'public_url = "http://localhost:{port}"\nworkers = {WORKERS}\n[[ehr]]\nid = "bench"\n'
        f'fhir_base = ["{call.FHIR}"]\nhook_issuer = "{call.ISSUER}"\nhook_jwks_file = "keys.json"\n'
        "quiet_hours = 0\n"
    )
    with _process("-m", "vigil", "serve", "--config", str(folder / "vigil.toml")) as process:
        started = _wait(port, "/cds-services")
        yield Service("vigil serve", port, call.SERVICE, process), started


@contextmanager
def _usual() -> Iterator[Service]:
    port = _free_port()
    arguments = ("--port", str(port), "--workers", str(WORKERS), "--log-level", "warning")
    with _process("-m", "uvicorn", "tests.bench.usual:app", *arguments) as process:
        _wait(port, "/openapi.json")
        yield Service("FastAPI, uvicorn, json, Booster", port, usual.PATH, process)


@contextmanager
def _process(*arguments: str) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
        return found


def _wait(port: int, path: str) -> float:
    """Return the seconds until a service answered."""
    started = time.perf_counter()
    while time.perf_counter() - started < 60:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return time.perf_counter() - started
        except OSError:
            time.sleep(0.02)
    raise SystemExit("A service did not answer within 60 s.")


def _workers(pid: int) -> list[int]:
    found = [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [
        p
        for p in found
        if "vigil" in Path(f"/proc/{p}/cmdline").read_text()
        and "valkey" not in os.readlink(f"/proc/{p}/exe")
    ]


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1000
