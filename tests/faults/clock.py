"""Clocks that differ or step back (G6), with a clock that is handed in: no process of its own."""

from datetime import timedelta
from pathlib import Path

from tests.faults.outcome import Outcome, Scale
from tests.support.hookcall import AT, World, request

# By how many seconds the caller's clock is ahead of ours, and whether its fresh token is good.
SKEWS = {
    -3600: False,
    -400: False,
    -350: True,
    -50: True,
    0: True,
    50: True,
    70: False,
    3600: False,
}


def off(folder: Path, scale: Scale) -> Outcome:
    """Within a minute a caller is let in, beyond it the reason is recorded; a step back by an hour
    stops nothing.
    """
    folder.mkdir(parents=True)
    vigil, wrong = World(folder), []
    for seconds, good in SKEWS.items():
        vigil.now = AT + timedelta(seconds=seconds)
        token = vigil.token()
        vigil.now = AT
        status = vigil.post(request(), token=token).status_code
        if status != (200 if good else 401):
            wrong.append(f"{seconds} s: {status}")
    reasons = {record["reason"] for record in vigil.audit.records(type="refusal")}
    vigil.now = AT - timedelta(hours=1)
    back = vigil.post(request()).status_code
    stored = {record["ts"][-6:] for record in vigil.audit.records()}
    return Outcome(
        f"{len(SKEWS)} skews: {', '.join(wrong) or 'each as promised'}; recorded as "
        f"{' and '.join(sorted(reasons))}; an hour back: {back}; stored in {', '.join(stored)}",
        not wrong and reasons == {"expired", "not yet"} and back == 200 and stored == {"+00:00"},
    )
