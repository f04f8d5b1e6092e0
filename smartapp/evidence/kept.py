"""What a page keeps of each Observation that came with a chart, sealed beside its session."""

from datetime import datetime

import msgspec

from smartapp.problems import NothingShown

READ, UNUSABLE, LEFT, PASSED = "read", "unusable", "left", "passed"


class Coded(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A code of a system, with what the chart calls it."""

    system: str
    code: str
    display: str


class Value(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A value of an Observation as it is charted, and what became of it.

    `fate` is READ, UNUSABLE (then its variable is unknown from its time on), LEFT, or PASSED, where
    a part of a panel is nothing that Vigil reads; `reason` is a word of
    models.reading.reader.REASONS. `place` is where the Chart holds it, among its readings or its
    unusable values (of a duplicate: where it holds the equal one), None where it does not. `label`
    and `codes` are empty where they are the Observation's own.
    """

    label: str
    codes: tuple[Coded, ...]
    written: str
    unit_code: str
    variable: str
    fate: str
    reason: str
    place: int | None


class Observed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An Observation of this patient; what the chart does not say is empty, or None.

    Time (aware UTC): it was taken from `began` to `time`, or at `time`, if that is exact; `words`
    is what is charted in place of an exact one or of an end, and `latest` when it was at the
    latest. `filed` is `issued`, `updated` is `meta.lastUpdated`.
    """

    id: str
    label: str
    codes: tuple[Coded, ...]
    status: str
    time: datetime | None
    began: datetime | None
    words: str
    latest: datetime | None
    filed: datetime | None
    updated: datetime | None
    performer: str
    device: str
    method: str
    site: str
    values: tuple[Value, ...]


class Evidence(msgspec.Struct, frozen=True):
    """The Observations of one reading of a chart, newest first.

    `cut` counts those beyond the newest MOST, `strangers` those that are not for certain this
    patient's, `unreadable` the entries that are nothing: of these three there is only the number.
    """

    rows: tuple[Observed, ...] = ()
    cut: int = 0
    strangers: int = 0
    unreadable: int = 0


def evidence_of(kept: msgspec.Raw) -> Evidence:
    """Return what a page kept. Raises NothingShown for what another version of Vigil did."""
    try:
        return msgspec.json.decode(kept, type=Evidence)
    except ValueError:
        raise NothingShown("evidence of another version") from None
