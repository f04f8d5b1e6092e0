"""Lets feedback that was recorded quiet the next calls about its patient."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec

from cdshooks.delivering.memory import Memory
from cdshooks.delivering.seen import seen
from cdshooks.delivering.snoozes import snooze_of
from runtime.logs import get_logger
from runtime.settings import Settings

log = get_logger("cdshooks")


class Dismissals:
    """What was dismissed, as the policy of each card's EHR says how long that lasts."""

    def __init__(self, memory: Memory, settings: Settings, clock: Callable[[], datetime]):
        self._memory, self._clock = memory, clock
        self._policies = {ehr.id: ehr for ehr in settings.ehr}

    def take(self, told: Iterable[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        """Remember feedback items, each with the record of its card."""
        now, found = self._clock(), []
        for item, record in told:
            try:
                card = seen(record)
            except msgspec.ValidationError as error:
                # A card of a version that recorded less.
                log.warning("dismissal", error=error)
                continue
            asked = snooze_of(item, card, self._policies[card.ehr], now)
            if asked:
                found.append((card, *asked))
        self._memory.snooze(found, now)
