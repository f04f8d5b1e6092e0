"""Turns a version's folder into a verdict: a child process parses it and scores its golden vectors,
before any server does (F4).

A damaged LightGBM text can end its process (SIGSEGV, SIGABRT) or hang it: only the child dies.
`python -m models.fitted.probe FOLDER` is that child. A verdict holds for the very bytes of text and
manifest, the LightGBM version and our own loader, so each is asked for once.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

from models.fitted.booster import ModelError
from models.fitted.model import Model, load, verify
from models.fitted.verdicts import remember, remembered

SECONDS = 10.0
LONGEST = 300
ROOT = Path(__file__).parents[2]
LOADER = ("booster.py", "model.py", "probe.py")
_sound: set[str] = set()


def probe(folder: Path, model: Model, verdicts: Path | None = None) -> None:
    """Have a child load the version and score its golden vectors to 1e-9; nothing is asked twice in
    one process.

    `verdicts` is the file that remembers what passed, over workers and starts. Raises ModelError
    when the child does not pass the very bytes of `model`.
    """
    key = _fingerprint(model)
    if key in _sound or (verdicts and key in remembered(verdicts)):
        return
    scored = _child(folder)
    if scored != model.id.sha256:
        raise ModelError(f"{folder} changed while it was being checked.")
    _sound.add(key)
    if verdicts:
        remember(verdicts, key)


def _child(folder: Path) -> str:
    """Return the SHA-256 that the child scored."""
    command = [sys.executable, "-m", "models.fitted.probe", str(folder.absolute())]
    try:
        run = subprocess.run(
            command, cwd=ROOT, capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise ModelError(f"{folder} did not load within {SECONDS:.0f} seconds.") from None
    except OSError as error:
        raise ModelError(f"{folder} can't be tried, no process starts ({error}).") from None
    if run.returncode < 0:
        raise ModelError(
            f"{folder} ends the process that loads it ({signal.Signals(-run.returncode).name})."
        )
    if run.returncode:
        reason = _last_line(run.stderr)
        raise ModelError(
            reason if run.returncode == os.EX_DATAERR else f"{folder} can't be loaded ({reason})."
        )
    return _last_line(run.stdout)


def _last_line(raw: bytes) -> str:
    """Return what a child said last, fit to be shown: LightGBM's messages about a damaged text
    hold stray bytes of memory.
    """
    lines = raw.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
    return "".join(c if c.isprintable() else " " for c in lines[-1])[:LONGEST]


def _fingerprint(model: Model) -> str:
    """Return what names this manifest and text, and the loader that the child would run."""
    checked = [model.id.sha256, model.manifest, version("lightgbm"), _loader()]
    return hashlib.sha256(json.dumps(checked, sort_keys=True).encode()).hexdigest()


@cache
def _loader() -> str:
    files = (Path(__file__).with_name(name) for name in LOADER)
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def main(folder: Path) -> None:
    """Print the SHA-256 of a version that passes; exit with EX_DATAERR and one sentence when it
    does not.
    """
    try:
        print(verify(load(folder)).id.sha256)
    except ModelError as error:
        print(error, file=sys.stderr)
        sys.exit(os.EX_DATAERR)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
