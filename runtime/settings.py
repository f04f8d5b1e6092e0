"""What a Vigil is told: frozen and complete Settings, as one TOML file holds them.

Everything about trust is written here and nowhere else: which EHRs exist, their keys, FHIR bases
and frame origins.
"""

from datetime import UTC, date, tzinfo
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from runtime.vendors.profiles import PROFILES, Profile

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
# A3: nothing symmetric, and never `none`.
Algorithm = Literal[
    "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"
]
# What `userId` may be (B3).
UserType = Literal["Practitioner", "PractitionerRole", "Patient", "RelatedPerson"]

# What a card may suggest; ehr.actions says when and in which words.
Suggestion = Literal["observations", "lactate", "cultures", "escalation"]


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What cards are shown to whom, and when again; a part of an EHR's record."""

    show_from: Literal["low", "medium", "high"] = "low"
    card_users: tuple[UserType, ...] = get_args(UserType)
    quiet_hours: float = 8.0
    risk_points: float = 10.0
    snooze_known_hours: float = 24.0
    snooze_limits_hours: float = 72.0
    snooze_other_hours: float = 0.0
    interrupts_per_day: int | None = None


class Ehr(Policy, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One trusted EHR; the comments of vigil.example.toml document every key."""

    id: str
    fhir_base: tuple[str, ...]
    profile: str = "generic"
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
    mode: Literal["live", "silent", "shadow"] = "live"
    open_to: tuple[str, ...] = ()
    unit_list_for: tuple[str, ...] = ()
    patient_lists: tuple[str, ...] = ()
    overdue_factor: float = 2.0
    time_zone: str = "UTC"
    suggestions: tuple[Suggestion, ...] | None = None
    suggestion_codes: dict[str, str] = {}
    write_risk_assessment: bool = False

    @property
    def traits(self) -> Profile:
        """Return what the client of this EHR does differently."""
        return PROFILES[self.profile]

    @property
    def offers(self) -> tuple[Suggestion, ...]:
        """Return what cards may suggest: what the record says, else all or nothing as the profile
        says; only what has a code of the site's own, where the client knows no other.
        """
        usual = get_args(Suggestion) if self.traits.suggestions else ()
        wanted = usual if self.suggestions is None else self.suggestions
        known = self.suggestion_codes if self.traits.site_codes_only else wanted
        return tuple(kind for kind in wanted if kind in known)

    @property
    def zone(self) -> tzinfo:
        """Return the zone in which card and page tell this EHR's times."""
        return UTC if self.time_zone == "UTC" else ZoneInfo(self.time_zone)


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One randomised trial; the comments of vigil.example.toml document every key."""

    protocol: str
    approval: str
    randomise: Literal["unit", "encounter", "patient"]
    key_file: str
    starts: date
    ends: date
    control_share: float = 0.5
    ehrs: tuple[str, ...] = ()
    most_patients: int | None = None
    stop_file: str | None = None


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that `vigil serve` is told; relative paths are relative to the configuration file."""

    public_url: str
    ehr: tuple[Ehr, ...]
    trial: Trial | None = None
    data_dir: str = "var"
    signing_key_file: str | None = None
    log_key_file: str | None = None
    checkpoint_dir: str | None = None
    audit_key_file: str | None = None
    models_dir: str | None = None
    model_keys_dir: str | None = None
    redis_url: str | None = None
    redis_password_file: str | None = None
    bind: str = "127.0.0.1"
    port: int | None = None
    workers: int = 2
    max_body_bytes: int = 4 * 1024 * 1024
    key_set_hours: int = 24
    queue_ms: int = 400
    trusted_proxies: tuple[str, ...] = ()
    proxy_header: Literal["X-Forwarded-For", "Forwarded"] = "X-Forwarded-For"
    metrics_token_file: str | None = None
    base_dir: str = "."

    def path(self, name: str) -> Path:
        """Return a configured path as it stands on disk."""
        return Path(self.base_dir, name).resolve()

    @property
    def data_path(self) -> Path:
        """Return the folder of the audit log, the keys and the embedded Redis."""
        return self.path(self.data_dir)

    @property
    def origin(self) -> str:
        """Return the origin of our pages as a browser writes it."""
        parts = urlsplit(self.public_url)
        usual = {"https": 443, "http": 80}.get(parts.scheme)
        port = "" if parts.port in (None, usual) else f":{parts.port}"
        return f"{parts.scheme}://{parts.hostname}{port}"

    @property
    def signing_key_path(self) -> Path | None:
        """Return the file of our signing key that several hosts share; None for a host's own."""
        return self.path(self.signing_key_file) if self.signing_key_file else None

    @property
    def log_key_path(self) -> Path | None:
        """Return the file of the log key that several hosts share; None for a host's own."""
        return self.path(self.log_key_file) if self.log_key_file else None

    @property
    def audit_path(self) -> Path:
        """Return the live file of the audit log."""
        return self.data_path / "audit.sqlite"

    @property
    def audit_key_path(self) -> Path | None:
        """Return the file of the keys that encrypt the audit log, if it is to be encrypted."""
        return self.path(self.audit_key_file) if self.audit_key_file else None

    @property
    def checkpoint_path(self) -> Path:
        """Return the folder of the audit log's checkpoints; unless set, one of the data folder."""
        return self.path(self.checkpoint_dir or f"{self.data_dir}/checkpoints")

    @property
    def models_path(self) -> Path | None:
        """Return the folder of a hospital's own models; None for the shipped ones."""
        return self.path(self.models_dir) if self.models_dir else None

    @property
    def model_keys_path(self) -> Path | None:
        """Return the folder of public keys that may sign models beside ours, if there is one."""
        return self.path(self.model_keys_dir) if self.model_keys_dir else None

    @property
    def metrics_token_path(self) -> Path | None:
        """Return the file of the token that reads `/metrics`; None where nobody may."""
        return self.path(self.metrics_token_file) if self.metrics_token_file else None

    @property
    def trial_stop_path(self) -> Path:
        """Return the file whose being there stops the trial."""
        named = self.trial.stop_file if self.trial else None
        return self.path(named or f"{self.data_dir}/trial-stopped.json")

    def trusted(self, fhir_base: str) -> Ehr | None:
        """Return the EHR that owns this FHIR base (`fhirServer` or `iss`), or None.

        Compared as a whole string after at most one trailing slash is removed; never a prefix
        (SMART-5, C1).
        """
        wanted = bare_url(fhir_base)
        return next((ehr for ehr in self.ehr if wanted in map(bare_url, ehr.fhir_base)), None)

    def hook_keys(self, ehr: Ehr) -> str | None:
        """Return the file or URL of the keys of an EHR's hook tokens; a file pins them."""
        return str(self.path(ehr.hook_jwks_file)) if ehr.hook_jwks_file else ehr.hook_jwks_url

    def frame_ancestors(self) -> tuple[str, ...]:
        """Return every configured origin that may frame a page."""
        return tuple(dict.fromkeys(origin for ehr in self.ehr for origin in ehr.frame_ancestors))


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL as they are written there."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def bare_url(url: str) -> str:
    """Return a URL without one final slash."""
    return url[:-1] if url.endswith("/") else url
