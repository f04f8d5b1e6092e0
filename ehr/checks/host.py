"""Looks at what a configuration needs of this host: folders that can be written, secrets that are
kept, a Redis that is reached.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import redis

from ehr.checks.finding import Finding
from runtime import store
from runtime.audit.cipher import cipher_of
from runtime.secretfile import SecretFileError
from runtime.settings import LOOPBACK, Settings
from runtime.settings_file import SettingsError, redis_url


def folders(settings: Settings) -> Iterator[Finding]:
    """Yield whether each folder can be written; one that is not there yet is not made."""
    yield _folder("data_dir", settings.data_path)
    if settings.checkpoint_dir:
        yield _folder("checkpoint_dir", settings.checkpoint_path)


def _folder(key: str, folder: Path) -> Finding:
    if not folder.exists():
        above = next(path for path in folder.parents if path.exists())
        if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
            return Finding("ok", f"{key} {folder}: is made at the first start.")
        return Finding("wrong", f"{key} {folder}: can't be made.", f"Let this user write {above}.")
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"vigil")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        text = f"{key} {folder}: can't be written ({error.strerror})."
        return Finding("wrong", text, "Let the user of Vigil write there, and look at the disk.")
    return Finding("ok", f"{key} {folder}: can be written.")


def secrets(settings: Settings, config: Path) -> Iterator[Finding]:
    """Yield each secret that others on this host may read (F6); clients' are their record's."""
    password = settings.redis_url is not None and urlsplit(settings.redis_url).password
    if password and config.stat().st_mode & 0o007:
        yield Finding(
            "wrong",
            f"redis_url: holds a password, and {config} is readable by others.",
            "Put it into a redis_password_file of mode 0600.",
        )
    for key, path in (
        ("signing_key_file", settings.signing_key_path or settings.data_path / "signing-key.json"),
        ("log_key_file", settings.log_key_path or settings.data_path / "log-key"),
    ):
        if path.exists() and path.stat().st_mode & 0o077:
            yield Finding("wrong", f"{key}: {path} is readable by others.", f"chmod 600 {path}")
    try:
        cipher_of(settings.audit_key_path)
    except SecretFileError as error:
        yield Finding("wrong", f"audit_key_file: {error}")
    try:
        redis_url(settings)
    except SettingsError as error:
        yield Finding("wrong", str(error))
    if settings.data_path.is_dir() and settings.data_path.stat().st_mode & 0o077:
        yield Finding(
            "note",
            f"data_dir: others may look into {settings.data_path}, which holds patient data.",
            f"chmod 700 {settings.data_path}",
        )


def shared_store(settings: Settings) -> Iterator[Finding]:
    """Yield whether Redis is reached, and kept as one for sessions should be (F10)."""
    try:
        url = redis_url(settings)
    except SettingsError:
        # Of its password's file `secrets` tells.
        return
    if url is None:
        yield Finding("ok", "redis_url: none; an embedded server is started, for this host alone.")
    else:
        yield from _reached(url)


def _reached(url: str) -> Iterator[Finding]:
    parts = urlsplit(url)
    shown = f"redis_url {parts.scheme}://{parts.hostname or ''}{parts.path}"
    try:
        client = store.connect(url, store.PATIENT)
        client.ping()
        policy = _policy(client)
    except (redis.RedisError, ValueError) as error:
        yield Finding(
            "wrong",
            f"{shown}: {type(error).__name__}.",
            "Calls are answered without it, but no app can be opened: look at host, port and "
            "password, and at the firewall.",
        )
        return
    yield Finding("ok", f"{shown}: answers.")
    if policy not in (None, "noeviction"):
        yield Finding(
            "note",
            f"{shown}: its maxmemory-policy is {policy}, so sessions may vanish.",
            "Set it to noeviction.",
        )
    if parts.scheme == "redis" and parts.hostname not in LOOPBACK:
        yield Finding("note", f"{shown}: not encrypted on its way.", "Use rediss://.")
    if parts.scheme != "unix" and not parts.password:
        yield Finding("note", f"{shown}: asks for no password.", "Give it one, or an ACL user.")


def _policy(client: redis.Redis) -> str | None:
    """Return what it does when it is full; None where this user may not ask."""
    try:
        return str(client.info("memory").get("maxmemory_policy"))
    except redis.ResponseError:
        return None
