"""Turns one TOML file into frozen, complete Settings, or stops the start with the key's name and
what is allowed.

Everything about trust is written here and nowhere else: which EHRs exist, their keys, FHIR bases
and frame origins.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from runtime.misfit import allowed, explain

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
# An origin goes into a Content-Security-Policy, where a space or a semicolon would end it.
ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
# A3: nothing symmetric, and never `none`.
Algorithm = Literal[
    "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"
]
SMALLEST_BODY = 64 * 1024


class SettingsError(Exception):
    """The configuration can't be used; the message names the key and what is allowed."""


class Ehr(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One trusted EHR; the comments of vigil.example.toml document every key."""

    id: str
    fhir_base: tuple[str, ...]
    profile: Literal["generic", "epic", "oracle"] = "generic"
    hook_issuer: str | None = None
    hook_jwks_url: str | None = None
    hook_jwks_file: str | None = None
    hook_auth: Literal["required", "open"] = "required"
    hook_audience: tuple[str, ...] = ()
    hook_algorithms: tuple[Algorithm, ...] = get_args(Algorithm)
    hook_tenants: tuple[str, ...] = ()
    hook_token_seconds: int | None = None
    hook_budget_ms: int = 800
    smart_client_id: str | None = None
    smart_client_auth: Literal["none", "client_secret_basic", "private_key_jwt"] = "private_key_jwt"
    smart_client_secret_file: str | None = None
    smart_client_secret_env: str | None = None
    smart_client_id_in_body: bool = False
    smart_scopes: str | None = None
    frame_ancestors: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    mode: Literal["live", "shadow"] = "live"
    show_from: Literal["low", "medium", "high"] = "low"
    overdue_factor: float = 2.0
    time_zone: str = "UTC"

    @property
    def zone(self) -> tzinfo:
        """Return the zone in which card and page tell this EHR's times."""
        return UTC if self.time_zone == "UTC" else ZoneInfo(self.time_zone)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that `vigil serve` is told; relative paths are relative to the configuration file."""

    public_url: str
    ehr: tuple[Ehr, ...]
    data_dir: str = "var"
    models_dir: str | None = None
    model_keys_dir: str | None = None
    redis_url: str | None = None
    bind: str = "127.0.0.1"
    port: int | None = None
    workers: int = 2
    max_body_bytes: int = 4 * 1024 * 1024
    key_set_hours: int = 24
    base_dir: str = "."

    def path(self, name: str) -> Path:
        """Return a configured path as it stands on disk."""
        return Path(self.base_dir, name).resolve()

    @property
    def data_path(self) -> Path:
        """Return the folder of the audit log, the keys and the embedded Redis."""
        return self.path(self.data_dir)

    @property
    def models_path(self) -> Path | None:
        """Return the folder of a hospital's own models; None for the shipped ones."""
        return self.path(self.models_dir) if self.models_dir else None

    @property
    def model_keys_path(self) -> Path | None:
        """Return the folder of public keys that may sign models beside ours, if there is one."""
        return self.path(self.model_keys_dir) if self.model_keys_dir else None

    def trusted(self, fhir_base: str) -> Ehr | None:
        """Return the EHR that owns this FHIR base (`fhirServer` or `iss`), or None.

        Compared as a whole string after at most one trailing slash is removed; never a prefix
        (SMART-5, C1).
        """
        wanted = _bare(fhir_base)
        return next((ehr for ehr in self.ehr if wanted in map(_bare, ehr.fhir_base)), None)

    def hook_keys(self, ehr: Ehr) -> str | None:
        """Return the file or URL of the keys of an EHR's hook tokens; a file pins them."""
        return str(self.path(ehr.hook_jwks_file)) if ehr.hook_jwks_file else ehr.hook_jwks_url

    def frame_ancestors(self) -> tuple[str, ...]:
        """Return every configured origin that may frame a page."""
        return tuple(dict.fromkeys(origin for ehr in self.ehr for origin in ehr.frame_ancestors))


def load_settings(path: str | Path) -> Settings:
    """Read a configuration file and check all of it before anything starts.

    Raises SettingsError with one sentence that names the key.
    """
    path = Path(path)
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"The configuration {path} can't be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The configuration {path} is not valid TOML: {error}.") from None
    if "base_dir" in raw:
        raise SettingsError(f"{path}: unknown key `base_dir`. Allowed: {allowed(Settings)}.")
    return settings_from(raw | {"base_dir": str(path.resolve().parent)}, str(path))


