"""Reads an audit record as the assessment of one chart: a hook call's, a page's, or a list's."""

from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime
from itertools import islice
from typing import Any

import msgspec

from models.certainty import INDETERMINATE
from models.findings.finding import LEVELS
from models.withheld import OF_MODELS, WITHHELD
from runtime.audit.log import Audit
from runtime.audit.people import ROLE, relative
from runtime.settings import Ehr
from runtime.trials.arm import CONTROL

# Types of records that hold an assessment.
TYPES = ("hook", "page", "listed")
# Of one person so many are looked through: some EHR may call for all its users as one.
MOST = 2000


class Risk(msgspec.Struct, frozen=True):
    """A risk as its record tells of it; `interval` is None of a model without one."""

    outcome: str
    probability: float
    band: str
    interval: tuple[float, float] | None = None

    @property
    def sure(self) -> bool:
        """Tell whether the number may stand alone."""
        return self.band != INDETERMINATE


class Body(msgspec.Struct, frozen=True):
    """What of the chart says who it is, where no name may be read."""

    birth_date: date | None = None
    sex: str | None = None


class Assessed(msgspec.Struct, frozen=True, kw_only=True):
    """One assessment: `at` and `data_time` (that of the newest value) are aware UTC; `shown` is
    None where it was no hook call.
    """

    type: str
    patient: str
    at: datetime
    status: str
    level: str
    news2: dict[str, int | None] = {}
    findings: tuple[tuple[str, str, str | None, str | None], ...] = ()
    risks: tuple[Risk, ...] = ()
    data_time: datetime | None = None
    user: str | None = None
    fhir_user: str | None = None
    encounter: str | None = None
    unit: str | None = None
    withheld: bool = False
    trial: dict[str, Any] | None = None
    shown: bool | None = None
    form: str | None = None
    delivery: str | None = None
    chart: Body = Body()

    @property
    def hidden(self) -> bool:
        """Tell whether the models' estimate was withheld: a trial's control arm."""
        arm = self.trial.get("arm") if self.trial else None
        return self.withheld or self.status == WITHHELD or arm == CONTROL

    def without_models(self) -> "Assessed":
        """Return what may be shown in a control arm."""
        left = tuple(found for found in self.findings if found[1] not in OF_MODELS)
        level = max((found[0] for found in left), key=LEVELS.index, default=LEVELS[0])
        return msgspec.structs.replace(
            self, findings=left, level=level, risks=(), status=WITHHELD, withheld=True
        )

    @property
    def lead(self) -> Risk | None:
        """Return the risk that led, None where there was no number."""
        return self.risks[0] if self.risks else None


def read(records: Iterable[dict[str, Any]]) -> Iterator[Assessed]:
    """Yield the assessments among records: what a repeat, a part of a page or the record of an
    older Vigil holds is none.
    """
    for record in records:
        if "chart" in record and "level" in record:
            try:
                yield msgspec.convert(record, Assessed)
            except msgspec.ValidationError:
                continue


def own(audit: Audit, ehr: Ehr, names: Iterable[str | None], since: datetime) -> Iterator[Assessed]:
    """Yield what one person had assessed at an EHR, newest first; `names` are theirs: the
    `fhirUser` of their id_token, and issuer and subject of it. Raises AuditError.

    Whose a PractitionerRole is only the EHR knows: it is theirs whom it let in by that role's card.
    """
    mine = {relative(name, ehr) for name in names if name}
    found = _of(audit, ehr, mine, since)
    found |= _of(audit, ehr, _roles(audit, found.values(), ehr), since)
    yield from read(found[seq] for seq in sorted(found, reverse=True))


def _of(
    audit: Audit, ehr: Ehr, names: Collection[str], since: datetime
) -> dict[int, dict[str, Any]]:
    """Return the records of some people by their place in the log."""
    return {
        record["seq"]: record
        for name in names
        for record in islice(audit.of_person(ehr.id, name, since, *TYPES), MOST)
        if any(relative(one, ehr) in names for one in _users(record))
    }


def _roles(audit: Audit, records: Collection[dict[str, Any]], ehr: Ehr) -> set[str]:
    """Return the roles to whom the cards were shown that some pages explain; a card that is among
    the records was shown to the person itself.
    """
    opened, own = (
        {one.get("assessment_id") for one in records if one["type"] == type}
        for type in ("page", "hook")
    )
    cards = (audit.find_assessment(name) for name in opened - own if name)
    users = {relative(user, ehr) for card in cards if card for user in _users(card)}
    return {user for user in users if user.startswith(ROLE)}


def _users(record: dict[str, Any]) -> list[str]:
    return [one for one in (record.get("user"), record.get("fhir_user")) if one]
