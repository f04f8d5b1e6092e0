"""Keeps histories in Redis for as long as the policy asks for them, shared by all hosts of one
`redis_url`: keys are keyed hashes, values are encrypted (F10).

It is never needed for a card: without it each call is decided as if nothing had been before.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo
from typing import TypeVar, cast

import msgspec
import redis
from redis.client import Pipeline

from cdshooks.delivering.decision import Decision
from cdshooks.delivering.history import Before, History, Kind, Snooze, standing, still_standing
from cdshooks.delivering.seen import Seen
from cdshooks.delivering.snoozes import KINDS, OF_ALL_USERS
from cdshooks.sealed import opened, seal
from runtime.logs import get_logger, keyed_hash
from runtime.settings import Policy

DAY = timedelta(days=1)
AnyValue = TypeVar("AnyValue", Before, Snooze)
log = get_logger("cdshooks")


class Memory:
    """The histories of one store."""

    def __init__(self, store: redis.Redis):
        self._store = store

    def recall(self, found: Seen, zone: tzinfo) -> History | None:
        """Return what is remembered for a call, in one round trip; None where the store is away."""
        snoozes = {kind: snooze_name(found, kind) for kind in KINDS}
        names = [before_name(found), *snoozes.values()]
        keys = [_key(name) for name in (*names, count_name(found, zone))]
        try:
            *sealed, count = cast("list[bytes | None]", self._store.mget(keys))
        except redis.RedisError as error:
            log.warning("delivery_redis", error=error)
            return None
        before = _opened(names[0], sealed[0], Before)
        stored = zip(snoozes.items(), sealed[1:], strict=True)
        lasting = {kind: _opened(name, one, Snooze) for (kind, name), one in stored}
        # What is no number is not ours, and no reason to give no card.
        interrupts = int(count) if count and count.isdigit() else 0
        return History(before, {kind: one for kind, one in lasting.items() if one}, interrupts)

    def keep(
        self, found: Seen, history: History, made: Decision, policy: Policy, zone: tzinfo
    ) -> None:
        """Remember what was decided, in one round trip or none."""
        before = after(found, history, made, policy)
        pipe = self._store.pipeline(transaction=False)
        if before and before != history.before:
            end = before.at + timedelta(hours=policy.quiet_hours)
            if end > found.at:
                pipe.set(*_item(before_name(found), before), px=end - found.at)
        for kind, snooze in snoozes_after(found, history, policy).items():
            pipe.set(*_item(snooze_name(found, kind), snooze), keepttl=True)
        if made.interrupts:
            key = _key(count_name(found, zone))
            pipe.incr(key)
            pipe.expire(key, 2 * DAY)
        self._run(pipe)

    def snooze(self, asked: Iterable[tuple[Seen, Kind, Snooze]], now: datetime) -> bool:
        """Remember that the cards of some calls were dismissed, in one round trip; tell whether
        that could be kept.
        """
        pipe = self._store.pipeline(transaction=False)
        for card, kind, snooze in asked:
            pipe.set(*_item(snooze_name(card, kind), snooze), px=snooze.until - now)
        return self._run(pipe)

    def wake(self, calls: Iterable[Seen], kind: Kind) -> bool:
        """Forget that the cards of some calls were dismissed; tell whether that could be done."""
        pipe = self._store.pipeline(transaction=False)
        for found in calls:
            pipe.delete(_key(snooze_name(found, kind)))
        return self._run(pipe)

    def _run(self, pipe: Pipeline) -> bool:
        try:
            if len(pipe):
                pipe.execute()
            return True
        except redis.RedisError as error:
            log.warning("delivery_redis", error=error)
            return False


def after(found: Seen, history: History, made: Decision, policy: Policy) -> Before | None:
    """Return what later calls are compared with: this one where its card was given whole, and was
    no answer to a question, which says other things.
    """
    if found.question:
        return history.before
    if made.form == "whole":
        return standing(found)
    points = policy.risk_points / 100
    return still_standing(history.before, found, points) if history.before else None


def snoozes_after(found: Seen, history: History, policy: Policy) -> dict[Kind, Snooze]:
    """Return the dismissals to which a call means something: what is better since then is news when
    it gets worse again.
    """
    if found.question:
        return {}
    points = policy.risk_points / 100
    now = {
        kind: msgspec.structs.replace(one, before=still_standing(one.before, found, points))
        for kind, one in history.snoozes.items()
    }
    return {kind: one for kind, one in now.items() if one != history.snoozes[kind]}


def _item(name: str, value: Before | Snooze) -> tuple[str, bytes]:
    return _key(name), seal(name, msgspec.json.encode(value))


def _opened(name: str, sealed: bytes | None, kind: type[AnyValue]) -> AnyValue | None:
    content = opened(name, sealed) if sealed else None
    try:
        return msgspec.json.decode(content, type=kind) if content else None
    except msgspec.ValidationError:
        # Of another version of Vigil.
        return None


def before_name(found: Seen) -> str:
    """Return what stands for a patient and a user."""
    return _name("before", found.ehr, found.patient, found.person)


def snooze_name(found: Seen, kind: Kind) -> str:
    """Return what stands for a patient, and for a user where a snooze is one user's."""
    of = () if kind in OF_ALL_USERS else (found.person,)
    return _name(f"snooze {kind}", found.ehr, found.patient, *of)


def count_name(found: Seen, zone: tzinfo) -> str:
    """Return what stands for a day of a ward, or of the EHR where a call names none."""
    day = found.at.astimezone(zone).date()
    return _name("interrupts", found.ehr, found.unit or "", day.isoformat())


def _name(*parts: str) -> str:
    return "delivery " + msgspec.json.encode(parts).decode()


def _key(name: str) -> str:
    return f"vigil:delivery:{keyed_hash(name)}"
