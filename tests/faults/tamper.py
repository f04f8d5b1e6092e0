"""The audit log changed by somebody who may write to its folder: `vigil audit verify` notices it
(governance part 5).
"""

import contextlib
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from runtime.audit.log import Audit
from tests.faults.outcome import Outcome, Scale
from tests.faults.site import Site, command

RECORDS = 20


@cache
def _recorded() -> tempfile.TemporaryDirectory:
    """Return the folder of a Vigil that made records and was stopped; it is copied for each trial."""
    kept = tempfile.TemporaryDirectory(prefix="vigil-")
    with Site(Path(kept.name) / "site") as site:
        for _ in range(RECORDS):
            site.call()
        # As an operator does, since a checkpoint may be made then.
        site.stop()
    return kept


def _trial(folder: Path, change: Callable[[Path], None]) -> Outcome:
    """Change the log of a stopped Vigil, and ask for a verification."""
    shutil.copytree(
        Path(_recorded().name) / "site", folder, ignore=shutil.ignore_patterns("redis", "log")
    )
    whole = command(folder / "vigil.toml", "audit", "verify")
    change(folder / "data" / "audit.sqlite")
    found = command(folder / "vigil.toml", "audit", "verify")
    said = (found.stderr or found.stdout).strip().splitlines()
    return Outcome(
        f"before: {'whole' if whole.returncode == 0 else whole.stderr}; after, exit "
        f"{found.returncode}: {said[-1] if said else ''}",
        whole.returncode == 0 and found.returncode != 0 and "Traceback" not in found.stderr,
    )


def cut(folder: Path, scale: Scale) -> Outcome:
    """The newest records are removed."""
    return _trial(folder, lambda path: _sql(path, "DELETE FROM audit WHERE seq > 10"))


def dropped(folder: Path, scale: Scale) -> Outcome:
    """The table is dropped."""
    return _trial(folder, lambda path: _sql(path, "DROP TABLE audit"))


def deleted(folder: Path, scale: Scale) -> Outcome:
    """The file is deleted."""
    return _trial(folder, _remove)


def changed(folder: Path, scale: Scale) -> Outcome:
    """A record in the middle is changed."""
    word = "UPDATE audit SET body = body || ' ' WHERE seq = 7"
    return _trial(folder, lambda path: _sql(path, word))


def rehashed(folder: Path, scale: Scale) -> Outcome:
    """A record is changed and the whole chain is made anew, with Vigil's own code."""
    return _trial(folder, _forge)


def garbage(folder: Path, scale: Scale) -> Outcome:
    """A page in the middle of the file is overwritten."""

    def overwrite(path: Path) -> None:
        _sql(path, "SELECT 1")
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2 // 4096 * 4096)
            file.write(b"\xa5" * 4096)

    return _trial(folder, overwrite)


def _sql(path: Path, text: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(text)
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _remove(path: Path) -> None:
    for one in path.parent.glob(f"{path.name}*"):
        one.unlink()


def _forge(path: Path) -> None:
    records = list(Audit(path).records())[::-1]
    _remove(path)
    forged = Audit(path)
    for record in records:
        kind = record["type"]
        body = {
            name: value
            for name, value in record.items()
            if name not in ("seq", "ts", "type", "hash")
        }
        if "patient" in body:
            body = json.loads(json.dumps(body).replace('"p1"', '"p2"'))
        forged.append(kind, body)
