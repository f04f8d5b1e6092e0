"""Keeps what a server serves with: the champion of each model, else the last good one in memory or
on disk, else without that model (G7, F4).

`stocked` parses nothing, so a server's first process may hold what it gives (F5); `loaded` belongs
after the fork. A damaged file costs its own model and never the service. A shadow is scored beside
its champion and shown to nobody; one that fails is left out.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from models.fitted import registry
from models.fitted.booster import ModelError
from models.fitted.model import Model, verify
from models.fitted.registry import Trust


@dataclass(frozen=True)
class Stock:
    """What is served: `models` in order of name; `missing` and `behind` say in a sentence why a
    model can't be served at all, or not by its champion, `left_out` why a shadow isn't scored.
    """

    models: tuple[Model, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)
    behind: dict[str, str] = field(default_factory=dict)
    shadows: tuple[Model, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, list[str]]:
        """Return all of it by name, without the reasons: those may hold a path of the host."""
        served = [f"{model.id.name} {model.id.version}" for model in self.models]
        return {"models": served, "missing": sorted(self.missing), "behind": sorted(self.behind)}

    @property
    def faults(self) -> dict[str, str]:
        """Return by name what is not served or scored as it should be, and why."""
        shadows = {f"shadow of {name}": why for name, why in self.left_out.items()}
        return self.missing | self.behind | shadows


def stocked(folder: Path | None, trust: Trust, before: Stock | None = None) -> Stock:
    """Return what the models below `folder` give; `before` is what was served until now.

    Raises ModelError when there is no model at all below the folder and none was served before:
    that is a wrong configuration, and no damage.
    """
    homes = registry.in_service(folder)
    if not homes:
        why = f"There is no trained model below {folder or registry.TRAINED}."
        if before is None:
            raise ModelError(why)
        return Stock(before.models, before.missing, {m.id.name: why for m in before.models})
    held = {model.id.name: model for model in before.models} if before else {}
    stock = Stock()
    good: list[Model] = []
    shadows: list[Model] = []
    for home in homes:
        reasons: list[str] = []
        try:
            good.append(registry.champion(home, trust, reasons.append, held.get(home.name)))
        except ModelError as error:
            stock.missing[home.name] = str(error)
        if reasons:
            stock.behind[home.name] = reasons[0]
        try:
            shadows += filter(None, [registry.shadow(home, trust)])
        except ModelError as error:
            stock.left_out[home.name] = str(error)
    return replace(stock, models=tuple(good), shadows=tuple(shadows))


def loaded(stock: Stock) -> Stock:
    """Return a stock whose models this process has loaded and scored to the golden vectors; one
    that fails here is missing, a shadow left out.
    """
    good, failed = _verified(stock.models)
    shadows, unfit = _verified(stock.shadows)
    return Stock(good, stock.missing | failed, stock.behind, shadows, stock.left_out | unfit)


def _verified(models: tuple[Model, ...]) -> tuple[tuple[Model, ...], dict[str, str]]:
    """Return those that could be loaded, and by name why others could not."""
    good: list[Model] = []
    failed: dict[str, str] = {}
    for model in models:
        try:
            good.append(verify(model))
        except ModelError as error:
            failed[model.id.name] = str(error)
    return tuple(good), failed
