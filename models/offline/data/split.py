"""Tells which records training never sees: every fifth, by a hash of its id, so that training and validation agree without a list."""

import hashlib
from collections.abc import Iterable, Iterator

from models.offline.data.stays import Stay

ONE_IN = 5
HELD_OUT, TRAINING, ALL = "held-out", "training", "all"
RULE = f"records whose SHA-256 of the id, read as a number, divides by {ONE_IN}"


def held_out(record: str) -> bool:
    """Tell whether training leaves this record to validation."""
    return int(hashlib.sha256(record.encode()).hexdigest(), 16) % ONE_IN == 0


def part(stays: Iterable[Stay], name: str) -> Iterator[Stay]:
    """Yield the stays of a part: HELD_OUT, TRAINING or ALL."""
    return (stay for stay in stays if name == ALL or held_out(stay.record) == (name == HELD_OUT))
