"""Times calls of WSGI applications in one process, without a client's cost: wall and CPU time."""

import json
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import vigil
from models.fitted.registry import load_models
from runtime import store
from runtime.serving import server
from runtime.settings_file import settings_from
from tests.bench import request as call

ROUNDS, CALLS, WARM = 12, 25, 20
LINE = (200, 1000, 10_000)
# Gives a call that is ready to be timed.
Ready = Iterator[Callable[[], object]]


class Cost(NamedTuple):
    """Median microseconds of a call, by the clock and of the processor."""

    wall: float
    cpu: float


def table(folder: Path) -> None:
    """Print Vigil's call beside the floor and the plain service, then the line of larger charts."""
    warnings.simplefilter("ignore")
    from tests.bench import rivals

    models, settings = load_models(), settings_from(call.settings(folder))
    redis = store.embedded(settings.data_path)
    app, sent = vigil.create_app(settings, redis.url), call.body()
    raw, number = json.dumps(sent).encode(), WARM + ROUNDS * CALLS
    plain = rivals.plain(models[0])
    runs: dict[str, Ready] = {
        "floor: decode, predict, contributions, both models": _again(rivals.floor(models, raw)),
        "floor of one model": _again(rivals.floor(models[:1], raw)),
        "vigil: token, prefetch, assessment, card, audit": _vigil(app, sent, number),
        "plain: Flask, json, Booster, shap, one model": _again(
            lambda: _answer(plain, "/cds-services/plain", raw)
        ),
    }
    server.settle()
    costs = timed(runs, ROUNDS, CALLS, WARM)
    line = [_at(app, count) for count in LINE]
    redis.stop()
    _print(costs, len(raw), line)


def timed(runs: dict[str, Ready], rounds: int, calls: int, warm: int) -> dict[str, Cost]:
    """Return the cost of each, measured in turn so that a drift of the machine meets all alike."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for ready in runs.values():
        for _ in range(warm):
            next(ready)()
    for _ in range(rounds):
        for name, ready in runs.items():
            for _ in range(calls):
                found[name].append(_once(next(ready)))
    return {
        name: Cost(*map(statistics.median, zip(*all_, strict=True))) for name, all_ in found.items()
    }


def _once(run: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return 1e6 * (time.perf_counter() - wall), 1e6 * (time.process_time() - cpu)


def _again(run: Callable[[], object]) -> Ready:
    while True:
        yield run


def _vigil(app: Callable, sent: dict, number: int) -> Ready:
    for body, token in call.calls(sent, number):
        yield lambda body=body, token=token: _answer(app, call.SERVICE, body, token)


def _at(app: Callable, count: int) -> tuple[int, int, Cost]:
    """Return what a call with so many Observations costs, and its bytes."""
    sent, calls = call.body(count), max(5, 20_000 // count)
    size = len(json.dumps(sent))
    cost = timed({"vigil": _vigil(app, sent, calls + 2)}, 1, calls, 2)["vigil"]
    return count, size, cost


def _answer(app: Callable, path: str, raw: bytes, token: str | None = None) -> bytes:
    """Call the WSGI application itself, and return its card."""
    from werkzeug.test import EnvironBuilder

    environ = EnvironBuilder(
        path, method="POST", base_url=call.PUBLIC, content_type="application/json"
    ).get_environ() | {"wsgi.input": BytesIO(raw), "CONTENT_LENGTH": str(len(raw))}
    if token:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    status: list[str] = []
    answer = b"".join(app(environ, lambda code, headers, info=None: status.append(code)))
    if status[0] != "200 OK" or b'"cards":[{' not in answer.replace(b" ", b""):
        raise SystemExit(f"The timed call failed: {status[0]} {answer[:300]!r}")
    return answer


def _print(costs: dict[str, Cost], size: int, line: Sequence[tuple[int, int, Cost]]) -> None:
    floor, one, own, plain = costs.values()
    print(
        f"One call with 200 Observations ({size / 1000:.0f} kB), median of {ROUNDS * CALLS}, one "
        f"process, one core{'':3}    wall      CPU"
    )
    for name, cost in costs.items():
        print(f"  {name:86} {cost.wall:8.0f} {cost.cpu:8.0f} us")
    print(
        f"  CPU: vigil / floor {own.cpu / floor.cpu:.2f} (aim: 2.5 or less), / floor of one model "
        f"{own.cpu / one.cpu:.2f}; plain / vigil {plain.cpu / own.cpu:.2f}"
    )
    print("Larger charts (a body of more than 4 MiB is refused unless max_body_bytes allows it)")
    for count, bytes_, cost in line:
        print(
            f"  {count:6} Observations, {bytes_ / 1e6:5.1f} MB: {cost.cpu / 1000:8.1f} ms CPU, "
            f"{cost.cpu / count:5.1f} us an Observation"
        )
