"""Reads from the audit log of the demonstration's own Vigil what was decided on a call: no client
is told, and a visitor wants to watch it.

The log of a demonstration is not encrypted, and a record is on disk before its answer leaves.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

QUERY = "SELECT body FROM audit WHERE hook_instance = ? AND type = 'hook' ORDER BY seq LIMIT 1"
# The chart of a record is long, and the request shows it.
LEFT_OUT = ("chart",)


def decided(log: Path | None, hook_instance: str) -> dict[str, Any] | None:
    """Return the record of the call with that hookInstance without its chart; None where there is
    no log or it can't be read, which is no reason to keep a chart back.
    """
    if log is None:
        return None
    try:
        with closing(sqlite3.connect(f"{log.as_uri()}?mode=ro", uri=True, timeout=1)) as found:
            row = found.execute(QUERY, (hook_instance.lower(),)).fetchone()
        record = json.loads(row[0]) if row else None
    except (sqlite3.Error, ValueError):
        return None
    if not isinstance(record, dict):
        return None
    return {name: value for name, value in record.items() if name not in LEFT_OUT}
