"""Turns a token's (iss, jti) into "first use" or "used before", across workers and hosts (A7,
R109).

Every use is noted in a local SQLite table, which makes one host exact even over a restart, and in
Redis, which several hosts may share. With one of the two away the other decides (G1, G5).
"""

import hashlib
import sqlite3
import threading
from pathlib import Path

import redis

from runtime import sqlite
from runtime.logs import get_logger
from runtime.web import Unavailable

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS used (token TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID"
)
CLEAN_EVERY = 1000
BUSY_SECONDS = 0.2
log = get_logger("cdshooks")


class UsedTokens:
    """The tokens used so far, each kept until it would be refused for its age anyway."""

    def __init__(self, store: redis.Redis, path: Path):
        self._store, self._lock = store, threading.Lock()
        self._table = sqlite.OfProcess(path, SCHEMA, "NORMAL")
        self._count = 0

    def first_use(self, issuer: str, jti: str, now: int, until: int) -> bool:
        """Note a use and return whether it is the first one.

        Raises Unavailable when neither store can be written: a token that can't be noted is not
        accepted.
        """
        token = hashlib.sha256(f"{issuer}\0{jti}".encode()).hexdigest()
        here = self._note_here(token, now, until)
        if here is False:
            return False
        everywhere = self._note_everywhere(token, until - now)
        if here is None and everywhere is None:
            raise Unavailable("The service can't check callers at the moment; try again.")
        return everywhere is not False

    def _note_here(self, token: str, now: int, until: int) -> bool | None:
        with self._lock:
            try:
                return self._insert(self._table.connection(), token, now, until)
            except (OSError, sqlite3.Error) as error:
                log.error("used_tokens_table", error=error)
                return None

    def _insert(self, db: sqlite3.Connection, token: str, now: int, until: int) -> bool:
        with sqlite.transaction(db, BUSY_SECONDS):
            if self._count % CLEAN_EVERY == 0:
                db.execute("DELETE FROM used WHERE until < ?", (now,))
            self._count += 1
            return (
                db.execute("INSERT OR IGNORE INTO used VALUES (?, ?)", (token, until)).rowcount == 1
            )

    def _note_everywhere(self, token: str, seconds: int) -> bool | None:
        try:
            return bool(self._store.set(f"vigil:jti:{token}", b"1", nx=True, ex=max(seconds, 1)))
        except redis.RedisError as error:
            log.warning("used_tokens_redis", error=error)
            return None