def settings_from(raw: dict[str, Any], name: str = "configuration") -> Settings:
    """Check a parsed configuration; `name` stands in the messages."""
    try:
        settings = msgspec.convert(raw, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{name}: {explain(str(error), Settings, Ehr)}") from None
    for problem in _problems(settings):
        raise SettingsError(f"{name}: {problem}")
    return settings


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
    path = settings.path(ehr.smart_client_secret_file)
    if not path.is_file():
        raise SettingsError(f"ehr `{ehr.id}`: smart_client_secret_file {path} does not exist.")
    if path.stat().st_mode & 0o077:
        raise SettingsError(
            f"ehr `{ehr.id}`: smart_client_secret_file {path} is readable by others: chmod 600 it."
        )
    return path.read_text("utf-8").strip()


def _problems(settings: Settings) -> Iterator[str]:
    yield from _bad_url("public_url", settings.public_url)
    if urlsplit(settings.public_url).path.strip("/") or settings.public_url.endswith("/"):
        yield "`public_url` is scheme, host and port only, without a path or a final slash."
    if not settings.ehr:
        yield "at least one [[ehr]] is required: without one nobody may call."
    if not 1 <= settings.workers <= 64:
        yield "`workers` must be from 1 to 64."
    if settings.port is not None and not 1 <= settings.port <= 65535:
        yield "`port` must be from 1 to 65535."
    if settings.max_body_bytes < SMALLEST_BODY:
        yield f"`max_body_bytes` must be {SMALLEST_BODY} or more."
    if not 1 <= settings.key_set_hours <= 168:
        yield "`key_set_hours` must be from 1 to 168."
    if settings.redis_url is not None and not settings.redis_url.startswith(
        ("redis://", "rediss://", "unix://")
    ):
        yield "`redis_url` must begin with redis://, rediss:// or unix://."
    for key, folder in (
        ("models_dir", settings.models_path),
        ("model_keys_dir", settings.model_keys_path),
    ):
        if folder and not folder.is_dir():
            yield f"`{key}` {folder} is no folder."
    ids = [ehr.id for ehr in settings.ehr]
    bases = [_bare(base) for ehr in settings.ehr for base in ehr.fhir_base]
    for kind, values in (("id", ids), ("fhir_base", bases)):
        if len(set(values)) != len(values):
            yield f"two [[ehr]] records share one `{kind}`; each must be unique."
    for ehr in settings.ehr:
        yield from (f"ehr `{ehr.id}`: {problem}" for problem in _ehr_problems(ehr))
        if ehr.hook_jwks_file and not settings.path(ehr.hook_jwks_file).is_file():
            yield (
                f"ehr `{ehr.id}`: `hook_jwks_file` {settings.path(ehr.hook_jwks_file)} does "
                "not exist."
            )


def _ehr_problems(ehr: Ehr) -> Iterator[str]:
    if not ehr.id:
        yield "`id` needs a short name."
    if not ehr.fhir_base:
        yield "`fhir_base` needs at least one URL."
    for base in ehr.fhir_base:
        yield from _bad_url("fhir_base", base)
    for key in ("frame_ancestors", "cors_origins"):
        for origin in getattr(ehr, key):
            if not ORIGIN.fullmatch(origin):
                yield (
                    f"`{key}` holds {origin!r}; allowed are origins such as "
                    "https://ehr.example.org, never `*`."
                )
    hooks = bool(ehr.hook_issuer or ehr.hook_jwks_url or ehr.hook_jwks_file)
    if ehr.hook_auth == "required" and not hooks and not ehr.smart_client_id:
        yield (
            "`hook_issuer` with `hook_jwks_url`, or `smart_client_id`, is required: this "
            "record allows nothing."
        )
    if ehr.hook_auth == "required" and hooks:
        if not ehr.hook_issuer:
            yield "`hook_issuer` is required while hook_auth is `required`."
        if bool(ehr.hook_jwks_url) == bool(ehr.hook_jwks_file):
            yield (
                "exactly one of `hook_jwks_url` and `hook_jwks_file` is required while "
                "hook_auth is `required`."
            )
    if ehr.hook_jwks_url and ehr.hook_jwks_file:
        yield "`hook_jwks_url` and `hook_jwks_file` exclude each other: a file pins the keys."
    if ehr.hook_token_seconds is not None and not 60 <= ehr.hook_token_seconds <= 3600:
        yield "`hook_token_seconds` must be from 60 to 3600."
    if not 100 <= ehr.hook_budget_ms <= 5000:
        yield "`hook_budget_ms` must be from 100 to 5000."
    if not 1 <= ehr.overdue_factor <= 24:
        yield "`overdue_factor` must be from 1 to 24."
    if not ehr.hook_algorithms:
        yield "`hook_algorithms` needs at least one algorithm; leave it out for all that are safe."
    if ehr.hook_jwks_url:
        yield from _bad_url("hook_jwks_url", ehr.hook_jwks_url)
    yield from _bad_zone(ehr)
    has_secret = bool(ehr.smart_client_secret_file or ehr.smart_client_secret_env)
    if ehr.smart_client_id and ehr.smart_client_auth == "client_secret_basic" and not has_secret:
        yield "client_secret_basic needs `smart_client_secret_file` or `smart_client_secret_env`."


def _bad_zone(ehr: Ehr) -> Iterator[str]:
    try:
        _ = ehr.zone
    # A name that is a folder of zones ("Europe") is an OSError, one that leaves it a ValueError.
    except (KeyError, ValueError, OSError):
        yield (
            f"`time_zone` is {ehr.time_zone!r}, which is not known; allowed is UTC or a name of "
            "the IANA time zone database such as Europe/Berlin."
        )


def _bad_url(key: str, url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or parts.username:
        yield f"`{key}` is {url!r}; allowed is a URL such as https://host.example.org."
    elif parts.scheme == "http" and parts.hostname not in LOOPBACK:
        yield f"`{key}` is {url!r}; plain http is allowed for localhost only, use https."


def _bare(url: str) -> str:
    return url[:-1] if url.endswith("/") else url
