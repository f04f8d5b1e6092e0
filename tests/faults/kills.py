"""kill -9 at random moments, and stop and reload under load (G3, G4)."""

import contextlib
import json
import os
import random
import signal
import time
from pathlib import Path

from tests.faults.outcome import Outcome, Scale
from tests.faults.outside import RECORD, read_from
from tests.faults.site import Load, Site, percentile, until
from tests.support.hookcall import bundle
from tests.support.listener import Listener

# Promised is 5 s; a machine that is shared takes longer, and what is looked for is minutes.
BACK_SECONDS, GENEROUS = 5.0, 6


def killed(folder: Path, scale: Scale) -> Outcome:
    """Kill master, worker or Redis while four clients call; every answer has its record."""
    chance, back, hit = random.Random(3), [], {"master": 0, "other": 0}
    with Site(folder) as site:
        with Load(site.call) as load:
            for _ in range(scale.kills):
                time.sleep(chance.uniform(0.02, 0.3))
                others = site.processes()
                master = chance.random() < 0.25 or not others
                victim = site.process.pid if master else chance.choice(others)
                struck = time.monotonic()
                hit["master" if master else "other"] += 1
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                if master:
                    site.process.wait()
                    site.start()
                until(lambda: site.call().status == 200, GENEROUS * BACK_SECONDS)
                back.append(time.monotonic() - struck)
        site.stop()
        lost, broken = site.unaudited(load.answers)
        good = load.statuses().get(200, 0)
    return Outcome(
        f"{scale.kills} kills ({hit['master']} of the master), {good} cards, {lost} without a record, "
        f"{broken or 'chain whole'}, back in {max(back):.1f} s",
        good > scale.kills and not lost and not broken and max(back) < GENEROUS * BACK_SECONDS,
    )


def orphans(folder: Path, scale: Scale) -> Outcome:
    """Kill the master; whatever it started ends by itself."""
    with Site(folder) as site:
        os.kill(site.process.pid, signal.SIGKILL)
        site.process.wait()
        gone = until(lambda: not site.survivors(), 2 * BACK_SECONDS)
        left = len(site.survivors())
    return Outcome(
        f"{left} processes left" if gone is None else f"all gone in {gone:.1f} s", gone is not None
    )


def stopped(folder: Path, scale: Scale) -> Outcome:
    """SIGTERM at 20 calls a second, half of them waiting for a FHIR server: what was under way is
    answered and recorded.
    """
    ehr = Listener()
    ehr.answers["/fhir"] = _after_a_while
    base = f"{ehr.url}/fhir"
    try:
        with Site(folder, "", RECORD.format("slow", base)) as site:
            waiting = Load(lambda: read_from(site, base), clients=5, every=0.5)
            with Load(site.call, clients=5, every=0.5) as quick, waiting:
                time.sleep(3)
                told = time.monotonic()
                site.process.terminate()
                code = site.process.wait(30)
                ended = time.monotonic() - told
            answers = quick.answers + waiting.answers
            lost, broken = site.unaudited(answers)
    finally:
        ehr.close()
    under_way = [a for a in answers if a.began < told < a.began + a.seconds]
    failed = [a for a in answers if a.began < told and a.status != 200]
    return Outcome(
        f"{len(answers)} calls, {len(under_way)} under way at SIGTERM, {len(failed)} failed, "
        f"{lost} without a record, ended in {ended:.1f} s with code {code}",
        bool(under_way) and not failed and not lost and not broken and code == 0,
    )


def _after_a_while(handler) -> None:
    """Answer with an empty page, late but within a hook's budget."""
    time.sleep(0.3)
    body = json.dumps(bundle([])).encode()
    handler.send_response(200)
    handler.send_header("Content-Type", "application/fhir+json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def reloaded(folder: Path, scale: Scale) -> Outcome:
    """SIGHUP at 20 calls a second: no call fails, none waits for the new workers."""
    with Site(folder) as site:
        with Load(site.call, clients=10, every=0.5) as load:
            time.sleep(3)
            told, before = time.monotonic(), set(site.workers())
            site.process.send_signal(signal.SIGHUP)
            new = until(lambda: before.isdisjoint(site.workers()) and site.workers(), 30)
            time.sleep(2)
        failed = [a for a in load.answers if a.status != 200]
        usual = percentile([a for a in load.answers if a.began + a.seconds < told], 0.99)
        around = [a for a in load.answers if a.began + a.seconds >= told]
        late = sum(a.seconds > 0.5 for a in around)
    return Outcome(
        f"{len(load.answers)} calls, {len(failed)} failed; p99 {1000 * usual:.0f} ms before, "
        f"{1000 * percentile(around, 0.99):.0f} ms around the reload, {late} later than 500 ms; "
        f"new workers after {new or 30:.1f} s",
        new is not None and not failed and percentile(around, 0.99) < max(1.0, 5 * usual),
    )
