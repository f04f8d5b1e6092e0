"""What became of each Observation that came with a chart, and of each of its parts: told by the
reader itself while it reads, so that it can't say something else than the Chart does.
"""

from collections.abc import Iterable
from typing import NamedTuple

from models.patient.chart import Reading, Unusable
from models.reading.fhir import Component, Resource


class Fate(NamedTuple):
    """What became of a part of an Observation; `part` is the Observation itself where it is about
    all of it.

    `reason` is a word of models.reading.reader.REASONS, "" for what was read. `item` is what the
    Chart holds of it: a Reading, an Unusable, or None for what was left out; of a duplicate it is
    the Reading that is not kept. `variable` is None where it asks for none. `own` is False where
    the Observation is not, or not for certain, about this patient: then nothing of it may be shown.
    """

    resource: Resource
    part: Component
    reason: str
    own: bool
    variable: str | None = None
    item: Reading | Unusable | None = None


def settled(fates: Iterable[Fate], kept: Iterable[Reading]) -> list[Fate]:
    """Return the fates with the readings that are not among those `kept` as duplicates.

    Equal readings are told apart as the objects that they are.
    """
    here = {id(reading) for reading in kept}
    return [
        one._replace(reason="duplicate")
        if isinstance(one.item, Reading) and id(one.item) not in here
        else one
        for one in fates
    ]
