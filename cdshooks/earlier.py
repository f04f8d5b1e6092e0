"""Finds the first record of a hookInstance at one hook, so that a call that comes again gets the
same cards, also from another host (G12). A client may give several of our services one
hookInstance: each answers for itself.

The audit log knows this host's calls. Hosts that share a Redis keep each first record there for as
long as a repeat is one, encrypted with a key that only they can make (F10). Of equal calls at the
same time one is answered first, and the others wait for its record.
"""

import time
from datetime import timedelta
from typing import Any, cast

import msgspec
import redis

from cdshooks.sealed import opened, seal
from runtime.audit.log import Audit, AuditError
from runtime.logs import get_logger, keyed_hash

# A client that repeats a call does so at once. An old hookInstance that comes back later gets a new
# look at the chart.
REPEAT = timedelta(minutes=10)
# An answer takes a fraction of a second; who waits longer for it is answered anew.
ANSWERING_SECONDS, LOOK_SECONDS = 1.0, 0.01
log = get_logger("cdshooks")


class EarlierCalls:
    """The calls that were answered; `store` is this host's Redis, or that of several hosts, which
    is `shared`.

    Neither a log that can't be read nor a Redis that is away costs a card: then a repeat is
    answered anew.
    """

    def __init__(self, audit: Audit, store: redis.Redis, shared: bool):
        self._audit, self._store, self._shared = audit, store, shared

    def find(self, hook: str, hook_instance: str) -> dict[str, Any] | None:
        """Return the first record of a hookInstance at a hook, awaited where an equal call is being
        answered; None means that the caller answers first.
        """
        found, call = self._find(hook, hook_instance), _call(hook, hook_instance)
        until = time.monotonic() + ANSWERING_SECONDS
        while not found and not self._begin(call) and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
            found = self._find(hook, hook_instance)
        return found

    def _begin(self, call: str) -> bool:
        """Tell whether nobody else is answering this call; then the caller is."""
        name = f"vigil:answering:{keyed_hash(call)}"
        try:
            return bool(self._store.set(name, b"1", nx=True, px=int(1000 * ANSWERING_SECONDS)))
        except redis.RedisError as error:
            log.warning("earlier_calls_redis", error=error)
            return True

    def _find(self, hook: str, hook_instance: str) -> dict[str, Any] | None:
        try:
            found = self._audit.find_hook(hook_instance, hook)
        except AuditError as error:
            log.error("audit", error=error)
            found = None
        # The first one here may be the repeat of another host's call, which holds no chart.
        if found and "chart" in found:
            return found
        return self._find_elsewhere(_call(hook, hook_instance))

    def keep(self, record: dict[str, Any]) -> None:
        """Let the other hosts find a record that is in the audit log of this one."""
        if not self._shared:
            return
        call = _call(record["hook"], record["hook_instance"])
        sealed = seal(_secret(call), msgspec.json.encode(record))
        try:
            self._store.set(_key(call), sealed, nx=True, ex=REPEAT)
        except redis.RedisError as error:
            log.warning("earlier_calls_redis", error=error)

    def _find_elsewhere(self, call: str) -> dict[str, Any] | None:
        if not self._shared:
            return None
        try:
            sealed = cast("bytes | None", self._store.get(_key(call)))
        except redis.RedisError as error:
            log.warning("earlier_calls_redis", error=error)
            return None
        return _opened(sealed, call) if sealed else None


def _call(hook: str, hook_instance: str) -> str:
    return f"{hook} {hook_instance}"


def _opened(sealed: bytes, call: str) -> dict[str, Any] | None:
    content = opened(_secret(call), sealed)
    record: dict[str, Any] | None = msgspec.json.decode(content) if content else None
    return record


def _key(call: str) -> str:
    return f"vigil:call:{keyed_hash(call)}"


def _secret(call: str) -> str:
    return f"earlier call {call}"
