"""What the client of each vendor does differently: the rows of profiles.toml, with their sources
there.
"""

import tomllib
from pathlib import Path
from typing import Literal

import msgspec

TABLE = Path(__file__).with_name("profiles.toml")


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One vendor's client; the comments of profiles.toml document every member."""

    token_seconds: int
    page_size: int
    sorted: bool
    app_context: bool
    online_access: bool
    topic: bool
    override_reasons: bool
    suggestions: bool
    site_codes_only: bool
    selection: Literal["any", "at-most-one"]


def _load() -> dict[str, Profile]:
    rows = tomllib.loads(TABLE.read_text("utf-8"))
    generic = rows["generic"]
    return {name: msgspec.convert(generic | row, Profile) for name, row in rows.items()}


PROFILES = _load()
