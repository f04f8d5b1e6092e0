"""Turns a part of a validation's JSON into Figures, each with its place in the file."""

import math
from collections.abc import Iterator
from typing import Any, TypeGuard

from models.card.figures import Figure
from models.card.measures import POINTS, words

OF_GROUPS = (
    "auroc",
    "news2_auroc",
    "observed_expected",
    "medium_sensitivity",
    "equal_alert_sensitivity",
    "equal_alert_gap",
    "medium_ppv",
    "medium_alerts_per_100_patient_days",
)
BENEFIT_AT = (0.05, 0.1, 0.2, 0.3)


def figures_below(
    found: object, path: str, n: int | None, events: int | None, prefix: str = ""
) -> Iterator[Figure]:
    """Yield every {"value", "interval"} below `found`, however deep; counts that lie beside them
    hold for those below.
    """
    if not isinstance(found, dict | list):
        return
    if isinstance(found, dict):
        n, events = (
            found[name] if _is_count(found.get(name)) else old
            for name, old in (("rows", n), ("events", events))
        )
        called = found.get("name") or found.get("hidden")
        prefix = f"{prefix}{called}: " if isinstance(called, str) else prefix
    for name, inner in found.items() if isinstance(found, dict) else enumerate(found):
        here = f"{path}/{name}"
        if not isinstance(inner, dict) or "value" not in inner:
            deeper = (
                prefix
                if name == "figures" or isinstance(found, list)
                else f"{prefix}{str(name).replace('_', ' ')}: "
            )
            yield from figures_below(inner, here, n, events, deeper)
        else:
            yield _figure(here, inner, n, events, prefix)


def _figure(
    path: str, found: dict[str, Any], n: int | None, events: int | None, prefix: str = ""
) -> Figure:
    value, interval = found.get("value"), found.get("interval")
    label, meaning = words(path.rpartition("/")[2])
    span = (
        (interval[0], interval[1])
        if isinstance(interval, list) and len(interval) == 2 and all(map(_is_number, interval))
        else None
    )
    return Figure(
        path, prefix + label, float(value) if _is_number(value) else None, span, n, events, meaning
    )


def benefit(found: dict[str, Any], n: int | None, events: int | None) -> Iterator[Figure]:
    """Yield the net benefit of each way to act, at the risks in BENEFIT_AT."""
    names = {
        "model": "the model",
        "treat_all": "everybody treated",
        "news2_5": POINTS["news2_5"],
        "news2_7": POINTS["news2_7"],
    }
    for number, line in enumerate(found.get("net_benefit") or ()):
        for name, meant in names.items() if line.get("risk") in BENEFIT_AT else ():
            if isinstance(line.get(name), dict):
                figure = _figure(f"net_benefit/{number}/{name}", line[name], n, events)
                yield Figure(
                    figure.path,
                    f"at a risk of {100 * line['risk']:.0f} %, {meant}",
                    figure.value,
                    figure.interval,
                    n,
                    events,
                    "right alarms for each row, less wrong ones at that exchange",
                )


def groups(found: dict[str, Any]) -> Iterator[Figure]:
    """Yield the figures of each group; one that is too small to judge says so."""
    for number, group in enumerate(found.get("groups") or ()):
        path, name = (
            f"groups/{number}/figures",
            f"{group.get('column', 'group')} {group.get('value', 'unknown')}",
        )
        shown = [figure for figure in OF_GROUPS if figure in (group.get("figures") or {})]
        for figure in shown:
            yield _figure(
                f"{path}/{figure}",
                group["figures"][figure],
                group.get("stays"),
                group.get("events"),
                f"{name}: ",
            )
        if not shown:
            yield Figure(
                path,
                f"{name}: every figure",
                None,
                None,
                group.get("stays"),
                group.get("events"),
                "fewer than 20 events",
            )


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
