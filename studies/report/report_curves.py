"""Turns the curves of one model into sections of its report: calibration, net benefit, precision
and recall, distribution.
"""

from studies.report.report_plots import Axis, Curve, Plot, chart, mirrored
from studies.report.report_sections import Section
from studies.report.report_tables import Absent, Cell, Table, capital, cell, count, plain, written

CALIBRATION = {
    "observed_expected": ("observed to expected events", "1"),
    "calibration_intercept": ("calibration intercept", "0"),
    "calibration_slope": ("calibration slope", "1"),
    "ici": ("ICI, mean distance from observed risk", "0"), "e50": ("E50, median distance", "0"),
    "e90": ("E90, nine in ten rows are nearer", "0"), "emax": ("Emax, greatest distance", "0"),
    "brier": ("Brier score", "0"), "brier_scaled": ("scaled Brier score", "1"),
}  # fmt: skip
# Way to act -> (its name, the style of its curve).
BENEFITS = {
    "model": ("this model", 0),
    "treat_all": ("act on all", 4),
    "treat_none": ("act on none", 5),
    "news2_5": ("NEWS2 of 5 or more", 1),
    "news2_7": ("NEWS2 of 7 or more", 2),
}
# Score -> (its name, the style of its curve, whether its points are marked).
SCORES = {"model": ("this model", 0, False), "news2": ("NEWS2", 1, True)}


def calibration(part: dict) -> Section:
    """Return whether risks are as high as what happens: figures, and a plot of tenths and a
    smooth curve.
    """
    figures, curves = part.get("figures") or {}, part.get("curves") or {}
    known = {key: words for key, words in CALIBRATION.items() if key in figures}
    rows = tuple((label, cell(figures, key), ideal) for key, (label, ideal) in known.items())
    table = (
        Table("Figures of calibration, per row", ("Figure", "Found", "Ideal"), rows)
        if rows
        else Absent("No figures of calibration.")
    )
    tenths, smooth = curves.get("tenths") or [], curves.get("calibration") or []
    text: tuple[str, ...] = (
        (
            "Of the rows with a risk of 20 %, one in five should have the event. On the diagonal "
            "of the plot, risk and outcome agree."
        ),
    )
    if not smooth and tenths:
        text += ("No smooth curve could be fitted, so the plot shows the tenths only.",)
    return Section(
        "calibration",
        "Calibration: is a risk of 20 % really 20 %?",
        text,
        (*_calibration_plots(tenths, smooth), table),
    )


def _calibration_plots(tenths: list[dict], smooth: list[dict]) -> tuple[Plot | Absent, ...]:
    if not tenths and not smooth:
        return (Absent("The validation holds no points for a calibration plot."),)
    near = max([max(t["predicted"], t["observed"]) for t in tenths] or [0]) * 1.15
    whole = max([near, *(max(p["predicted"], p["observed"]) for p in smooth), 0.01])
    plots = [
        _calibration_plot(
            "calibration", "Calibration: observed against predicted risk", whole, tenths, smooth
        )
    ]
    # Most rows of a rare event crowd in the corner, where their calibration could not be seen.
    if 0 < near < 0.5 * whole:
        plots.append(
            _calibration_plot(
                "calibration-near",
                f"Calibration, enlarged: risks up to {plain(near, 'risk')}",
                near,
                tenths,
                smooth,
            )
        )
    return tuple(plots)


def _calibration_plot(
    key: str, title: str, top: float, tenths: list[dict], smooth: list[dict]
) -> Plot:
    curves = [
        Curve("perfect agreement", 5, ((0, 0), (top, top))),
        Curve("tenths of the rows", 1, _points(tenths), joined=False, marked=True),
    ]
    if smooth:
        curves.append(
            Curve("smooth curve", 0, _points([p for p in smooth if p["predicted"] <= top]))
        )
    rows = [
        (f"tenth {n}", count(t["rows"]), count(t["events"]), *_risks(t))
        for n, t in enumerate(tenths, 1)
    ]
    rows += [("curve", "", "", *_risks(p)) for p in smooth]
    text = "; ".join(
        (
            f"tenth {n}: predicted {plain(t['predicted'], 'percent')}, observed "
            f"{plain(t['observed'], 'percent')}"
        )
        for n, t in enumerate(tenths, 1)
    )
    table = Table(
        "Points of the calibration plot",
        ("Point", "Rows", "Events", "Predicted", "Observed"),
        tuple(rows),
    )
    axes = Axis("predicted risk, %", 0, top, log_odds=False), Axis("observed risk, %", 0, top)
    return chart(key, title, f"{text}.", curves, *axes, table)


def _points(found: list[dict]) -> tuple[tuple[float, float], ...]:
    return tuple((p["predicted"], p["observed"]) for p in found)


def _risks(point: dict) -> tuple[str, str]:
    return plain(point["predicted"], "percent"), plain(point["observed"], "percent")


def decision_curve(part: dict) -> Section:
    """Return the net benefit of acting on the model against acting on all, on none and on NEWS2."""
    found = part.get("net_benefit") or []
    text = (
        "The risk from which you would act says how many false alarms you accept for one true one. "
        "The curve that lies highest there does most good.",
    )
    shown = _benefit_plot(found) if found else Absent("The validation holds no net benefit.")
    return Section("decision-curve", "Decision curve: does acting on it help?", text, (shown,))


