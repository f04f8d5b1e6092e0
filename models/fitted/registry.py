"""Turns a folder of models into those in service: signature and hash first, then a child process,
then this one (F4).

`<folder>/<name>/<version>/` holds a version, `<folder>/<name>/champion` and `shadow` name one. A
champion that fails gives way to the last good one before it, and a notice says so.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from models.fitted import aliases, signature
from models.fitted.aliases import CHAMPION, SHADOW
from models.fitted.booster import ModelError
from models.fitted.model import Model, ModelId, load, verify
from models.fitted.probe import probe
from models.patient.sides import known

__all__ = ["TRAINED", "Model", "ModelError", "ModelId", "load", "load_models", "verify"]
TRAINED = Path(__file__).parents[1] / "trained"
Notice = Callable[[str], None]


@dataclass(frozen=True)
class Trust:
    """What makes a version fit to be loaded.

    `keys`: folder of further public keys. `development`: unsigned versions pass. `verdicts`: file
    that remembers what a child passed.
    """

    keys: Path | None = None
    development: bool = False
    verdicts: Path | None = None


@dataclass(frozen=True)
class Listed:
    """A version as `vigil models list` shows it; `signed_by` is a key's id, None when no trusted
    key signed it.
    """

    name: str
    version: str
    aliases: tuple[str, ...]
    signed_by: str | None


SHIPPED, LOG = Trust(), logging.getLogger(__name__).error


def load_models(
    folder: Path | None = None, trust: Trust = SHIPPED, notice: Notice = LOG
) -> tuple[Model, ...]:
    """Return the champion of each model below `folder`, verified and loaded, in order of name.

    `notice` is told in one sentence of a champion that gave way to an earlier version. Raises
    ModelError when a model has no good one; `stock` is for a server, which goes on without it.
    """
    homes = in_service(folder)
    if not homes:
        raise ModelError(f"There is no trained model below {folder or TRAINED}.")
    return tuple(verify(champion(home, trust, notice)) for home in homes)


def in_service(folder: Path | None = None) -> list[Path]:
    """Return the folder of each model below `folder` that has a champion, in order of name."""
    return sorted(path.parent for path in (folder or TRAINED).glob(f"*/{CHAMPION}"))


def shadow(folder: Path, trust: Trust = SHIPPED) -> Model | None:
    """Return the shadow of a model's folder, checked but not loaded in this process; None where
    there is none, or it is the champion.

    Raises ModelError.
    """
    version = aliases.current(folder, SHADOW)
    if version is None or version == aliases.current(folder):
        return None
    return admit(folder / version, trust)


def admit(folder: Path, trust: Trust = SHIPPED) -> Model:
    """Return one version that may be loaded: right hash, right place, signed by a trusted key, fed
    by features that we make, and passed by a child process.

    Raises ModelError that says what is wrong; before the child, LightGBM has parsed nothing.
    """
    model = load(folder)
    place = folder.absolute()
    if (model.id.name, model.id.version) != (place.parent.name, place.name):
        raise ModelError(
            f"{folder} holds {model.id.name}/{model.id.version}: a version can't stand in for "
            "another."
        )
    try:
        signature.check(folder, model.manifest, signature.trusted_keys(trust.keys))
    except signature.Unsigned:
        if not trust.development:
            raise
    if unknown := sorted(name for name in model.features if not known(name)):
        raise ModelError(
            f"{folder} needs features that this code does not make: {', '.join(unknown)}."
        )
    probe(folder, model, trust.verdicts)
    return model


def champion(
    folder: Path, trust: Trust = SHIPPED, notice: Notice = LOG, held: Model | None = None
) -> Model:
    """Return the champion of a model's folder, checked but not loaded in this process: what a
    server may do before it forks (F5).

    One that fails gives way to `held`, the version that is being served, else to the last good one
    before it, and `notice` is told. Raises ModelError when there is none.
    """
    reasons: list[str] = []
    try:
        named = aliases.current(folder)
    except ModelError as error:
        named = None
        reasons.append(str(error))
    for version in [*([named] if named else ()), *aliases.earlier(folder, named)]:
        if reasons and held:
            break
        try:
            model = admit(folder / version, trust)
        except ModelError as error:
            reasons.append(str(error))
            continue
        if reasons:
            notice(f"{folder.name} serves {version}, the last good version, {_since(reasons)}")
        return model
    if held:
        notice(f"{folder.name} goes on with {held.id.version} from memory, {_since(reasons)}")
        return held
    raise ModelError(" ".join(reasons))


def _since(reasons: list[str]) -> str:
    return f"since its champion failed: {reasons[0]}"


def list_versions(folder: Path | None = None, trust: Trust = SHIPPED) -> list[Listed]:
    """Return every version below `folder` by name and version, with its aliases and who signed
    it; nothing is loaded.
    """
    keys = signature.trusted_keys(trust.keys)
    return [
        _listed(path.parent, keys)
        for path in sorted((folder or TRAINED).glob("*/*/manifest.json"), key=_in_order)
    ]


def show(
    name: str, version: str | None = None, folder: Path | None = None
) -> tuple[dict[str, Any], list[aliases.Change]]:
    """Return the manifest of a version (the champion if none is given) and the model's changes,
    the oldest first.
    """
    place = located(name, version, folder)
    return load(place).manifest, aliases.history(place.parent)


def located(name: str, version: str | None = None, folder: Path | None = None) -> Path:
    """Return the folder of a version, the champion's if none is given. Raises ModelError when it
    is not there.
    """
    home = _home(name, folder)
    wanted = version or aliases.current(home)
    if wanted is None:
        raise ModelError(f"{name} has no champion below {home.parent}; name a version.")
    if not aliases.VERSION.fullmatch(wanted) or not (home / wanted).is_dir():
        raise ModelError(f"There is no version {wanted!r} of {name} below {home.parent}.")
    return home / wanted


def recorded(
    wanted: Iterable[tuple[str, str]], folder: Path | None = None, trust: Trust = SHIPPED
) -> tuple[Model, ...]:
    """Return versions by name and number, verified and loaded, whether they are in service or not.
    Raises ModelError.
    """
    return tuple(verify(admit(located(name, number, folder), trust)) for name, number in wanted)


def promote(
    name: str,
    version: str,
    by: str,
    reason: str,
    at: datetime,
    alias: str = CHAMPION,
    folder: Path | None = None,
    trust: Trust = SHIPPED,
) -> Model:
    """Let an alias name a version that is fit to be loaded; `by` and `reason` go into the history.

    Raises ModelError, and changes nothing, when the version is not fit.
    """
    if alias not in (CHAMPION, SHADOW):
        raise ModelError(f"{alias}: give champion or shadow.")
    place = located(name, version, folder)
    model = admit(place, trust)
    aliases.point(place.parent, alias, "promote", version, by, reason, at)
    return model


def rollback(
    name: str,
    by: str,
    reason: str,
    at: datetime,
    folder: Path | None = None,
    trust: Trust = SHIPPED,
) -> Model:
    """Put the champion before this one back, and return it; rolled back again it goes one further.

    Raises ModelError, and changes nothing, when there was none before or it is no longer fit.
    """
    home = _home(name, folder)
    before = aliases.earlier(home, aliases.current(home))
    if not before:
        raise ModelError(f"{name} had no champion before this one.")
    model = admit(home / before[0], trust)
    aliases.point(home, CHAMPION, "rollback", before[0], by, reason, at)
    return model


def _home(name: str, folder: Path | None) -> Path:
    home = (folder or TRAINED) / name
    if not aliases.VERSION.fullmatch(name) or not home.is_dir():
        raise ModelError(f"There is no model named {name!r} below {folder or TRAINED}.")
    return home


def _listed(folder: Path, keys: signature.Keys) -> Listed:
    pointing = tuple(
        alias
        for alias in (CHAMPION, SHADOW)
        if aliases.current(folder.parent, alias) == folder.name
    )
    try:
        signed_by = signature.check(folder, load(folder).manifest, keys)
    except ModelError:
        signed_by = None
    return Listed(folder.parent.name, folder.name, pointing, signed_by)


def _in_order(manifest: Path) -> tuple[str, list[tuple[int, str]]]:
    """Return a key by which 0.10.0 comes after 0.9.0."""
    parts = [
        (int(part), "") if part.isdigit() else (-1, part)
        for part in manifest.parent.name.split(".")
    ]
    return manifest.parents[1].name, parts
