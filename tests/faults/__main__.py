"""`make faults`: tries every fault on a real Vigil and prints a table; exits 1 if a promise is not
kept.
"""

import argparse
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

from runtime import logs
from tests.faults.campaign import FAULTS
from tests.faults.outcome import Fault, Impossible, Outcome, Scale


def main() -> int:
    """Run the faults that are asked for, one after the other; return the exit code."""
    usual = Scale()
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", action="append", choices=[fault.name for fault in FAULTS])
    parser.add_argument("--kills", type=int, default=usual.kills)
    parser.add_argument("--mutations", type=int, default=usual.mutations)
    parser.add_argument("--soak", type=int, default=usual.soak)
    given = parser.parse_args()
    # The table alone goes to stdout.
    logs.configure()
    scale = Scale(given.kills, given.mutations, given.soak)
    asked = [fault for fault in FAULTS if not given.only or fault.name in given.only]
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n", flush=True)
    print("| fault | promise | measured | kept |\n| --- | --- | --- | --- |", flush=True)
    unkept = sum(not _row(fault, scale) for fault in asked)
    print(f"\n{unkept} of {len(asked)} not kept")
    return 1 if unkept else 0


def _row(fault: Fault, scale: Scale) -> bool:
    """Print a line of the table; one that this machine can't make is said to be not
    tried, and fails nothing."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vigil-faults-") as name:
        try:
            found = fault.trial(Path(name) / "site", scale)
            word = "yes" if found.kept else "NO"
        except Impossible as why:
            found, word = Outcome(f"not tried: {why}", True), "-"
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            found, word = Outcome(f"the trial itself failed: {error!r}"[:200], False), "NO"
    told = f"{fault.name}: {fault.what}"
    seconds = time.monotonic() - began
    print(
        f"| {told} | {fault.promises} | {found.measured} ({seconds:.0f} s) | {word} |", flush=True
    )
    return found.kept


if __name__ == "__main__":
    sys.exit(main())
