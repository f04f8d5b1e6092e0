"""A plain walk along the audit log's chain, without checkpoints and sealed months: what writing
has to leave behind. Whoever proves a log asks `vigil audit verify`.
"""

from datetime import datetime
from typing import NamedTuple

from runtime.audit.chain import FIRST, digest
from runtime.audit.ledger import open_log
from runtime.audit.log import Audit


class Chain(NamedTuple):
    """Rows read, the seq of the first row that does not fit (None: all do), and the last hash."""

    records: int
    broken_at: int | None
    head: str


def chain(audit: Audit) -> Chain:
    """Recompute the hashes of all rows."""
    prev, count = FIRST, 0
    query = (
        "SELECT seq, ts, type, assessment_id, hook_instance, body, prev, hash FROM audit "
        "ORDER BY seq"
    )
    db = open_log(audit.path)
    try:
        for seq, *row, stored_prev, stored in db.execute(query):
            if seq != count + 1 or stored_prev != prev or digest(prev, seq, row) != stored:
                return Chain(count, seq, prev)
            prev, count = stored, seq
    finally:
        db.close()
    return Chain(count, None, prev)


def write_at(monkeypatch, moment: datetime) -> None:
    """Have the log and its checkpoints take a moment (aware UTC) for now."""

    class Clock(datetime):
        @classmethod
        def now(cls, zone):
            return moment

    for module in ("runtime.audit.log", "runtime.audit.proof.notary"):
        monkeypatch.setattr(f"{module}.datetime", Clock)
