"""Turns the figures of one model into plain sentences that a committee reads first; every word
follows from the figures.
"""

from collections.abc import Iterator

from studies.report.report_tables import PERCENT, cell, count, plain, written

ENOUGH_EVENTS, ENOUGH_DRAWS, MANY_PARTIAL = 100, 1000, 0.5
PARTS = {
    "held-out": (
        "These are records that “vigil train” leaves out; a model that was made in another way "
        "may have seen them."
    ),
    "training": (
        "These are records that training may use: the figures flatter a model that was "
        "trained on them."
    ),
    "all": (
        "These are all records of the data: if the model was trained on some of them, the "
        "figures flatter it."
    ),
}


def summary(part: dict, settings: dict) -> tuple[str, ...]:
    """Return what the figures say, one sentence or two for each subject; subjects without
    figures are left out.
    """
    figures = part.get("figures") or {}
    lines = (
        _ranking(figures),
        _partial(part),
        _level(figures),
        _spread(figures),
        _worth(part, figures),
        _matched(figures),
        _alerts(part),
        _benefit(part.get("net_benefit") or []),
        _lead(part),
        _groups(part),
        _no_number(part),
        _caution(part, settings),
    )
    return tuple(line for found in lines for line in found)


def _ranking(figures: dict) -> Iterator[str]:
    if (figures.get("auroc") or {}).get("value") is None:
        yield "How well the model ranks patients is not estimable from these data."
        return
    low, high = (figures.get("auroc_minus_news2") or {}).get("interval") or (None, None)
    against = f"AUROC {cell(figures, 'auroc')} against {cell(figures, 'news2_auroc')}"
    if low is None or high is None:
        yield (
            f"Ranks patients with an AUROC of {cell(figures, 'auroc')}; NEWS2 has "
            f"{cell(figures, 'news2_auroc')} on the same rows."
        )
    elif low > 0 or high < 0:
        yield (
            f"Ranks patients {'better' if low > 0 else 'worse'} than NEWS2 on the same rows: "
            f"{against}."
        )
    else:
        yield (
            "Does not clearly rank patients better or worse than NEWS2 on the same rows: "
            f"{against}."
        )


def _partial(part: dict) -> Iterator[str]:
    share = ((part.get("partial") or {}).get("news2_5") or {}).get("partial")
    if share is not None and share > MANY_PARTIAL:
        yield (
            f"NEWS2 lacked parts in {plain(share, 'percent')} of the rows, and what is missing "
            "adds no points: a fully charted NEWS2 may do better."
        )


def _level(figures: dict) -> Iterator[str]:
    ratio = figures.get("observed_expected") or {}
    low, high = ratio.get("interval") or (None, None)
    if ratio.get("value") is None or low is None or high is None:
        return
    events = f"{written(ratio, 2)} events happened for each one that it expected"
    if low <= 1 <= high:
        yield f"On average its risks agree with what happened: {events}."
    else:
        yield f"On average its risks are too {'low' if low > 1 else 'high'}: {events}."


def _spread(figures: dict) -> Iterator[str]:
    slope = figures.get("calibration_slope") or {}
    low, high = slope.get("interval") or (None, None)
    if slope.get("value") is None or low is None or high is None:
        return
    words = "spread about rightly"
    if low > 1:
        words = "too timid: low risks should be lower and high risks higher"
    elif high < 1:
        words = "too extreme: low risks should be higher and high risks lower"
    yield f"Its risks are {words} (calibration slope {written(slope, 2)}, ideal 1)."


def _worth(part: dict, figures: dict) -> Iterator[str]:
    for name, limit in (part.get("thresholds") or {}).items():
        right, found = figures.get(f"{name}_ppv") or {}, figures.get(f"{name}_sensitivity") or {}
        if right.get("value") is not None and found.get("value") is not None:
            each = cell(figures, f"{name}_nne").value.removesuffix(".0")
            yield (
                f"At a risk of {plain(limit, 'risk')} or more ({name}) it marks "
                f"{written(found, 'percent')} of the rows with {part.get('label', 'the event')}; "
                f"of all that it marks, {written(right, 'percent')} are right, about one in "
                f"{each}."
            )


def _matched(figures: dict) -> Iterator[str]:
    own, other = figures.get("at_news2_5_sensitivity_ppv") or {}, figures.get("news2_5_ppv") or {}
    if own.get("value") is not None and other.get("value") is not None:
        yield (
            f"Set to find as many of these rows as NEWS2 of 5 or more, {written(own, 'percent')} "
            f"of the rows it marks are right; with NEWS2 it is {written(other, 'percent')}."
        )


