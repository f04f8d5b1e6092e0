"""Turns what was found of one model into the sections on its use: lead time, alerts, groups, the
challenge, hidden data, no number.
"""

import re

from studies.report.report_plots import Axis, Curve, Plot, chart, intervals
from studies.report.report_sections import CRITERIA, Section, band
from studies.report.report_tables import Absent, Table, capital, cell, count, grid, plain

LEADS = {
    "median_hours": "Median, h", "lower_quartile_hours": "Lower quartile, h",
    "upper_quartile_hours": "Upper quartile, h", "over_1_h": "Over 1 h ahead",
    "over_6_h": "Over 6 h ahead", "over_12_h": "Over 12 h ahead", "undetected": "Not detected",
}  # fmt: skip
BURDEN = {
    "alerts_per_100_patient_days": "Alerts per 100 patient-days",
    "ever_alerted": "Stays ever alerted",
}
NAMES = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "ppv": "PPV",
    "npv": "NPV",
    "nne": "NNE",
    "brier": "Brier score",
    "ici": "ICI",
}
STATUS = {
    "insufficient": "too few fresh vital signs", "stale": "newest values too old",
    "child": "under the age that the model is for", "deceased": "recorded as deceased",
    "age unknown": "without a known age", "unusable": "vital signs that can't be used",
}  # fmt: skip


def lead_time(part: dict, settings: dict) -> Section:
    """Return how long before the event the first alert came, and how many events had none."""
    found, limits, hours = (
        part.get("lead_time") or {},
        part.get("thresholds") or {},
        settings.get("lead_hours"),
    )
    window = f"{hours} h" if hours else "hours"
    text = (
        (
            f"From the first alert in the {window} before the event to the event. Shares are of "
            "all events."
        ),
    )
    if not found:
        reason = (
            "These data do not say when the event happened, or no event had a row, so there "
            "is no lead time."
        )
        return Section("lead-time", "Lead time", text[:0], (Absent(reason),))
    lines = [
        (band(name, limits.get(name)), figures, list(LEADS)) for name, figures in found.items()
    ]
    events = max(
        (figures.get("events", {}).get("value") or 0 for figures in found.values()), default=0
    )
    table = grid(
        f"Lead time of {count(int(events))} events", ("Working point", *LEADS.values()), lines
    )
    return Section("lead-time", "Lead time", text, (table,))


def alerts(part: dict, settings: dict) -> Section:
    """Return how often the model and NEWS2 would alert, at their working points and over all
    thresholds.
    """
    found, curve, limits = (
        part.get("alerts") or {},
        part.get("alerts_by_threshold") or [],
        part.get("thresholds") or {},
    )
    silent = settings.get("silent_hours")
    text = (
        f"After an alert the same stay is silent for {silent} h."
        if silent
        else "Alerts as they would be shown.",
    )
    if not found and not curve:
        return Section(
            "alerts", "Alerts", text, (Absent("The validation holds no count of alerts."),)
        )
    places = {name: band(name, limit) for name, limit in limits.items()} | {
        name: CRITERIA[name] for name in ("news2_5", "news2_7")
    }
    lines = [
        (label, found, [f"{name}_{figure}" for figure in BURDEN]) for name, label in places.items()
    ]
    table = grid("Alerts at the working points", ("Working point", *BURDEN.values()), lines)
    return Section(
        "alerts", "Alerts", text, (*([_alert_plot(found, curve)] if curve else []), table)
    )


def _alert_plot(found: dict, curve: list[dict]) -> Plot:
    shown = [(line["risk"], line["alerts_per_100_patient_days"]) for line in curve]
    curves = [Curve("this model", 0, tuple(shown), marked=True)]
    for name, style in (("news2_5", 1), ("news2_7", 2)):
        level = (found.get(f"{name}_alerts_per_100_patient_days") or {}).get("value")
        if level is not None:
            curves.append(Curve(CRITERIA[name], style, ((0, level), (shown[-1][0], level))))
    top = max([y for c in curves for _, y in c.points] + [1]) * 1.05
    rows = tuple(
        (
            plain(line["risk"], "risk"),
            plain(line["alerts_per_100_patient_days"], 1),
            plain(line["ever_alerted"], "percent"),
        )
        for line in curve
    )
    table = Table("Alerts by threshold", ("Threshold of the risk", *BURDEN.values()), rows)
    ends = [
        f"{plain(number, 1)} alerts at a threshold of {plain(risk, 'risk')}"
        for risk, number in (shown[0], shown[-1])
    ]
    words = f"From {ends[0]} to {ends[1]}."
    axes = (
        Axis("threshold of the risk, %", 0, shown[-1][0]),
        Axis("alerts per 100 patient-days", 0, top, percent=False),
    )
    return chart("alerts", "Alerts per 100 patient-days by threshold", words, curves, *axes, table)


