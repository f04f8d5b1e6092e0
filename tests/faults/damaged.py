"""A model that is cut, flipped or gone, then a reload, a killed worker or a start (G7, F4)."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from models.fitted.registry import TRAINED
from tests.faults.outcome import Outcome, Scale
from tests.faults.site import Load, Site, until

SETTLE_SECONDS = 20.0


def _cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _site(folder: Path, versions: int = 1) -> Site:
    """Return a Vigil with models of its own, the newest versions of each only."""
    shutil.copytree(TRAINED, folder / "models", ignore=shutil.ignore_patterns("plots"))
    for model in (folder / "models").iterdir():
        if model.is_dir():
            champion = (model / "champion").read_text().strip()
            for version in model.iterdir():
                if version.is_dir() and version.name != champion:
                    shutil.rmtree(version)
    return Site(folder, 'models_dir = "models"')


def _models(folder: Path, name: str = "*") -> list[Path]:
    return sorted((folder / "models").glob(f"{name}/*/model.txt"))


def _trial(folder: Path, damage: Callable[[Path], None], blow: str) -> Outcome:
    """Damage one model of two under load, then reload or kill a worker."""
    with _site(folder) as site:
        with Load(site.call, clients=4, every=0.2) as load:
            time.sleep(1)
            damage(_models(folder, "sepsis")[0])
            before = site.workers()
            if blow == "reload":
                site.process.send_signal(signal.SIGHUP)
            else:
                os.kill(before[0], signal.SIGKILL)
            until(lambda: before[0] not in site.workers(), SETTLE_SECONDS)
            time.sleep(2)
        alive = site.process.poll() is None
        # A killed worker takes along what it was answering.
        spared = 4 if blow == "kill" else 0
        failed = sum(a.status != 200 for a in load.answers)
        last = site.call()
        told = last.cards[0]["detail"] if last.status == 200 else ""
    return Outcome(
        f"{len(load.answers)} calls, {failed} failed, master {'alive' if alive else 'ended'}; "
        f"afterwards {last.status}{', a card' if told else ''}",
        alive and failed <= spared and last.status == 200 and "NEWS2" in told,
    )


def cut_reload(folder: Path, scale: Scale) -> Outcome:
    """One model of two is cut, then SIGHUP."""
    return _trial(folder, _cut, "reload")


def flipped_reload(folder: Path, scale: Scale) -> Outcome:
    """One bit of one model of two is flipped, then SIGHUP."""
    return _trial(folder, _flip, "reload")


def cut_killed(folder: Path, scale: Scale) -> Outcome:
    """One model of two is cut, then a worker is killed."""
    return _trial(folder, _cut, "kill")


def all_gone(folder: Path, scale: Scale) -> Outcome:
    """No model is whole at a restart: NEWS2 alone is answered, and no number of a model."""
    with _site(folder) as site:
        site.stop()
        for path in _models(folder):
            _cut(path)
        try:
            site.start()
        except RuntimeError:
            return Outcome("the start stopped", False)
        card = site.call().cards[0]
        risks = site.records()[0]["risks"]
    return Outcome(
        f"started; {len(risks)} risks; the card says: {card['summary'][:60]}",
        not risks and "NEWS2" in card["summary"] + card["detail"],
    )
