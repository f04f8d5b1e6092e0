"""The rows of clients.toml: what each client that the demonstration plays asks and shows."""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

OPENING = "patient-view"
# What a button of the chart calls beside its opening: its words, and the number that Epic gives it.
EVENTS = {"encounter-start": ("Admit", "26"), "encounter-discharge": ("Discharge", "27")}
TRIGGER = "com.epic.cdshooks.request.bpa-trigger-action"
TABLE = Path(__file__).with_name("clients.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One client; the comments of clients.toml document every member."""

    name: str
    label: str
    about: str
    record: str
    profile: str
    path: str
    suggests: bool
    own_codes: bool
    open: bool
    issuer: str
    algorithm: str
    seconds: int
    backdated: int
    uuid_version: int
    encounter: bool
    authorization: bool
    scope: str
    subject: bool
    role: bool
    absolute: bool
    renamed: dict[str, str]
    no_match: bool
    extension: dict[str, str]
    selections: tuple[str, ...]
    link_label: str
    described: bool
    listed: bool
    app_context: bool
    html: bool
    icon: bool
    apart: bool
    feedback: bool
    override: str

    def base(self, home: str) -> str:
        """Return its FHIR base, by which Vigil tells the records apart."""
        return f"{home}/{self.path}"

    def calling(self, event: str) -> "tuple[str, Played]":
        """Return the hook by which it calls at an event, and itself as it calls then: Epic sends
        all as the opening of a chart, and a number.
        """
        if event not in EVENTS or TRIGGER not in self.extension:
            return event, self
        return OPENING, replace(self, extension=self.extension | {TRIGGER: EVENTS[event][1]})

    def named(self, home: str) -> str:
        """Return `iss` of its tokens."""
        return self.issuer.format(home=home, base=self.base(home))


def _load() -> dict[str, Played]:
    rows: dict[str, dict[str, Any]] = tomllib.loads(TABLE.read_text("utf-8"))
    generic = rows["generic"]
    return {name: Played(name=name, **(generic | row)) for name, row in rows.items()}


PLAYED = _load()
GENERIC = PLAYED["generic"]
