"""Turns a manifest and the validation.json beside it into Tables: each figure with its interval, n,
events and place in the file.

What a file lacks is left out here and said as "not available" by the card; a figure without a value
is "not estimable".
"""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from models.card.figures import ABSENT, Figure, Origin, Table
from models.card.measures import POINTS, words
from models.fitted.booster import ModelError
from models.fitted.model import Model

USEFUL, FAIR, SAFE = "usefulness", "fairness", "safety and reliability"
TEST, SEEN, OTHER = "test", "seen", "other"
KINDS = {
    TEST: "held-out records of the training source, which training never saw",
    SEEN: "records that training saw, so the figures flatter the model",
    OTHER: (
        "files of which none is, by its hash, a training file; whether they come from another "
        "hospital, the reader must judge"
    ),
}
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
OF_GROUPS = (
    "auroc",
    "news2_auroc",
    "observed_expected",
    "medium_sensitivity",
    "medium_ppv",
    "medium_alerts_per_100_patient_days",
)
BENEFIT_AT = (0.05, 0.1, 0.2, 0.3)


def read_validation(folder: Path, model: Model) -> dict[str, Any] | None:
    """Return the validation of a version's folder; None when there is none.

    Raises ModelError when it can't be read, or is of another model than this one, by name, version
    and hash.
    """
    path = folder / "validation.json"
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} can't be read ({error}).") from None
    about = found.get("model") if isinstance(found, dict) else None
    if about != asdict(model.id):
        raise ModelError(
            f"{path} is of another model than {model.id.name} {model.id.version} (name, version "
            "or SHA-256 differs)."
        )
    return found


def kind_of(manifest: dict, validation: dict) -> str:
    """Tell by part and file hashes whether training has seen the records: TEST, SEEN or OTHER."""
    trained, used = (
        (about.get("files") or {}).values()
        for about in (manifest.get("source") or {}, validation.get("data") or {})
    )
    if not set(trained) & set(used):
        return OTHER
    held_out = (
        manifest.get("held_out") and (validation.get("settings") or {}).get("part") == "held-out"
    )
    return TEST if held_out else SEEN


def internal(model: Model) -> Table | None:
    """Return what training measured on folds of patients that the fold's model had not seen."""
    found = model.manifest.get("figures") or {}
    data = (model.manifest.get("source") or {}).get("name") or ABSENT
    how = f"cross-validation within the training data: {found.get('how') or 'how is ' + ABSENT}"
    code = model.manifest.get("code_version") or ABSENT
    origin = Origin(
        "manifest.json", data, how, model.manifest.get("made") or ABSENT, code, model.id.sha256
    )
    figures = tuple(_figures(found, "figures", found.get("rows"), found.get("events")))
    return (
        Table(USEFUL, "Cross-validation while training", "rows", origin, figures)
        if figures
        else None
    )


def tables(model: Model, validation: dict | None) -> tuple[Table, ...]:
    """Return every table that the card shows: training's own, then the validation's."""
    first = internal(model)
    return (
        *((first,) if first else ()),
        *(table for table in _validated(model, validation or {}) if table.figures),
    )


def _validated(model: Model, found: dict) -> Iterator[Table]:
    if not found:
        return
    origin = _origin(model, found)
    counts = found.get("counts") or {}
    rows = counts.get("rows"), counts.get("events")
    stays = (
        counts.get("stays_scored"),
        _less(counts.get("event_stays"), counts.get("event_stays_without_number")),
    )
    figures = tuple(_figures(found.get("figures"), "figures", *rows))
    reliable = tuple(
        figure for figure in figures if figure.path.removeprefix("figures/") in RELIABILITY
    )
    yield Table(
        USEFUL,
        "Each time the model was asked",
        "rows",
        origin,
        tuple(figure for figure in figures if figure not in reliable),
    )
    yield Table(
        USEFUL,
        "Each stay, by its highest risk",
        "stays",
        origin,
        tuple(_figures(found.get("stays"), "stays", *stays)),
    )
    yield Table(
        USEFUL, "Alerts", "stays", origin, tuple(_figures(found.get("alerts"), "alerts", *stays))
    )
    lead = tuple(_figures(found.get("lead_time"), "lead_time", *stays))
    yield Table(USEFUL, "Time from the first alert to the event", "stays", origin, lead)
    yield Table(USEFUL, "Net benefit", "rows", origin, tuple(_benefit(found, *rows)))
    challenge = found.get("challenge") or {}
    named = f"Official scores: {challenge.get('name', 'challenge')}"
    scores = _figures(
        challenge.get("figures"),
        "challenge/figures",
        challenge.get("stays"),
        counts.get("event_stays"),
    )
    yield Table(USEFUL, named, "stays", origin, tuple(scores))
    yield Table(FAIR, "Groups", "stays", origin, tuple(_groups(found)))
    yield Table(SAFE, "Calibration", "rows", origin, reliable)
    yield Table(
        SAFE,
        "When values are missing",
        "rows",
        origin,
        tuple(_figures(found.get("without"), "without", *rows)),
    )
    yield Table(
        SAFE,
        "Certainty",
        "rows",
        origin,
        tuple(_figures(found.get("certainty"), "certainty", *rows)),
    )


def _origin(model: Model, found: dict) -> Origin:
    layout = (found.get("data") or {}).get("layout") or ABSENT
    part = (found.get("settings") or {}).get("part")
    data = f"{layout}, part “{part}”" if part else layout
    date = str(found.get("made") or ABSENT).replace("T", " ").replace("Z", " UTC")
    kind = KINDS[kind_of(model.manifest, found)]
    return Origin(
        "validation.json", data, kind, date, found.get("code_version") or ABSENT, model.id.sha256
    )


def _figures(
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
            yield from _figures(inner, here, n, events, deeper)
        else:
            yield _figure(here, inner, n, events, prefix)


def _figure(path: str, found: dict, n: int | None, events: int | None, prefix: str = "") -> Figure:
    value, interval = found.get("value"), found.get("interval")
    label, meaning = words(path.rpartition("/")[2])
    span = (
        tuple(interval)
        if isinstance(interval, list) and len(interval) == 2 and all(map(_is_number, interval))
        else None
    )
    return Figure(
        path, prefix + label, float(value) if _is_number(value) else None, span, n, events, meaning
    )


def _benefit(found: dict, n: int | None, events: int | None) -> Iterator[Figure]:
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


def _groups(found: dict) -> Iterator[Figure]:
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


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _less(whole: int | None, part: int | None) -> int | None:
    return None if whole is None else whole - (part or 0)
