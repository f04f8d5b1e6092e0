"""Turns a validation into the facts that model_card.toml has places for: figures in sentences."""

from typing import Any

from models.card.figures import ABSENT, Figure, Table, counted
from models.card.sense import sensible
from models.card.tables import FAIR, SAFE, USEFUL, internal, tables
from models.card.validation import KINDS, OTHER, SEEN, TEST, kind_of
from models.fitted.model import Model

LEADING = ("auroc", "news2_auroc", "auprc", "brier", "calibration_slope", "observed_expected")
# Least and greatest calibration slope and observed to expected that are called good: the release
# gate's own limits.
GOOD = (0.8, 1.25)


def of_validation(model: Model, found: dict[str, Any]) -> dict[str, str | None]:
    """Return the facts that a validation holds; None where it lacks one."""
    shown, kind = tables(model, found), kind_of(model.manifest, found) if found else None
    table = next((t for t in shown if t.origin.file == "validation.json"), None)
    measured = (
        performance(table, *(t for t in shown if t.title == "Calibration")) if table else None
    )
    groups = next((t for t in shown if t.head == FAIR), None)
    fairness, shares = _fairness(groups) if groups else None, _shares(found)
    trained = internal(model)
    trained_words = performance(trained) if trained else None
    here: dict[str, str | None] = {
        "date": table.origin.date if table else None,
        "validated": table.origin.in_words if table else None,
        "performance": measured or trained_words,
        "fairness": fairness,
        "shares": shares,
        "representative": shares and f"{shares} By the other characteristics {ABSENT}.",
        "unanswered": _unanswered(found),
        "flow": _flow(found),
        "difference": f"Evaluated on {KINDS[kind]}." if kind else None,
    }
    own = kind in (TEST, SEEN)
    validity = (trained_words, measured if own else None)
    here |= {
        "test_validity": " ".join(text for text in validity if text),
        "test_fairness": fairness if own else None,
    }
    return here | _external(kind, table, measured, fairness, shares) | _interpreted(found, shown)


def _external(
    kind: str | None,
    table: Table | None,
    measured: str | None,
    fairness: str | None,
    shares: str | None,
) -> dict[str, str | None]:
    if kind != OTHER or table is None:
        none = "none: it has not been validated on other data than those of its training source"
        return {"external_data": none, "external_short": none}
    return {
        "external_data": table.origin.in_words,
        "external_short": f"{table.origin.data}: {table.origin.kind}",
        "external_shares": shares,
        "external_validity": measured,
        "external_fairness": fairness,
    }


def performance(*shown: Table) -> str:
    """Return the leading figures of tables in one breath, with what they were counted on."""
    first = shown[0]
    named = {figure.path.rpartition("/")[2]: figure for table in shown for figure in table.figures}
    leading = [named[name].in_words for name in LEADING if name in named]
    n, events = (first.figures[0].n, first.figures[0].events) if first.figures else (None, None)
    return (
        f"{'; '.join(leading)}. {counted(n)} {first.unit}, {counted(events)} with the "
        f"outcome; {first.origin.in_words}."
    )


def _fairness(table: Table) -> str:
    """Return each group's AUROC with its stays and events, and which groups can't be judged."""
    areas = [
        f"{figure.in_words}, {counted(figure.n)} stays, {counted(figure.events)} events"
        for figure in table.figures
        if figure.path.endswith("/auroc")
    ]
    few = [
        figure.label.partition(":")[0]
        for figure in table.figures
        if figure.value is None and figure.path.endswith("/figures")
    ]
    unjudged = f" Not estimable under 20 events: {', '.join(few)}." if few else ""
    return f"{'; '.join(areas) or ABSENT}.{unjudged} {table.origin.in_words}."


def _shares(found: dict[str, Any]) -> str | None:
    groups = [
        f"{g.get('column')} {g.get('value')} {counted(g.get('stays'))} stays"
        for g in found.get("groups") or ()
    ]
    return f"in the validation, {'; '.join(groups)}." if groups else None


def _unanswered(found: dict[str, Any]) -> str | None:
    counts = found.get("counts") or {}
    silent = counts.get("landmarks_without_number") or {}
    if not counts:
        return None
    return ", ".join(f"{counted(count)} {reason}" for reason, count in silent.items()) or "none"


def _flow(found: dict[str, Any]) -> str | None:
    c = found.get("counts") or {}
    words = {
        "patients": "patients",
        "stays": "stays",
        "stays_scored": "stays with a number",
        "rows": "rows",
        "event_stays": "stays with the outcome",
        "event_stays_without_number": "of them without a number",
    }
    return (
        "; ".join(f"{counted(c[name])} {text}" for name, text in words.items() if name in c) or None
    )


def _interpreted(found: dict[str, Any], shown: tuple[Table, ...]) -> dict[str, str | None]:
    """Return what the figures of each head say, in words that the intervals bear out."""
    named = {figure.path: figure for table in shown for figure in table.figures}
    useful = _beyond_news2(named.get("figures/auroc_minus_news2"))
    slope, ratio = named.get("figures/calibration_slope"), named.get("figures/observed_expected")
    safe = " ".join(text for text in (_good(slope), _good(ratio), sensible(found)) if text) or None
    groups = _worst_group(named)
    titles = {
        head: [f"“{table.title}”" for table in shown if table.head == head]
        for head in (USEFUL, FAIR, SAFE)
    }
    results = {
        f"results_{head.split()[0]}": f"below: {', '.join(names)}" if names else None
        for head, names in titles.items()
    }
    whole = " ".join(text for text in (useful, safe, groups) if text) or None
    words = {
        "interpretation_usefulness": useful,
        "interpretation_safety": safe,
        "interpretation_fairness": groups,
    }
    return words | results | {"interpretation": whole}


def _beyond_news2(figure: Figure | None) -> str | None:
    if figure is None or figure.value is None:
        return None
    beyond = figure.interval is not None and (figure.interval[0] > 0 or figure.interval[1] < 0)
    sure = "more than chance would explain" if beyond else "which chance may explain"
    return (
        f"It orders patients {'better' if figure.value > 0 else 'no better'} than NEWS2 on "
        f"the same rows, by {figure.in_words}, {sure}."
    )


def _good(figure: Figure | None) -> str | None:
    if figure is None or figure.value is None:
        return None
    inside = GOOD[0] <= figure.value <= GOOD[1]
    return (
        f"The {figure.in_words} is {'within' if inside else 'outside'} the release gate's "
        f"{GOOD[0]} to {GOOD[1]}."
    )


def _worst_group(named: dict[str, Figure]) -> str | None:
    groups = (
        figure
        for path, figure in named.items()
        if path.startswith("groups/") and path.endswith("/auroc")
    )
    areas = [figure for figure in groups if figure.value is not None]
    if not areas or "figures/auroc" not in named:
        return None
    return (
        f"Lowest: {min(areas, key=lambda figure: figure.value or 0).in_words}; all rows: "
        f"{named['figures/auroc'].in_words}."
    )