def challenge(part: dict) -> Section:
    """Return the scores by which the data set's own challenge ranked its entries."""
    found = part.get("challenge") or {}
    if not found.get("figures"):
        return Section(
            "challenge",
            "The challenge's own scores",
            (),
            (Absent("These data belong to no challenge with scores of its own."),),
        )
    limits = found.get("thresholds") or {}
    rows = tuple(
        (_score_name(name, limits), cell(found["figures"], name)) for name in found["figures"]
    )
    stays, blank = found.get("stays"), found.get("stays_without_number")
    about = f"{count(stays)} stays" + (
        f", {count(blank)} of them without a number" if blank is not None else ""
    )
    text = (re.sub("`([^`]*)`", "“\\1”", found["note"]),) if found.get("note") else ()
    return Section(
        "challenge",
        "The challenge's own scores",
        text,
        (Table(f"{found.get('name', 'Challenge')}: {about}", ("Score", "Found"), rows),),
    )


def _score_name(name: str, limits: dict) -> str:
    figure, _, at = name.partition("_at_")
    words = {
        "score1": "score 1 (smaller of sensitivity and PPV)",
        "score2": "score 2 (lower is better)",
    }
    limit = f" ({plain(limits[at], 'risk')})" if limits.get(at) is not None else ""
    return capital(words.get(figure) or NAMES.get(figure, figure)) + (
        f" at {at}{limit}" if at else ""
    )


def without(part: dict) -> Section:
    """Return the AUROC with variables hidden: no laboratory values, vital signs only, each vital
    sign missing.
    """
    title, found = "When values are missing", part.get("without") or {}
    if not any(found.values()):
        return Section(
            "without", title, (), (Absent("This validation was made without hiding values."),)
        )
    lines = [
        ("all values" if name == "all" else name, figure, int(name != "all"))
        for name, figure in found.items()
    ]
    plot = intervals("without", "AUROC with values hidden", lines, "AUROC")
    ratios = part.get("without_observed_expected") or {}
    named = {
        "all values" if name == "all" else name: {"observed_expected": ratio}
        for name, ratio in ratios.items()
    }
    rows = tuple((name, cell(ratio, "observed_expected")) for name, ratio in named.items())
    shown = (
        (
            plot,
            Table(
                "Observed to expected events; above 1 the risks are too low",
                ("Hidden", "Found"),
                rows,
            ),
        )
        if rows
        else (plot,)
    )
    return Section(
        "without",
        title,
        ("The same rows again, with some values taken out of every chart.",),
        shown,
    )


CERTAINTY = {
    "indeterminate": "rows without a band (indeterminate)",
    "prevalence_indeterminate": "of these, rows with the event", "auroc_all": "AUROC of all rows",
    "auroc_answered": "AUROC of the rows with a band", "brier_all": "Brier score of all rows",
    "brier_answered": "Brier score of the rows with a band",
    "served_sensitivity": "sensitivity as served: medium, high or no band",
    "served_ppv": "PPV as served: medium, high or no band",
}  # fmt: skip


def certainty(part: dict) -> Section:
    """Return how often the model says that it does not know, and how it does where it answers."""
    title, found = "Certainty", part.get("certainty") or {}
    if not any(found.values()):
        return Section(
            "certainty", title, (), (Absent("This validation holds no figures on certainty."),)
        )
    rows = tuple((capital(CERTAINTY.get(name, name)), cell(found, name)) for name in found)
    text = (
        "How often the model gives no band, and how good it is where it does. Coverage: how "
        "often the interval of a chart with values "
        "hidden held the risk of the whole chart; 90 % is aimed at.",
    )
    return Section(
        "certainty", title, text, (Table("Certainty of the risks", ("Figure", "Found"), rows),)
    )


def unanswered(part: dict) -> Section:
    """Return what was left without a number, and why."""
    counts = part.get("counts") or {}
    if not counts:
        return Section(
            "unanswered", "Left without a number", (), (Absent("The validation holds no counts."),)
        )
    reasons = counts.get("landmarks_without_number") or {}
    names = {
        "rows": "rows with a number",
        "events": f"of these with {part.get('label', 'the event')}",
        "patients": "patients",
        "stays": "stays",
        "stays_scored": "stays with a number at least once",
        "event_stays": "stays with the event",
        "event_stays_without_number": "of these without any number",
    }
    rows = [(capital(label), count(counts.get(key))) for key, label in names.items()]
    rows += [
        (f"Moments without a number: {STATUS.get(key, key)}", count(n))
        for key, n in reasons.items()
    ]
    text = (
        (
            "Where the service gives no number, no row enters the figures above. They are counted "
            "here."
        ),
    )
    return Section(
        "unanswered",
        "Left without a number",
        text,
        (Table("What was counted", ("What", "Number"), tuple(rows)),),
    )