def _benefit_plot(found: list[dict]) -> Plot:
    curves = [
        Curve(label, style, _benefits(found, name)) for name, (label, style) in BENEFITS.items()
    ]
    top = max([*(value for curve in curves for _, value in curve.points), 0.001]) * 1.08
    axes = (
        Axis("risk from which one acts, %", 0, found[-1]["risk"]),
        Axis("net benefit, per row", -0.3 * top, top, percent=False),
    )
    title = "Net benefit by the risk from which one acts"
    words = _benefit_words(curves)
    return chart("decision-curve", title, words, curves, *axes, _benefit_table(found))


def _benefits(found: list[dict], name: str) -> tuple[tuple[float, float], ...]:
    """Return (risk, net benefit) of one way to act, where it has a value."""
    return tuple(
        (line["risk"], line[name]["value"])
        for line in found
        if (line.get(name) or {}).get("value") is not None
    )


def _benefit_table(found: list[dict]) -> Table:
    head = ("Acting from a risk of", *(capital(label) for label, _ in BENEFITS.values()))
    rows: tuple[tuple[Cell | str, ...], ...] = tuple(
        (plain(line["risk"], "risk"), *(written(line.get(name), 4) for name in BENEFITS))
        for line in found
    )
    return Table("Net benefit, per row", head, rows)


def _benefit_words(curves: list[Curve]) -> str:
    ends = [(curve.name, curve.points[0], curve.points[-1]) for curve in curves if curve.points]
    words = (
        f"{n}: {plain(a[1], 4)} at {plain(a[0], 'risk')}, {plain(b[1], 4)} at {plain(b[0], 'risk')}"
        for n, a, b in ends
    )
    return "; ".join(words) + "."


def precision_recall(part: dict) -> Section:
    """Return PPV over sensitivity of the model and of NEWS2, with the share of events as the
    floor.
    """
    found = (part.get("curves") or {}).get("precision_recall") or {}
    text = (
        "How many alarms are right (precision, PPV) when this share of the events is to be found "
        "(recall, sensitivity).",
    )
    shown = _precision_plot(found, part.get("figures") or {}) if found else None
    missing = Absent("The validation holds no such curve.")
    return Section("precision-recall", "Precision and recall", text, (shown or missing,))


def _precision_plot(found: dict, figures: dict) -> Plot:
    curves = [
        Curve(label, style, tuple((p["recall"], p["precision"]) for p in found[key]), marked=marked)
        for key, (label, style, marked) in SCORES.items()
        if key in found
    ]
    share = (figures.get("prevalence") or {}).get("value")
    if share is not None:
        curves.append(Curve(f"no skill: {plain(share, 'percent')}", 5, ((0, share), (1, share))))
    top = min(max([p["precision"] for points in found.values() for p in points] + [0.01]) * 1.05, 1)
    words = f"AUPRC {cell(figures, 'auprc')} against {cell(figures, 'news2_auprc')} of NEWS2."
    axes = Axis("recall (sensitivity), %", 0, 1), Axis("precision (PPV), %", 0, top)
    title, table = "Precision over recall, per row", _precision_table(found)
    return chart("precision-recall", title, words, curves, *axes, table)


def _precision_table(found: dict) -> Table:
    rows = tuple(
        (label, plain(p["recall"], "percent"), plain(p["precision"], "percent"))
        for key, (label, _, _) in SCORES.items()
        for p in found.get(key, ())
    )
    return Table("Points of the precision-recall plot", ("Score", "Recall", "Precision"), rows)


def distribution(part: dict) -> Section:
    """Return the risks of rows with and without the event, as a mirrored histogram."""
    bins = (part.get("curves") or {}).get("distribution") or []
    title = "Distribution of the risk by outcome"
    text = (
        "The less the two halves overlap, the better the model tells the outcomes apart. "
        "The axis is stretched at low risks; the outermost steps hold all beyond them.",
    )
    if not bins:
        return Section(
            "distribution", title, text, (Absent("The validation holds no distribution."),)
        )
    rows = tuple(
        (_step(b), plain(b["event"], "percent"), plain(b["no_event"], "percent")) for b in bins
    )
    table = Table(
        "Share of the rows in each step of risk", ("Risk", "With the event", "Without it"), rows
    )
    peaks = {name: max(bins, key=lambda b, name=name: b[name]) for name in ("event", "no_event")}
    words = "; ".join(
        f"rows {'with' if n == 'event' else 'without'} the event are most often at {_step(b)}"
        for n, b in peaks.items()
    )
    names = (
        f"above the line: rows with {part.get('label', 'the event')}",
        "below the line: rows without it",
    )
    return Section(
        "distribution",
        title,
        text,
        (
            mirrored(
                "distribution",
                "Risks with and without the event",
                capital(f"{words}."),
                bins,
                "risk, %",
                names,
                table,
            ),
        ),
    )


def _step(found: dict) -> str:
    return f"{plain(found['from'], 'risk')} to {plain(found['to'], 'risk')}"
