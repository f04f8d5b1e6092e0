"""Turns a manifest and a validation into the facts that card.toml has places for, each a plain text; what is not known is left out."""

from models.evidence import ABSENT, FAIR, KINDS, OTHER, SAFE, SEEN, TEST, USEFUL, Figure, Table, counted, internal, kind_of, tables, written
from models.inputs import percent, printed_unit
from models.model import Model
from models.vocabulary import VARIABLES

LEADING = ("auroc", "news2_auroc", "auprc", "brier", "calibration_slope", "observed_expected")
PERSON = {"age": "age", "sex": "sex"}
# least and greatest calibration slope and observed to expected that are called good: the release gate's own limits
GOOD = (0.8, 1.25)


def facts(model: Model, validation: dict | None) -> dict[str, str]:
    """Return every fact of a run by the name that card.toml calls it."""
    found = _of_manifest(model) | _of_training(model) | _of_validation(model, validation or {})
    return {name: text for name, text in found.items() if text} | {"absent": ABSENT}


def _of_manifest(model: Model) -> dict[str, str | None]:
    m, bands = model.manifest, ", ".join(f"{name} from {percent(value)}" for name, value in model.manifest["thresholds"].items())
    parameters = m.get("parameters") or {}
    trees = f"LightGBM {m.get('lightgbm') or ABSENT}, gradient-boosted trees"
    size = f"{parameters.get('trees', ABSENT)} trees, depth {parameters.get('max_depth', ABSENT)}"
    bound = len(parameters.get("rising") or ()) + len(parameters.get("falling") or ())
    chosen = m.get("thresholds_chosen")
    line, again = m["calibration"], m.get("recalibration") or {}
    output = f"the probability of {m['label']} ({m['horizon']})"
    return {
        "name": model.id.name, "version": model.id.version, "sha256": model.id.sha256, "label": m["label"], "horizon": m["horizon"],
        "code_version": m.get("code_version"), "command": m.get("command"), "bands": bands, "output_short": f"{output}, with contributions",
        "output": f"{output}, from 0 to 100 %, and how much each input raised or lowered it.",
        "thresholds": f"{bands}. Chosen so that {chosen}." if chosen else f"{bands}. How they were chosen is {ABSENT}.",
        "mechanism_short": f"{trees}, {size}",
        "mechanism": f"{trees}: {size}; {len(model.features)} features, {bound} of them bound in direction.",
        "calibration": "points joined by straight lines in log-odds" if line.get("points") else
                       f"a line in log-odds: intercept {written(line['intercept'])}, slope {written(line['slope'])}",
        "recalibration": again.get("how") and f"{again['how']}; {again.get('rows', ABSENT)} rows, {again.get('events', ABSENT)} events",
        "gate": _gate(m.get("release")), "certainty": _certainty(m.get("certainty")), "inputs": _inputs(model),
        "inputs_short": _inputs_short(model),
        "vars_used": _vars(model),
    }  # fmt: skip


def _gate(release: dict | None) -> str | None:
    if not release:
        return None
    override, looked = release.get("override"), len(release["findings"])
    passed = f"{looked} figures were judged on {release['at']}"
    if not override:
        return f"{passed}; all passed."
    said = next(finding["said"] for finding in release["findings"] if finding["figure"] == override["figure"])
    return f"{passed}; all but one passed. {said} Released in spite of it by {override['by']}: {override['reason']}"


def _certainty(fitted: dict | None) -> str | None:
    if not fitted:
        return None
    measured = fitted.get("measured") or {}
    found = f"{percent(measured['coverage'])} of {counted(measured['rows'])} charts"
    return (
        f"a conformal interval for each risk ({fitted['how']}); measured: {found}. Where it reaches from the low band into the "
        "high one, the answer is indeterminate: no band is given, and the reasons are."
    )


