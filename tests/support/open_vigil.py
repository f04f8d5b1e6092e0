"""A Vigil with the shipped models and one open EHR, asked over HTTP; its card as a nurse reads
it.
"""

import html
import json
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.fitted.registry import load_models
from tests.conftest import AT, bundle
from tests.support.hookcall import World

BASES = ["http://localhost:8502/fhir", "https://ehr.example.org/r4"]


@dataclass(frozen=True)
class Told:
    """One card without its Markdown, and the audit record that was written with it."""

    level: str
    summary: str
    detail: str
    record: dict[str, Any]

    @property
    def text(self) -> str:
        """Return all that the card says."""
        return f"{self.summary}\n{self.detail}"

    @property
    def first(self) -> str:
        """Return the card's first sentence; a point inside a number ends none."""
        return re.split(r"(?<=[.!?])\s", self.summary)[0]

    @property
    def news2(self) -> tuple[int, int]:
        """Return the least and the greatest NEWS2 that the chart allows."""
        return self.record["news2"]["low"], self.record["news2"]["high"]

    def read(self, variable: str) -> list[float]:
        """Return the values that were read of a variable, oldest first."""
        readings = self.record["chart"]["readings"]
        return [reading[2] for reading in readings if reading[1] == variable]


class OpenVigil:
    """Answers hook calls at the tests' own moment."""

    def __init__(self, folder: Path) -> None:
        self._world = World(
            folder, models=load_models(), hook_auth="open", fhir_base=BASES, hook_issuer=None
        )
        self._world.now = AT

    def told(self, body: bytes) -> Told:
        """Return the card of a call that has to succeed."""
        answer = self._world.post(body, token=None)
        assert answer.status_code == 200, answer.text
        (card,) = answer.get_json()["cards"]
        assert len(card["summary"]) < 140, card["summary"]
        return Told(
            card["indicator"],
            card["summary"],
            html.unescape(re.sub(r"\\(.)|\*\*", r"\1", card["detail"])),
            self._world.record(),
        )

    def of(self, patient: dict, vitals: list[dict], labs: list[dict]) -> Told:
        """Return the card of a patient whose whole chart is sent with the call."""
        body = {
            "hook": "patient-view",
            "hookInstance": str(uuid.uuid4()),
            "fhirServer": BASES[0],
            "context": {"userId": "Practitioner/1", "patientId": patient["id"]},
            "prefetch": {"patient": patient, "vitals": bundle(vitals), "labs": bundle(labs)},
        }
        return self.told(json.dumps(body).encode())
