"""Times what the SMART app answers of a whole chart of 48 hours: the processor's time of the thread
that answers, in which the reads of the EHR are but waited for, and how much is sent.
"""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from demo.patients.generate import generate
from tests.support.launch_bench import Bench
from tests.support.small_ehr import SmallEhr

ROUNDS, WARM = 15, 3
PARTS = ("changed", "what_if", "trends", "evidence", "compare", "summary")
TRIED = {"heart_rate": "140", "lactate": "6"}


def table(folder: Path) -> None:
    """Print a row for the page, one for each of its parts, and one for a value that is tried."""
    ehr = SmallEhr()
    ehr.more = _observations(ehr.patient)
    browser = Bench(folder, ehr).browser()
    place = browser.sign_in()
    alone = {"Vigil-Part": "1"}
    print(f"\nThe SMART app, a chart of {len(ehr.more)} Observations: CPU ms, kB")
    _row("page", lambda: browser.get(place))
    for part in PARTS:
        _row(part, lambda part=part: browser.get(f"{place}{part}", headers=alone))
    _row("what_if, two values tried", lambda: browser.post(f"{place}what_if", data=TRIED))
    ehr.stop()


def _row(name: str, ask: Callable) -> None:
    times, size = [], 0
    for _ in range(WARM + ROUNDS):
        before = time.thread_time()
        answer = ask()
        times.append(1e3 * (time.thread_time() - before))
        assert answer.status_code == 200, (name, answer.status_code)
        size = len(answer.data)
    print(f"  {name:28} {statistics.median(times[WARM:]):6.1f}  {size / 1e3:6.1f}")


def _observations(patient: str) -> list[dict]:
    """Return the Observations of the demonstration's septic patient as this patient's."""
    (sick,) = (one for one in generate(datetime.now(UTC)) if one.id == "sepsis")
    found = [one for one in sick.resources if one["resourceType"] == "Observation"]
    return [one | {"subject": {"reference": f"Patient/{patient}"}} for one in found]