def _alerts(part: dict) -> Iterator[str]:
    found = part.get("alerts") or {}
    own = [
        f"{cell(found, f'{name}_alerts_per_100_patient_days')} at {name}"
        for name in part.get("thresholds") or {}
    ]
    if found and own:
        other = cell(found, "news2_5_alerts_per_100_patient_days")
        yield (
            f"Alerts per 100 patient-days: {', '.join(own)}; NEWS2 of 5 or more would give {other}."
        )


def _benefit(lines: list[dict]) -> Iterator[str]:
    best = [line["risk"] for line in lines if _is_best(line)]
    if best:
        where = _ranges(best, [line["risk"] for line in lines])
        yield (
            "Acting on it has a higher net benefit than acting on all, on none or on NEWS2 at "
            f"risks of {where}."
        )
    elif lines:
        yield "At no risk that was looked at does acting on it have the highest net benefit."


def _is_best(line: dict) -> bool:
    own = (line.get("model") or {}).get("value")
    others = [
        (line.get(name) or {}).get("value")
        for name in ("treat_all", "treat_none", "news2_5", "news2_7")
    ]
    return own is not None and all(own > other for other in others if other is not None)


def _ranges(chosen: list[float], every: list[float]) -> str:
    runs: list[list[float]] = []
    for risk in chosen:
        if runs and every.index(risk) == every.index(runs[-1][-1]) + 1:
            runs[-1].append(risk)
        else:
            runs.append([risk])
    return ", ".join(
        f"{100 * run[0]:g} to {100 * run[-1]:g}{PERCENT}"
        if len(run) > 1
        else f"{100 * run[0]:g}{PERCENT}"
        for run in runs
    )


def _lead(part: dict) -> Iterator[str]:
    for name, found in (part.get("lead_time") or {}).items():
        if (found.get("median_hours") or {}).get("value") is not None:
            yield (
                f"At {name}, the first alert came {cell(found, 'median_hours')} hours before the "
                f"event (median); {cell(found, 'undetected')} of the events had none."
            )


def _groups(part: dict) -> Iterator[str]:
    groups = part.get("groups") or []
    few = sum(not group.get("figures") for group in groups)
    if few:
        yield f"{few} of {len(groups)} groups have too few events to be judged."
    known = [
        (gap, group)
        for group in groups
        if ((gap := (group.get("figures") or {}).get("equal_alert_gap") or {}).get("value") or 0)
        > 0
    ]
    if known:
        gap, group = max(known, key=lambda line: line[0]["value"])
        ends = [plain(100 * end, 1) for end in gap["interval"] or ()]
        span = f" (95{PERCENT} interval {' to '.join(ends)})" if ends else ""
        yield (
            "Where the same share of a group's rows is alerted as of all rows at medium, it finds "
            f"fewest in {group.get('column')} {group.get('value')}: "
            f"{plain(100 * gap['value'], 1)} percentage points fewer than of all{span}."
        )


def _no_number(part: dict) -> Iterator[str]:
    counts = part.get("counts") or {}
    missing, rows = sum((counts.get("landmarks_without_number") or {}).values()), counts.get("rows")
    if rows is not None and rows + missing:
        share, never = (
            plain(missing / (rows + missing), "percent"),
            counts.get("event_stays_without_number"),
        )
        stays = (
            (
                f"{count(never)} of {count(counts.get('event_stays'))} stays with the event never "
                "got one"
            )
            if never
            else ""
        )
        stays = stays or (
            "every stay with the event got one"
            if never == 0
            else "of the stays with the event nothing is known"
        )
        yield (
            f"It gave no number at {count(missing)} of {count(rows + missing)} moments "
            f"({share}); {stays}."
        )


def _caution(part: dict, settings: dict) -> Iterator[str]:
    events, draws = (part.get("counts") or {}).get("event_stays"), settings.get("draws")
    if events is not None and events < ENOUGH_EVENTS:
        yield (
            f"Only {count(events)} stays had the event: fewer than {ENOUGH_EVENTS} are too few "
            "to judge a model safely."
        )
    if draws is not None and draws < ENOUGH_DRAWS:
        yield f"The intervals rest on {count(draws)} draws; {count(ENOUGH_DRAWS)} are usual."
    if settings.get("part") in PARTS:
        yield PARTS[settings["part"]]
