"""Says what to install where a command of studies is asked for and its packages are not there.

A server installs only what it serves with; what studies need beside is the extra `[studies]` of
setup.cfg, and is read from there.
"""

from collections.abc import Callable
from functools import wraps
from importlib.metadata import PackageNotFoundError, distribution, requires

import click
from packaging.requirements import Requirement

EXTRA = "studies"


def needs_studies(callback: Callable[..., None]) -> Callable[..., None]:
    """Wrap a command's function: refuse with one sentence, before it works, if packages lack."""

    @wraps(callback)
    def checked(**options: object) -> None:
        if missing := lacking():
            raise click.ClickException(
                f"This command needs packages that are not installed ({', '.join(missing)}): "
                f"pip install 'vigil[{EXTRA}]', or `make studies` in a checkout."
            )
        callback(**options)

    return checked


def lacking() -> list[str]:
    """Return the packages of the extra that are not installed; none where Vigil itself is not
    installed, as nothing can be told then.
    """
    try:
        wanted = map(Requirement, requires("vigil") or ())
    except PackageNotFoundError:
        return []
    return sorted(one.name for one in wanted if _of_the_extra(one) and not _installed(one.name))


def _of_the_extra(one: Requirement) -> bool:
    # A marker names the extra; without that name it is not of it.
    return one.marker is not None and (
        one.marker.evaluate({"extra": EXTRA}) and not one.marker.evaluate({"extra": ""})
    )


def _installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
