"""Keeps Vigil's own signing keys, by which it signs in at EHRs' token endpoints (SMART-28,
SMART-29).

The file holds one JWK, or a JWK Set: the first key signs, all are published, so that EHRs know a
key before it is used and for a while after.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key

from runtime.secretfile import SecretFileError, read_or_create

NAME = "signing-key.json"
# In this order, with the time between them that EHRs keep our key set: an hour.
Step = Literal["add", "use", "drop"]


def signing_keys(data_dir: Path, shared: Path | None = None) -> tuple[ECKey, ...]:
    """Return Vigil's own ES384 keys, the one that signs first: of a file that several hosts share,
    or one that is made at the first start, `signing-key.json` in `data_dir`; mode 0600.

    Raises SecretFileError when the file is damaged or readable by others.
    """
    path = shared or Path(data_dir) / NAME
    try:
        found = json.loads(read_or_create(path, _new_file))
        keys = tuple(map(ECKey.import_key, found.get("keys", [found])))
    except (ValueError, TypeError, AttributeError, JoseError):
        keys = ()
    if not keys:
        raise SecretFileError(
            f"The signing key {path} is damaged; remove it to make a new one."
        ) from None
    return keys


def public_jwks(keys: Sequence[Key]) -> dict[str, Any]:
    """Return the key set that Vigil publishes: the public halves with `kid`, `alg` and `use`."""
    return {"keys": [key.as_dict(private=False) for key in keys]}


def change(folder: Path, step: Step) -> tuple[ECKey, ...]:
    """Take one step of changing the signing key of a folder, and return its keys: `add` a key that
    is published only, `use` the newest, `drop` all others.

    Raises SecretFileError where the step does not come next.
    """
    keys = signing_keys(folder)
    if step == "add" and len(keys) > 1:
        raise SecretFileError(
            f"{folder / NAME} holds two keys already: use the new one, drop the old."
        )
    if step == "use" and len(keys) < 2:
        raise SecretFileError(f"{folder / NAME} holds one key: add another first.")
    made = {
        "add": lambda: (*keys, _new_key()),
        "use": lambda: (keys[-1], *keys[:-1]),
        "drop": lambda: keys[:1],
    }[step]()
    _write(folder / NAME, {"keys": [key.as_dict(private=True) for key in made]})
    return made


def _new_key() -> ECKey:
    return ECKey.generate_key("P-384", {"use": "sig", "alg": "ES384"}, auto_kid=True)


def _new_file() -> bytes:
    return json.dumps(_new_key().as_dict(private=True)).encode()


def _write(path: Path, content: dict[str, Any]) -> None:
    """Replace the file in one step; it stays its owner's, also where root writes it."""
    handle, draft = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(json.dumps(content).encode())
    owner = path.stat()
    if os.geteuid() == 0:
        os.chown(draft, owner.st_uid, owner.st_gid)
    os.replace(draft, path)
