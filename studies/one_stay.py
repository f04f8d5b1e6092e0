"""Turns one stay of a table into a chart at any moment."""

from datetime import datetime
from pathlib import Path

from models.patient.chart import Chart
from studies.data.mapping import read_mapping
from studies.data.stays import DataError, Stay
from studies.data.tables import table_stays

# Of so many stays a message names the first.
NAMED = 5


class OneStay:
    """The chart of one stay, read once: what counts at a moment is the assessment's to say."""

    def __init__(self, stay: Stay):
        self._stay = stay

    def at(self, moment: datetime) -> Chart:
        """Return the chart."""
        return self._stay.chart

    def newest(self, now: datetime) -> datetime:
        """Return when the newest value was taken; `now` where there is none."""
        return max((reading.time for reading in self._stay.chart.readings), default=now)


def one_stay(path: Path, mapping: Path, record: str | None) -> OneStay:
    """Return the stay of that id, or the only one. Raises DataError."""
    stays = {stay.record: stay for stay in table_stays(path, read_mapping(mapping))}
    if record in stays:
        return OneStay(stays[record])
    if len(stays) == 1 and record is None:
        return OneStay(*stays.values())
    few = ", ".join(list(stays)[:NAMED])
    more = f" and {len(stays) - NAMED} more" if len(stays) > NAMED else ""
    raise DataError(f"{path}: say with --patient which stay; it holds {few}{more}.")
