"""Turns a chart and a moment into the cards of a hook call, without caller or record."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from cdshooks.calling.printed import printed
from cdshooks.delivering.first_sight import first_sight
from cdshooks.delivering.form import given
from cdshooks.questions import OF_HOOK
from models.assess import Assessment, assess
from models.fitted.registry import Model
from models.patient.chart import Chart
from models.questions import NOTHING_MORE
from runtime.settings import Ehr

# Stands where a served card names the record of its call.
UNRECORDED = "00000000-0000-0000-0000-000000000000"
HERE = "http://localhost:8000"


class Answer(NamedTuple):
    """An assessment, the cards that tell of it, and the reason for showing them, or none."""

    assessment: Assessment
    cards: list[dict[str, Any]]
    reason: str

    @property
    def as_json(self) -> str:
        """Return the answer as a client gets it."""
        return msgspec.json.format(msgspec.json.encode({"cards": self.cards})).decode()

    @property
    def text(self) -> str:
        """Return the moment and the cards as they read."""
        told = [printed(card) for card in self.cards] or [f"No card is shown: {self.reason}."]
        return "\n\n".join([f"As of {self.assessment.at:%Y-%m-%d %H:%M} UTC", *told])


def answer(
    chart: Chart,
    at: datetime,
    models: Sequence[Model],
    profile: str = "generic",
    hook: str = "patient-view",
) -> Answer:
    """Assess a chart at a moment (aware UTC) and make the card that the service of `hook` does by
    default.
    """
    ehr = Ehr(id="call", fhir_base=(HERE,), profile=profile, smart_client_id="vigil")
    asked = OF_HOOK.get(hook, NOTHING_MORE)
    found = assess(chart, at, models, ehr.overdue_factor, question=asked)
    made = first_sight(found, ehr)
    return Answer(found, given(made, found, UNRECORDED, ehr, HERE), made.reason)
