"""What a machine lacks for a test: skipped by name on a person's, and a failure in CI."""

import os
from typing import NoReturn

import pytest


def absent(why: str) -> NoReturn:
    """End a test or a fixture that this machine can't run; `why` says what is needed."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)
    raise AssertionError
