"""Tells which patients training never sees: every fifth, by a hash of the id, so that training
and validation agree without a list.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from studies.data.stays import Stay

ONE_IN = 5
HELD_OUT, TRAINING, ALL = "held-out", "training", "all"
RULE = f"patients whose SHA-256 of the id, read as a number, divides by {ONE_IN}"


def held_out(patient: str) -> bool:
    """Tell whether training leaves this patient, with every stay, to validation; in PhysioNet's
    data a patient is a record.
    """
    return int(hashlib.sha256(patient.encode()).hexdigest(), 16) % ONE_IN == 0


def watched(stays: Iterable[Stay], hours: int) -> Iterator[Stay]:
    """Yield the stays as if nobody had watched them any longer."""
    return (
        replace(stay, labels={name: known[:hours] for name, known in stay.labels.items()})
        for stay in stays
    )


def part(stays: Iterable[Stay], name: str) -> Iterator[Stay]:
    """Yield the stays of a part: HELD_OUT, TRAINING or ALL."""
    return (
        stay for stay in stays if name == ALL or held_out(stay.chart.patient) == (name == HELD_OUT)
    )
