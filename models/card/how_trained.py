"""Says how a model was trained, and what the training itself found: leak, hospitals left out."""

from typing import Any

from models.card.figures import counted, ranged


def how_trained(manifest: dict[str, Any]) -> dict[str, str | None]:
    """Return the facts by the name that model_card.toml calls them; None where a version does not
    hold them.
    """
    parameters = manifest.get("parameters") or {}
    return {
        "leak": (manifest.get("leak") or {}).get("said"),
        "acute": _acute(manifest.get("acute")),
        "across": _across(manifest.get("across")),
        "first_trees": _first_trees(manifest.get("started_from"), parameters),
        "weights": _weights(parameters),
    }


def _across(found: dict[str, Any] | None) -> str | None:
    """Return the AUROC in each hospital that was left out of training, beside that of NEWS2."""
    if not found:
        return None
    return "; ".join(
        f"{site} ({counted(one['rows'])} rows) AUROC {ranged(one['auroc'])}, NEWS2 "
        f"{ranged(one['news2_auroc'])}; before the event {ranged(one['auroc_before_event'])}"
        f", NEWS2 {ranged(one['news2_auroc_before_event'])}"
        for site, one in found.items()
    )


def _acute(found: dict[str, Any] | None) -> str | None:
    """Return how deaths of the next hours are ranked, out of fold, beside NEWS2."""
    if not found:
        return None
    return (
        f"events within {found['hours']:g} h ({counted(found['events'])} of "
        f"{counted(found['rows'])} rows; those whose answer the data leave open are left out): "
        f"AUROC {ranged(found['auroc'])}, NEWS2 {ranged(found['news2_auroc'])}"
    )


def _first_trees(started_from: dict[str, Any] | None, parameters: dict[str, Any]) -> str | None:
    """Return what the first trees say, where they were not fitted: those of another version, or
    made by hand.
    """
    if started_from:
        return (
            f"The first trees are those of {started_from['name']} {started_from['version']} "
            f"(SHA-256 {started_from['sha256'][:12]}), its score brought to this outcome by a line."
        )
    if not parameters.get("red"):
        return None
    return (
        "The first trees are made by hand: a vital sign of 3 NEWS2 points adds "
        f"{parameters['red']:g} to the log-odds, one that is hardly ever seen "
        f"{parameters['extreme']:g}, whatever the data say of it."
    )


def _weights(parameters: dict[str, Any]) -> str:
    """Return how rows with the outcome were weighed."""
    if not parameters.get("early_weight"):
        return "By outcome nothing was over- or under-sampled."
    return (
        f"A row before an event counts up to {1 + parameters['early_weight']:g} times, the more "
        f"the sooner it happens (a third of it each {parameters['early_days']:g} days)."
    )