def _of_training(model: Model) -> dict[str, str | None]:
    m, about, table = model.manifest, model.manifest.get("source") or {}, internal(model)
    figures = m.get("figures") or {}
    where = f"{about['name']}: {about.get('population') or 'population ' + ABSENT}." if about.get("name") else None
    files = "; ".join(f"{name} (SHA-256 {digest[:12]})" for name, digest in (about.get("files") or {}).items())
    rule = m.get("held_out")
    people, rows, events = (counted(figures.get(name)) for name in ("patients", "rows", "events"))
    counts = f"training: {people} patients, {rows} rows, {events} with the outcome"
    return {
        "training_data": where and where + (f" Files: {files}." if files else ""), "training_short": where,
        "population": about.get("population"), "citation": about.get("citation"),
        "licence": about.get("licence"), "counts": counts if figures else None,
        "held_out": f"kept from training: {rule}" if rule else "nothing was kept from training" if where else None,
        "cross_validation": table and _performance(table),
    }  # fmt: skip


def _of_validation(model: Model, found: dict) -> dict[str, str | None]:
    shown, kind = tables(model, found), kind_of(model.manifest, found) if found else None
    table = next((t for t in shown if t.origin.file == "validation.json"), None)
    performance = table and _performance(table, *(t for t in shown if t.title == "Calibration"))
    groups = next((t for t in shown if t.head == FAIR), None)
    fairness, shares = groups and _fairness(groups), _shares(found)
    trained = internal(model)
    here = {
        "date": table and table.origin.date, "validated": table and table.origin.said,
        "performance": performance or (trained and _performance(trained)),
        "fairness": fairness, "shares": shares, "representative": shares and f"{shares} By the other characteristics {ABSENT}.",
        "unanswered": _unanswered(found), "flow": _flow(found), "difference": f"Evaluated on {KINDS[kind]}." if kind else None,
    }  # fmt: skip
    own = kind in (TEST, SEEN)
    validity = (trained and _performance(trained), performance if own else None)
    here |= {"test_validity": " ".join(text for text in validity if text), "test_fairness": fairness if own else None}
    return here | _external(kind, table, performance, fairness, shares) | _interpreted(found, shown)


def _external(
    kind: str | None, table: Table | None, performance: str | None, fairness: str | None, shares: str | None
) -> dict[str, str | None]:
    if kind != OTHER or table is None:
        none = "none: it has not been validated on other data than those of its training source"
        return {"external_data": none, "external_short": none}
    return {
        "external_data": table.origin.said, "external_short": f"{table.origin.data}: {table.origin.kind}", "external_shares": shares,
        "external_validity": performance, "external_fairness": fairness,
    }  # fmt: skip


def _performance(*shown: Table) -> str:
    """Return the leading figures with all that every number has to carry."""
    first = shown[0]
    named = {figure.path.rpartition("/")[2]: figure for table in shown for figure in table.figures}
    leading = [named[name].said for name in LEADING if name in named]
    n, events = (first.figures[0].n, first.figures[0].events) if first.figures else (None, None)
    return f"{'; '.join(leading)}. {counted(n)} {first.unit}, {counted(events)} with the outcome; {first.origin.said}."


def _fairness(table: Table) -> str:
    """Return each group's AUROC with its stays and events, and which groups can't be judged."""
    areas = [f"{figure.said}, {counted(figure.n)} stays, {counted(figure.events)} events" for figure in table.figures
             if figure.path.endswith("/auroc")]  # fmt: skip
    few = [figure.label.partition(":")[0] for figure in table.figures if figure.value is None and figure.path.endswith("/figures")]
    unjudged = f" Not estimable under 20 events: {', '.join(few)}." if few else ""
    return f"{'; '.join(areas) or ABSENT}.{unjudged} {table.origin.said}."


def _shares(found: dict) -> str | None:
    groups = [f"{g.get('column')} {g.get('value')} {counted(g.get('stays'))} stays" for g in found.get("groups") or ()]
    return f"in the validation, {'; '.join(groups)}." if groups else None


