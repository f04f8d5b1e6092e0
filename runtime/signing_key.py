"""Keeps Vigil's own signing key, by which it signs in at an EHR's token endpoint (SMART-28,
SMART-29).
"""

import json
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key

from runtime.secretfile import SecretFileError, read_or_create


def signing_key(data_dir: Path, shared: Path | None = None) -> ECKey:
    """Return Vigil's own ES384 key: a file that several hosts share, or one that is made at the
    first start, `signing-key.json` in `data_dir`; mode 0600.

    Raises SecretFileError when the file is damaged or readable by others.
    """
    path = shared or Path(data_dir) / "signing-key.json"
    try:
        return ECKey.import_key(json.loads(read_or_create(path, _new_key)))
    except (ValueError, JoseError):
        raise SecretFileError(
            f"The signing key {path} is damaged; remove it to make a new one."
        ) from None


def public_jwks(key: Key) -> dict[str, Any]:
    """Return the key set that Vigil publishes: the public half with `kid`, `alg` and `use`."""
    return {"keys": [key.as_dict(private=False)]}


def _new_key() -> bytes:
    key = ECKey.generate_key("P-384", {"use": "sig", "alg": "ES384"}, auto_kid=True)
    return json.dumps(key.as_dict(private=True)).encode()
