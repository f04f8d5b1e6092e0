"""Turns one TOML file into checked Settings, or stops the start with the key's name and what is
allowed.
"""

import os
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from runtime.misfit import allowed, explain, taken_out
from runtime.settings import Ehr, Settings, Trial
from runtime.settings_problems import problems


class SettingsError(Exception):
    """The configuration can't be used; the message names the key and what is allowed."""


class Reading(NamedTuple):
    """What a file sets, None where that can't be told, and a sentence for each thing wrong."""

    settings: Settings | None
    problems: tuple[str, ...]


def load_settings(path: str | Path) -> Settings:
    """Read a configuration file and check all of it before anything starts.

    Raises SettingsError with one sentence that names the key.
    """
    return settings_from(_parsed(Path(path)), str(path))


def read_settings(path: str | Path) -> Reading:
    """Read a configuration file and find all that is wrong with it, for who mends it.

    Raises SettingsError when it is no TOML file at all.
    """
    return _reading(_parsed(Path(path)))


def settings_from(raw: dict[str, Any], name: str = "configuration") -> Settings:
    """Check a parsed configuration; `name` stands in the messages."""
    settings, found = _reading(raw)
    if settings is None or found:
        raise SettingsError(f"{name}: {found[0]}")
    return settings


def _parsed(path: Path) -> dict[str, Any]:
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"The configuration {path} can't be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The configuration {path} is not valid TOML: {error}.") from None
    if "base_dir" in raw:
        raise SettingsError(f"{path}: unknown key `base_dir`. Allowed: {allowed(Settings)}.")
    return raw | {"base_dir": str(path.resolve().parent)}


def _reading(raw: dict[str, Any]) -> Reading:
    """Take out what does not fit, one key after the other, so that the rest can be looked at."""
    misfits: list[str] = []
    out: set[str | None] = set()
    raw = deepcopy(raw)
    while True:
        try:
            settings = msgspec.convert(raw, Settings)
            break
        except msgspec.ValidationError as error:
            key = taken_out(raw, str(error))
            # A required key that was taken out is missing now, which is not worth a sentence.
            if not any(f"required field `{gone}`" in str(error) for gone in out):
                misfits.append(explain(str(error), Settings, Ehr, Trial))
            if key is None:
                return Reading(None, tuple(misfits))
            out.add(key)
    others = (one for one in problems(settings) if not any(f"`{key}`" in one for key in out))
    return Reading(settings, (*misfits, *others))


def secret(ehr: Ehr, settings: Settings, environ: Mapping[str, str] | None = None) -> str | None:
    """Return the SMART client secret of an EHR from its file or environment name (F6).

    Raises SettingsError when it is named but absent, empty, or readable by others.
    """
    if ehr.smart_client_secret_env:
        value = (os.environ if environ is None else environ).get(ehr.smart_client_secret_env)
        if not value:
            raise SettingsError(
                f"ehr `{ehr.id}`: the environment has no {ehr.smart_client_secret_env}."
            )
        return value
    if not ehr.smart_client_secret_file:
        return None
    return _private(
        f"ehr `{ehr.id}`: smart_client_secret_file", settings.path(ehr.smart_client_secret_file)
    )


def redis_url(settings: Settings) -> str | None:
    """Return the URL of Redis, with the password of its file (F6, F10); None if none is set.

    Raises SettingsError when the file is absent or readable by others.
    """
    if settings.redis_url is None or not settings.redis_password_file:
        return settings.redis_url
    password = _private("redis_password_file", settings.path(settings.redis_password_file))
    scheme, _, rest = settings.redis_url.partition("://")
    user, _, place = rest.rpartition("@")
    return f"{scheme}://{user}:{quote(password, safe='')}@{place}"


def _private(name: str, path: Path) -> str:
    if not path.is_file():
        raise SettingsError(f"{name} {path} does not exist.")
    if path.stat().st_mode & 0o077:
        raise SettingsError(f"{name} {path} is readable by others: chmod 600 it.")
    return path.read_text("utf-8").strip()
