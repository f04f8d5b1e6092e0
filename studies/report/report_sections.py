"""Turns what was found of one model into the sections of its report: words, plots and tables,
each beside what it is compared with.
"""

from dataclasses import dataclass

from studies.report.report_plots import Plot, intervals
from studies.report.report_tables import Absent, Cell, Table, cell, grid, plain, written

SCORES = {"": "this model", "news2": "NEWS2", "qsofa": "qSOFA", "sirs": "SIRS"}
CRITERIA = {
    "news2_5": "NEWS2 of 5 or more",
    "news2_7": "NEWS2 of 7 or more",
    "qsofa_2": "qSOFA of 2 or more",
    "sirs_2": "SIRS of 2 or more",
}
MATCHED = {
    "at_news2_5_sensitivity": "Model, as sensitive as NEWS2 of 5 or more",
    "at_news2_7_specificity": "Model, as specific as NEWS2 of 7 or more",
}  # fmt: skip
POINTS = {
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "nne": "NNE",
}


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report with its own heading; `blocks` are drawn one after another."""

    key: str
    title: str
    text: tuple[str, ...]
    blocks: tuple[Table | Plot | Absent, ...]


def band(name: str, limit: float | None) -> str:
    """Name a threshold of the model: "Model, medium (risk of 12.6 % or more)"."""
    return (
        f"Model, {name}"
        if limit is None
        else f"Model, {name} (risk of {plain(limit, 'risk')} or more)"
    )


def discrimination(part: dict) -> Section:
    """Return how well the model ranks, beside NEWS2, qSOFA and SIRS on the same rows."""
    figures, stays = part.get("figures") or {}, part.get("stays") or {}
    text = (
        (
            "Every score is computed on the very same rows. A score with missing parts counts "
            "those it has: see the last table here."
        ),
        "Per stay, each score counts with its highest value of the stay.",
    )
    lines = [
        (label, figures.get(_named(key, "auroc")), n)
        for n, (key, label) in enumerate(SCORES.items())
    ]
    plot = (
        [intervals("auroc", "AUROC per row, with 95 % intervals", lines, "AUROC")]
        if figures
        else []
    )
    tables = (
        _ranking("Per row", figures),
        _ranking("Per stay, highest value", stays),
        _partial(part.get("partial") or {}),
    )
    return Section(
        "discrimination", "Discrimination: does it rank patients rightly?", text, (*plot, *tables)
    )


def _named(score: str, figure: str) -> str:
    return f"{score}_{figure}" if score else figure


def _ranking(caption: str, figures: dict) -> Table | Absent:
    if not figures:
        return Absent(f"{caption}: the validation holds no such figures.")
    rows = []
    for key, label in SCORES.items():
        gain = written(figures.get(f"auroc_minus_{key}"), sign=True) if key else Cell("")
        rows.append(
            (label, cell(figures, _named(key, "auroc")), gain, cell(figures, _named(key, "auprc")))
        )
    share = cell(figures, "prevalence")
    return Table(
        f"{caption}. Share with the event: {share}.",
        ("Score", "AUROC", "Model minus score", "AUPRC"),
        tuple(rows),
    )


def _partial(found: dict) -> Table | Absent:
    if not found:
        return Absent("How complete NEWS2, qSOFA and SIRS were is not in this validation.")
    names = ("partial", "surely_positive", "possibly_positive")
    rows = tuple(
        (CRITERIA.get(key, key), *(Cell(plain(f.get(name), "percent")) for name in names))
        for key, f in found.items()
    )
    return Table(
        "How complete the other scores were, as a share of the rows",
        ("Score", "Some parts missing", "Surely positive", "Possibly positive"),
        rows,
    )


def working_points(part: dict) -> Section:
    """Return sensitivity, PPV and the like at the model's bands, at the other scores' limits,
    and matched to NEWS2.
    """
    limits = part.get("thresholds") or {}
    places = {name: band(name, limit) for name, limit in limits.items()} | CRITERIA
    tables = []
    for caption, key in (("Per row", "figures"), ("Per stay, highest value", "stays")):
        found = part.get(key) or {}
        matched = {
            name: f"{label}: {cell(found, f'{name}_threshold').value}"
            for name, label in MATCHED.items()
        }
        lines = [
            (label, found, [f"{name}_{p}" for p in POINTS])
            for name, label in (places | matched).items()
        ]
        tables.append(
            grid(caption, ("Working point", *POINTS.values()), lines)
            if found
            else Absent(f"{caption}: the validation holds no such figures.")
        )
    text = (
        (
            "Matched points let the model alarm as often as NEWS2 in one respect, so that the "
            "other figures compare fairly."
        ),
    )
    return Section("working-points", "Working points: what an alarm is worth", text, tuple(tables))
