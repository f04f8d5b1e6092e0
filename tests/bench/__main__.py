"""`make bench`: one table of ratios from one run, Vigil's call beside the floor and the plain
service, then size and start.
"""

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import vigil
from models.fitted.registry import load_models
from runtime import store
from runtime.serving import server
from runtime.settings_file import settings_from
from tests.bench import request as call

ROUNDS, CALLS, WARM = 12, 25, 20
ROOT = Path(__file__).parents[2]


def main() -> None:
    """Measure and print; exits 0 whatever the clock says."""
    warnings.simplefilter("ignore")
    from tests.bench import rivals

    model = load_models()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = settings_from(call.settings(folder, {"keys": [call.KEY.as_dict(private=False)]}))
        redis = store.embedded(settings.data_path)
        app = vigil.create_app(settings, redis.url)
        sent = call.body()
        raw = json.dumps(sent).encode()
        runs = {
            "floor: msgspec parse + predict + contributions": rivals.floor(model, raw),
            "vigil: token, prefetch, assessment, card, audit": _vigil(app, sent),
            "plain: Flask, json, Booster, shap": _wsgi(
                rivals.plain(model), "/cds-services/plain", lambda: (raw, None)
            ),
        }
        server.settle()
        medians = _time(runs)
        redis.stop()
    _table(medians, len(raw))
    _process()


def _vigil(app, sent: dict) -> Callable[[], None]:
    tokens = [call.token() for _ in range(WARM + ROUNDS * CALLS)]
    bodies = [json.dumps(sent | {"hookInstance": str(uuid.uuid4())}).encode() for _ in tokens]
    return _wsgi(app, call.SERVICE, lambda: (bodies.pop(), tokens.pop()))


def _wsgi(app, path: str, take: Callable[[], tuple[bytes, str | None]]) -> Callable[[], None]:
    """Return a call of the WSGI application itself, so that no client's cost is in the figure."""
    from werkzeug.test import EnvironBuilder

    base = EnvironBuilder(
        path, method="POST", base_url=call.PUBLIC, content_type="application/json"
    ).get_environ()

    def run() -> None:
        raw, token = take()
        environ = base | {"wsgi.input": BytesIO(raw), "CONTENT_LENGTH": str(len(raw))}
        if token:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        status = []
        answer = b"".join(app(environ, lambda code, headers, info=None: status.append(code)))
        if status[0] != "200 OK" or b'"cards":[{' not in answer.replace(b" ", b""):
            raise SystemExit(f"The timed call failed: {status[0]} {answer[:300]!r}")

    return run


def _time(runs: dict[str, Callable]) -> dict[str, float]:
    """Return the median microseconds of each, measured in turn so that a drift of the machine
    meets all alike.
    """
    for run in runs.values():
        for _ in range(WARM):
            run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            for _ in range(CALLS):
                started = time.perf_counter()
                run()
                times[name].append(1e6 * (time.perf_counter() - started))
    return {name: statistics.median(values) for name, values in times.items()}


def _table(medians: dict[str, float], size: int) -> None:
    floor, own, plain = medians.values()
    print(
        f"One call with 200 Observations ({size / 1000:.0f} kB), median of {ROUNDS * CALLS}, one process, one core"
    )
    for name, value in medians.items():
        print(f"  {name:52} {value:8.0f} us")
    print(
        f"  vigil / floor {own / floor:.2f} (aim: under 2)      plain / vigil {plain / own:.2f} (aim: 5 or more)"
    )


def _process() -> None:
    """Start the real server and print when it answered and what a worker weighs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = f'public_url = "http://localhost:{port}"\n[[ehr]]\nid = "b"\nfhir_base = ["http://localhost:1/fhir"]\nhook_auth = "open"\n'
        (folder / "vigil.toml").write_text(config)
        started = time.perf_counter()
        server = subprocess.Popen(
            [sys.executable, "-m", "vigil", "serve", "--config", str(folder / "vigil.toml")],
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )
        try:
            answered = _wait(f"http://localhost:{port}/health", started)
            time.sleep(1)
            weights = [_resident(pid) for pid in _children(server.pid)]
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(15)
    workers = ", ".join(f"{weight:.0f} MB" for weight in weights)
    print(
        f"Start to first answer {answered:.1f} s (aim: under 2); resident memory of the workers: {workers} (aim: under 150 MB)"
    )


def _wait(url: str, started: float) -> float:
    while time.perf_counter() - started < 30:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return time.perf_counter() - started
        except OSError:
            time.sleep(0.02)
    raise SystemExit("The server did not answer within 30 s.")


def _children(pid: int) -> list[int]:
    found = [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [
        p
        for p in found
        if "vigil" in Path(f"/proc/{p}/cmdline").read_text()
        and "valkey" not in os.readlink(f"/proc/{p}/exe")
    ]


def _resident(pid: int) -> float:
    line = next(
        line
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmRSS")
    )
    return int(line.split()[1]) / 1000


if __name__ == "__main__":
    main()
