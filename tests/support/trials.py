"""A randomised trial for tests: its key file and its configuration."""

from base64 import b64encode
from datetime import date
from pathlib import Path

KEY = bytes(range(32))


def trial(folder: Path, **members) -> dict:
    """Return a [trial] that runs at every test's moment, and write its key."""
    path = folder / "trial-key"
    path.write_bytes(b64encode(KEY))
    path.chmod(0o600)
    return {
        "protocol": "VIGIL-1",
        "approval": "EC 7",
        "randomise": "patient",
        "key_file": "trial-key",
        "starts": date(2020, 1, 1),
        "ends": date(2099, 12, 31),
    } | members
