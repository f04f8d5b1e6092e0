"""The rows of clients.toml: what each client that the demonstration plays asks and shows."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

    def named(self, home: str) -> str:
        """Return `iss` of its tokens."""
        return self.issuer.format(home=home, base=self.base(home))


def _load() -> dict[str, Played]:
    rows: dict[str, dict[str, Any]] = tomllib.loads(TABLE.read_text("utf-8"))
    generic = rows["generic"]
    return {name: Played(name=name, **(generic | row)) for name, row in rows.items()}


PLAYED = _load()
GENERIC = PLAYED["generic"]