def _unanswered(found: dict) -> str | None:
    counts = found.get("counts") or {}
    silent = counts.get("landmarks_without_number") or {}
    if not counts:
        return None
    return ", ".join(f"{counted(count)} {reason}" for reason, count in silent.items()) or "none"


def _flow(found: dict) -> str | None:
    c = found.get("counts") or {}
    words = {"patients": "patients", "stays": "stays", "stays_scored": "stays with a number", "rows": "rows",
             "event_stays": "stays with the outcome", "event_stays_without_number": "of them without a number"}  # fmt: skip
    return "; ".join(f"{counted(c[name])} {text}" for name, text in words.items() if name in c) or None


def _interpreted(found: dict, shown: tuple[Table, ...]) -> dict[str, str | None]:
    """Return what the figures of each head say, in words that the intervals bear out."""
    named = {figure.path: figure for table in shown for figure in table.figures}
    useful = _beyond_news2(named.get("figures/auroc_minus_news2"))
    slope, ratio = named.get("figures/calibration_slope"), named.get("figures/observed_expected")
    safe = " ".join(text for text in (_good(slope), _good(ratio)) if text) or None
    groups = _worst_group(named)
    titles = {head: [f"“{table.title}”" for table in shown if table.head == head] for head in (USEFUL, FAIR, SAFE)}
    results = {f"results_{head.split()[0]}": f"below: {', '.join(names)}" if names else None for head, names in titles.items()}
    whole = " ".join(text for text in (useful, safe, groups) if text) or None
    words = {"interpretation_usefulness": useful, "interpretation_safety": safe, "interpretation_fairness": groups}
    return words | results | {"interpretation": whole}


def _beyond_news2(figure: Figure | None) -> str | None:
    if figure is None or figure.value is None:
        return None
    low, high = figure.interval or (None, None)
    sure = "more than chance would explain" if low is not None and (low > 0 or high < 0) else "which chance may explain"
    return f"It orders patients {'better' if figure.value > 0 else 'no better'} than NEWS2 on the same rows, by {figure.said}, {sure}."


def _good(figure: Figure | None) -> str | None:
    if figure is None or figure.value is None:
        return None
    inside = GOOD[0] <= figure.value <= GOOD[1]
    return f"The {figure.said} is {'within' if inside else 'outside'} the release gate's {GOOD[0]} to {GOOD[1]}."


def _worst_group(named: dict[str, Figure]) -> str | None:
    groups = (figure for path, figure in named.items() if path.startswith("groups/") and path.endswith("/auroc"))
    areas = [figure for figure in groups if figure.value is not None]
    if not areas or "figures/auroc" not in named:
        return None
    return f"Lowest: {min(areas, key=lambda figure: figure.value or 0).said}; all rows: {named['figures/auroc'].said}."


def _inputs(model: Model) -> str:
    """Return each input with unit, look-back limit and what is derived from it."""
    used = dict.fromkeys(name.partition(".")[0] for name in model.features)
    return "; ".join(_input(name) for name in used)


def _input(name: str) -> str:
    if name not in VARIABLES:
        return PERSON.get(name, name)
    variable = VARIABLES[name]
    return f"{variable.label} ({printed_unit(variable) or 'no unit'}, no older than {variable.max_age_hours:g} h)"


def _inputs_short(model: Model) -> str:
    used = {name.partition(".")[0] for name in model.features}
    vitals, labs = (sum(1 for name in used if name in VARIABLES and VARIABLES[name].group == group) for group in ("vitals", "labs"))
    person = " and ".join(word for name, word in PERSON.items() if name in used)
    return f"{vitals} vital signs and {labs} laboratory values with their changes" + (f", {person}" if person else "")


def _vars(model: Model) -> str:
    used = [words for name, words in (("sex", "sex"), ("age", "date of birth (as age)")) if name in model.features]
    return f"{' and '.join(used) or 'none of them'}; none of the others" if used else "none of them"
