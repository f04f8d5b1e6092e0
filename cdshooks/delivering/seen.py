"""What the decision looks at of a call: members of its audit record, so that the decision can be
made again from the record alone.
"""

import math
import re
from datetime import datetime
from typing import Any

import msgspec

from models.certainty import INDETERMINATE
from models.findings.finding import LEVELS
from models.questions import QUESTIONS
from models.withheld import OF_MODELS
from runtime.audit.people import tail

# Findings that say that something may be hidden; they count as news at each level.
BLIND = {"unread", "unusable", "partial"}
# Levels of records of before 0.5.0, which hold no findings: by NEWS2 and by band.
LEAST_POINTS = {"critical": 7, "warning": 5}
OF_BAND = {"high": "critical", "medium": "warning", INDETERMINATE: "warning"}


# A value as a finding writes it, and no digit of a name or of a unit.
SIZE, STEP = re.compile(r"(?<![\w.*^])(\d+(?:\.\d+)?)(?=\s|$)"), 1.25


class Risk(msgspec.Struct, frozen=True):
    """A risk as its record tells of it."""

    outcome: str
    probability: float
    band: str


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Who asked when about whom, and what was found; `at` and `data_time` are aware UTC.

    `data_time` is that of the newest value, None where there is none or the record is older.
    `withheld` is a trial's control arm, in which the models add nothing; `question` is what an
    admission or a discharge asks, a word of models.questions.
    """

    ehr: str
    user: str
    patient: str
    at: datetime
    status: str
    encounter: str | None = None
    unit: str | None = None
    level: str | None = None
    findings: tuple[tuple[str, str, str | None, str], ...] = ()
    risks: tuple[Risk, ...] = ()
    news2: dict[str, int | None] = {}
    degraded: tuple[str, ...] = ()
    data_time: datetime | None = None
    withheld: bool = False
    question: str = ""

    def __post_init__(self) -> None:
        """Leave out what the models add, where it is withheld: nothing is decided by it then."""
        if self.withheld:
            left = tuple(found for found in self.findings if found[1] not in OF_MODELS)
            for name, value in {"findings": left, "risks": (), "level": None}.items():
                msgspec.structs.force_setattr(self, name, value)

    @property
    def user_type(self) -> str:
        """Return the type of resource that the user is, such as Practitioner."""
        return self.user.split("/")[-2] if "/" in self.user else ""

    @property
    def person(self) -> str:
        """Return the user without the server that an absolute reference names."""
        return tail(self.user)

    @property
    def total(self) -> str:
        """Return the level of all findings."""
        by_band = [OF_BAND.get(risk.band, LEVELS[0]) for risk in self.risks]
        return self.level or graver(self.floor, *by_band)

    @property
    def floor(self) -> str:
        """Return the level of all findings but those of the models: no policy goes below it."""
        if self.findings:
            return graver(*(found[0] for found in self.findings if found[1] not in OF_MODELS))
        low = self.news2.get("low") or 0
        return next((level for level, least in LEAST_POINTS.items() if low >= least), LEVELS[0])

    @property
    def uncertain(self) -> bool:
        """Tell whether no number or no band could be given: silence would read as low risk."""
        none = not self.risks and not self.withheld
        return none or any(risk.band == INDETERMINATE for risk in self.risks)

    @property
    def telling(self) -> bool:
        """Tell whether anything says something to the question that was asked."""
        kinds = QUESTIONS[self.question].telling
        return any(found[0] != LEVELS[0] or found[1] in kinds for found in self.findings)

    @property
    def without(self) -> bool:
        """Tell whether a number was due, or would have been, and a model gave none."""
        kept = self.withheld and self.status == "scored"
        return not kept and (not self.risks or any(map(_of_model, self.degraded)))

    @property
    def signs(self) -> dict[str, str]:
        """Return, with its level, whatever is news when it first appears: grave findings that are
        not the models', what could not be read, and where there is no number or no band.
        """
        found: dict[str, str] = {}
        for level, kind, variable, written in self.findings:
            if kind not in OF_MODELS and (level != LEVELS[0] or kind in BLIND):
                about = variable or (written if kind == "unread" else "")
                name = f"{kind} {about}{_size(kind, written)}".strip()
                found[name] = graver(level, found.get(name, level))
        unsure = [f"not certain {r.outcome}" for r in self.risks if r.band == INDETERMINATE]
        notes = () if self.withheld else self.degraded
        lacking = [note for note in notes if _of_model(note)]
        without = [] if self.risks or self.withheld else [f"no number {self.status}"]
        return found | dict.fromkeys([*unsure, *lacking, *without], "warning")


def _size(kind: str, written: str) -> str:
    """Return in which step of a quarter a laboratory value lies: one farther out, or beyond the
    other limit, is another finding.
    """
    found = SIZE.search(written) if kind == "laboratory" else None
    value = float(found[1]) if found else 0.0
    return f" {math.floor(math.log(value, STEP))}" if value > 0 else ""


def _of_model(note: str) -> bool:
    """Tell whether a note of a record says that a model failed or was missing."""
    return note.startswith("model")


def graver(*levels: str) -> str:
    """Return the gravest of some levels; "info" of none."""
    return max(levels, key=LEVELS.index, default=LEVELS[0])


def seen(record: dict[str, Any]) -> Seen:
    """Return what the record of a first answer says. Raises msgspec.ValidationError."""
    return msgspec.convert(record, Seen)
