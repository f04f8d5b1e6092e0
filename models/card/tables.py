"""Turns a manifest and the validation.json beside it into Tables: each figure with its interval, n,
events and place in the file.

What a file lacks is left out here and said as "not available" by the card; a figure without a value
is "not estimable".
"""

from collections.abc import Iterator
from typing import Any

from models.card.figures import ABSENT, Figure, Origin, Table
from models.card.found_figures import benefit, figures_below, groups
from models.card.sense import sense_figures
from models.card.validation import KINDS, kind_of
from models.fitted.model import Model

USEFUL, FAIR, SAFE = "usefulness", "fairness", "safety and reliability"
RELIABILITY = (
    "brier",
    "brier_scaled",
    "observed_expected",
    "calibration_intercept",
    "calibration_slope",
    "ici",
    "e50",
    "e90",
    "emax",
)
Counts = tuple[int | None, int | None]


def internal(model: Model) -> Table | None:
    """Return what training measured on folds of patients that the fold's model had not seen."""
    found = model.manifest.get("figures") or {}
    data = (model.manifest.get("source") or {}).get("name") or ABSENT
    how = f"cross-validation within the training data: {found.get('how') or 'how is ' + ABSENT}"
    code = model.manifest.get("code_version") or ABSENT
    origin = Origin(
        "manifest.json", data, how, model.manifest.get("made") or ABSENT, code, model.id.sha256
    )
    figures = tuple(figures_below(found, "figures", found.get("rows"), found.get("events")))
    return (
        Table(USEFUL, "Cross-validation while training", "rows", origin, figures)
        if figures
        else None
    )


def tables(model: Model, validation: dict[str, Any] | None) -> tuple[Table, ...]:
    """Return every table that the card shows: training's own, then the validation's."""
    first = internal(model)
    return (
        *((first,) if first else ()),
        *(table for table in _validated(model, validation or {}) if table.figures),
    )


def _validated(model: Model, found: dict[str, Any]) -> Iterator[Table]:
    if not found:
        return
    rows, stays = _counts(found)
    measured = tuple(figures_below(found.get("figures"), "figures", *rows))
    reliable = tuple(f for f in measured if f.path.removeprefix("figures/") in RELIABILITY)
    asked = tuple(figure for figure in measured if figure not in reliable)

    def part(name: str, counts: Counts) -> tuple[Figure, ...]:
        return tuple(figures_below(found.get(name), name, *counts))

    shown = (
        (USEFUL, "Each time the model was asked", "rows", asked),
        (USEFUL, "Each stay, by its highest risk", "stays", part("stays", stays)),
        (USEFUL, "Alerts", "stays", part("alerts", stays)),
        (USEFUL, "Time from the first alert to the event", "stays", part("lead_time", stays)),
        (USEFUL, "Net benefit", "rows", tuple(benefit(found, *rows))),
        (USEFUL, *_challenge(found)),
        (FAIR, "Groups", "stays", tuple(groups(found))),
        (SAFE, "Calibration", "rows", reliable),
        (SAFE, "When values are missing", "rows", part("without", rows)),
        (SAFE, "Certainty", "rows", part("certainty", rows)),
        (SAFE, "Made patients who get worse", "steps", sense_figures(found)),
    )
    origin = _origin(model, found)
    yield from (Table(head, title, unit, origin, figures) for head, title, unit, figures in shown)


def _counts(found: dict[str, Any]) -> tuple[Counts, Counts]:
    """Return n and events of the rows, and of the stays that got a number."""
    counts = found.get("counts") or {}
    events = _less(counts.get("event_stays"), counts.get("event_stays_without_number"))
    return (counts.get("rows"), counts.get("events")), (counts.get("stays_scored"), events)


def _challenge(found: dict[str, Any]) -> tuple[str, str, tuple[Figure, ...]]:
    challenge, events = found.get("challenge") or {}, (found.get("counts") or {}).get("event_stays")
    official = figures_below(
        challenge.get("figures"), "challenge/figures", challenge.get("stays"), events
    )
    return f"Official scores: {challenge.get('name', 'challenge')}", "stays", tuple(official)


def _origin(model: Model, found: dict[str, Any]) -> Origin:
    layout = (found.get("data") or {}).get("layout") or ABSENT
    part = (found.get("settings") or {}).get("part")
    data = f"{layout}, part “{part}”" if part else layout
    date = str(found.get("made") or ABSENT).replace("T", " ").replace("Z", " UTC")
    kind = KINDS[kind_of(model.manifest, found)]
    return Origin(
        "validation.json", data, kind, date, found.get("code_version") or ABSENT, model.id.sha256
    )


def _less(whole: int | None, part: int | None) -> int | None:
    return None if whole is None else whole - (part or 0)
