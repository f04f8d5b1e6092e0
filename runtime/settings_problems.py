"""Says what in a configuration can't be served, key by key."""

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

from runtime.audit.cipher import cipher_of
from runtime.secretfile import SecretFileError
from runtime.settings import LOOPBACK, Ehr, Settings, Suggestion, Trial, bare_url
from runtime.trials.key import trial_key
from runtime.vendors.profiles import PROFILES

# An origin goes into a Content-Security-Policy, where a space or a semicolon would end it.
ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
SMALLEST_BODY = 64 * 1024
RANGES = {
    "workers": (1, 64),
    "port": (1, 65535),
    "key_set_hours": (1, 168),
    "queue_ms": (50, 5000),
}
EHR_RANGES = {
    "hook_token_seconds": (60, 3600),
    "hook_budget_ms": (100, 5000),
    "overdue_factor": (1, 24),
    "quiet_hours": (0, 72),
    "risk_points": (1, 100),
    "snooze_known_hours": (0, 168),
    "snooze_limits_hours": (0, 720),
    "snooze_other_hours": (0, 168),
    "interrupts_per_day": (0, 100000),
}
SHORTEST_TOKEN = 32
# Resources that may list patients.
LISTS = ("Group", "List")


def problems(settings: Settings) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong."""
    yield from _addresses(settings)
    yield from _out_of_range(settings, RANGES)
    if settings.max_body_bytes < SMALLEST_BODY:
        yield f"`max_body_bytes` must be {SMALLEST_BODY} or more."
    yield from _folders(settings)
    yield from _files(settings)
    yield from _records(settings)
    if settings.trial:
        yield from (f"[trial]: {problem}" for problem in _trial(settings.trial, settings))


def _addresses(settings: Settings) -> Iterator[str]:
    yield from _bad_url("public_url", settings.public_url)
    if urlsplit(settings.public_url).path.strip("/") or settings.public_url.endswith("/"):
        yield "`public_url` is scheme, host and port only, without a path or a final slash."
    for proxy in settings.trusted_proxies:
        if not _is_network(proxy):
            yield f"`trusted_proxies` holds {proxy!r}; allowed are addresses and networks."
    if settings.redis_url is not None and not settings.redis_url.startswith(
        ("redis://", "rediss://", "unix://")
    ):
        yield "`redis_url` must begin with redis://, rediss:// or unix://."
    if settings.redis_password_file and not (settings.redis_url or "").startswith("redis"):
        yield "`redis_password_file` needs a `redis_url` with redis:// or rediss://."


def _out_of_range(found: Settings | Ehr, ranges: dict[str, tuple[int, int]]) -> Iterator[str]:
    for key, (low, high) in ranges.items():
        value = getattr(found, key)
        if value is not None and not low <= value <= high:
            yield f"`{key}` must be from {low} to {high}."


def _folders(settings: Settings) -> Iterator[str]:
    for key, folder in (
        # Of other storage that is not mounted nobody must notice only in court.
        ("checkpoint_dir", settings.checkpoint_path if settings.checkpoint_dir else None),
        ("models_dir", settings.models_path),
        ("model_keys_dir", settings.model_keys_path),
    ):
        if folder and not folder.is_dir():
            yield f"`{key}` {folder} is no folder."


def _files(settings: Settings) -> Iterator[str]:
    # Made anew under a mistyped name, it would be shared with nobody.
    for key, file in (
        ("signing_key_file", settings.signing_key_path),
        ("log_key_file", settings.log_key_path),
    ):
        if file and not file.is_file():
            yield f"`{key}` {file} does not exist; copy the one that a first host made."
    yield from _bad_token(settings.metrics_token_path)
    try:
        cipher_of(settings.audit_key_path)
    except SecretFileError as error:
        yield f"`audit_key_file`: {error}"


def _records(settings: Settings) -> Iterator[str]:
    if not settings.ehr:
        yield "at least one [[ehr]] is required: without one nobody may call."
    ids = [ehr.id for ehr in settings.ehr]
    bases = [bare_url(base) for ehr in settings.ehr for base in ehr.fhir_base]
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


def _bad_token(path: Path | None) -> Iterator[str]:
    if path is None:
        return
    if not path.is_file():
        yield f"`metrics_token_file` {path} does not exist."
    elif path.stat().st_mode & 0o077:
        yield f"`metrics_token_file` {path} is readable by others: chmod 600 it."
    elif len(path.read_bytes().strip()) < SHORTEST_TOKEN:
        yield f"`metrics_token_file` {path} needs {SHORTEST_TOKEN} characters or more."


def _ehr_problems(ehr: Ehr) -> Iterator[str]:
    if not ehr.id:
        yield "`id` needs a short name."
    if ehr.profile not in PROFILES:
        yield f"`profile` is {ehr.profile!r}; allowed: {', '.join(PROFILES)}."
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
    yield from _out_of_range(ehr, EHR_RANGES)
    if not ehr.hook_algorithms:
        yield "`hook_algorithms` needs at least one algorithm; leave it out for all that are safe."
    if ehr.hook_jwks_url:
        yield from _bad_url("hook_jwks_url", ehr.hook_jwks_url)
    yield from _bad_codes(ehr)
    yield from _bad_zone(ehr)
    yield from _silence(ehr)
    for search in ehr.patient_lists:
        if search.partition("?")[0] not in LISTS:
            yield f"`patient_lists` holds {search!r}; allowed are searches of Group and List."
    yield from _writing(ehr)
    has_secret = bool(ehr.smart_client_secret_file or ehr.smart_client_secret_env)
    if ehr.smart_client_id and ehr.smart_client_auth == "client_secret_basic" and not has_secret:
        yield "client_secret_basic needs `smart_client_secret_file` or `smart_client_secret_env`."


def _writing(ehr: Ehr) -> Iterator[str]:
    if not ehr.write_risk_assessment:
        return
    if not ehr.smart_client_id:
        yield "`write_risk_assessment` needs `smart_client_id`: it is written with a user's token."
    if ehr.smart_scopes and "RiskAssessment." not in ehr.smart_scopes:
        yield (
            "`write_risk_assessment` needs a scope in `smart_scopes` such as "
            "patient/RiskAssessment.c, or patient/RiskAssessment.write in SMART v1."
        )


def _silence(ehr: Ehr) -> Iterator[str]:
    if not ehr.card_users:
        yield "`card_users` needs at least one type; `mode` shadow shows nothing, and says so."
    if ehr.mode == "silent" and not ehr.open_to:
        yield "`mode` silent needs `open_to`, who may see; `shadow` shows nothing to anybody."
    if ehr.mode != "silent" and ehr.open_to:
        yield "`open_to` is for `mode` silent only."


def _trial(trial: Trial, settings: Settings) -> Iterator[str]:
    for key in ("protocol", "approval"):
        if not getattr(trial, key).strip():
            yield f"`{key}` is required: who approved that a model's part is withheld."
    if trial.ends < trial.starts:
        yield "`ends` lies before `starts`."
    if not 0 < trial.control_share < 1:
        yield "`control_share` must be above 0 and below 1."
    if trial.most_patients is not None and trial.most_patients < 1:
        yield "`most_patients` must be 1 or more."
    if unknown := sorted(set(trial.ehrs) - {ehr.id for ehr in settings.ehr}):
        yield f"`ehrs` names {', '.join(unknown)}, which is no [[ehr]]."
    try:
        trial_key(settings.path(trial.key_file))
    except SecretFileError as error:
        yield f"`key_file`: {error}"
    if trial.stop_file and not settings.trial_stop_path.parent.is_dir():
        yield f"`stop_file`: {settings.trial_stop_path.parent} is no folder."


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _bad_codes(ehr: Ehr) -> Iterator[str]:
    for kind, code in ehr.suggestion_codes.items():
        if kind not in get_args(Suggestion):
            yield f"`suggestion_codes` names {kind!r}; allowed: {', '.join(get_args(Suggestion))}."
        system, _, value = code.partition("|")
        if not system or not value or any(c.isspace() for c in code):
            yield (
                f"`suggestion_codes.{kind}` is {code!r}; allowed is system|code, such as "
                "http://loinc.org|2524-7."
            )


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
