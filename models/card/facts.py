"""Turns a manifest and a validation into the facts that model_card.toml has places for.

Each is a plain text; what is not known is left out.
"""

from typing import Any

from models.card.figures import ABSENT, counted, written
from models.card.how_trained import how_trained
from models.card.results import of_validation, performance
from models.card.tables import internal
from models.fitted.model import Model
from models.patient.inputs import percent
from models.patient.printing import printed_unit
from models.patient.vocabulary import VARIABLES

UPDATED = {
    "observed_expected": "observed to expected",
    "calibration_slope": "calibration slope",
}
PERSON = {"age": "age", "sex": "sex"}


def facts(model: Model, validation: dict[str, Any] | None) -> dict[str, str]:
    """Return every fact of a run by the name that model_card.toml calls it."""
    found = _of_manifest(model) | _of_training(model) | how_trained(model.manifest)
    found |= of_validation(model, validation or {})
    return {name: text for name, text in found.items() if text} | {"absent": ABSENT}


def _of_manifest(model: Model) -> dict[str, str | None]:
    m, bands = (
        model.manifest,
        ", ".join(
            f"{name} from {percent(value)}" for name, value in model.manifest["thresholds"].items()
        ),
    )
    parameters = m.get("parameters") or {}
    trees = f"LightGBM {m.get('lightgbm') or ABSENT}, gradient-boosted trees"
    size = f"{parameters.get('trees', ABSENT)} trees, depth {parameters.get('max_depth', ABSENT)}"
    bound = len(parameters.get("rising") or ()) + len(parameters.get("falling") or ())
    chosen = m.get("thresholds_chosen")
    line, again = m["calibration"], m.get("recalibration") or {}
    shape = (
        "points joined by straight lines in log-odds"
        if line.get("points")
        else (
            f"a line in log-odds: intercept {written(line['intercept'])}, slope "
            f"{written(line['slope'])}"
        )
    )
    output = f"the probability of {m['label']} ({m['horizon']})"
    return {
        "name": model.id.name,
        "version": model.id.version,
        "sha256": model.id.sha256,
        "label": m["label"],
        "horizon": m["horizon"],
        "code_version": m.get("code_version"),
        "command": m.get("command"),
        "bands": bands,
        "output_short": f"{output}, with contributions",
        "output": f"{output}, from 0 to 100 %, and how much each input raised or lowered it.",
        "thresholds": f"{bands}. Chosen so that {chosen}."
        if chosen
        else f"{bands}. How they were chosen is {ABSENT}.",
        "mechanism_short": f"{trees}, {size}",
        "mechanism": (
            f"{trees}: {size}; {len(model.features)} features, {bound} of them bound in direction."
        ),
        "calibration": "; ".join(text for text in (shape, _recalibrated(again)) if text),
        "recalibration": _recalibrated(again),
        "gate": _gate(m.get("release")),
        "certainty": _certainty(m.get("certainty")),
        "inputs": _inputs(model),
        "inputs_short": _inputs_short(model),
        "vars_used": _vars(model),
    }


def _recalibrated(again: dict[str, Any]) -> str | None:
    """Return on what a recalibration rests, and how its figures were made; None without one."""
    if not again:
        return None
    people = ", ".join(
        f"{counted(again.get(name))} {name}" for name in ("patients", "rows", "events")
    )
    files = ", ".join(
        f"{name} (SHA-256 {digest[:12]})" for name, digest in (again.get("files") or {}).items()
    )
    ends = " and ".join(
        f"{words} {written(before['value'])} before, {written(after['value'])} after"
        for name, words in UPDATED.items()
        if (before := _figure(again, "before", name)) and (after := _figure(again, "after", name))
    )
    parts = (f"fitted anew to {files or 'outcomes'} ({people})", ends, again.get("how") or ABSENT)
    return "; ".join(part for part in parts if part)


def _figure(again: dict[str, Any], when: str, name: str) -> dict[str, Any] | None:
    """Return a figure with a value; versions up to 0.4.0 hold bare numbers, which are left out."""
    found = (again.get(when) or {}).get(name)
    return found if isinstance(found, dict) and found.get("value") is not None else None


def _gate(release: dict[str, Any] | None) -> str | None:
    if not release:
        return None
    override, looked = release.get("override"), release["findings"]
    judged = sum(finding.get("judged", True) for finding in looked)
    passed = f"{judged} figures were judged on {release['at']}"
    if judged < len(looked):
        passed += f", {len(looked) - judged} could not be"
    if not override:
        return f"{passed}; all passed."
    reason = next(
        finding["said"]
        for finding in release["findings"]
        if finding["figure"] == override["figure"]
    )
    return (
        f"{passed}; all but one passed. {reason} Released in spite of it by {override['by']}: "
        f"{override['reason']}"
    )


def _certainty(fitted: dict[str, Any] | None) -> str | None:
    if not fitted:
        return None
    measured = fitted.get("measured") or {}
    found = f"{percent(measured['coverage'])} of {counted(measured['rows'])} charts"
    return (
        f"a conformal interval for each risk ({fitted['how']}); measured: {found}. Where it "
        "reaches from the low band into the high one, or to 50 %, the answer is indeterminate: no "
        "band is given, and the reasons are."
    )


def _of_training(model: Model) -> dict[str, str | None]:
    m, about, table = model.manifest, model.manifest.get("source") or {}, internal(model)
    figures = m.get("figures") or {}
    where = (
        f"{about['name']}: {about.get('population') or 'population ' + ABSENT}."
        if about.get("name")
        else None
    )
    files = "; ".join(
        f"{name} (SHA-256 {digest[:12]})" for name, digest in (about.get("files") or {}).items()
    )
    rule = m.get("held_out")
    people, rows, events = (counted(figures.get(name)) for name in ("patients", "rows", "events"))
    counts = f"training: {people} patients, {rows} rows, {events} with the outcome"
    return {
        "training_data": where and where + (f" Files: {files}." if files else ""),
        "training_short": where,
        "population": about.get("population"),
        "citation": about.get("citation"),
        "licence": about.get("licence"),
        "counts": counts if figures else None,
        "held_out": f"kept from training: {rule}"
        if rule
        else "nothing was kept from training"
        if where
        else None,
        "cross_validation": performance(table) if table else None,
    }


def _inputs(model: Model) -> str:
    """Return each input with unit, look-back limit and what is derived from it."""
    used = dict.fromkeys(model.variables)
    return "; ".join(_input(name) for name in used)


def _input(name: str) -> str:
    if name not in VARIABLES:
        return PERSON.get(name, name)
    variable = VARIABLES[name]
    return (
        f"{variable.label} ({printed_unit(variable) or 'no unit'}, no older than "
        f"{variable.max_age_hours:g} h)"
    )


def _inputs_short(model: Model) -> str:
    used = set(model.variables)
    vitals, labs = (
        sum(1 for name in used if name in VARIABLES and VARIABLES[name].group == group)
        for group in ("vitals", "labs")
    )
    person = " and ".join(word for name, word in PERSON.items() if name in used)
    return f"{vitals} vital signs and {labs} laboratory values with their changes" + (
        f", {person}" if person else ""
    )


def _vars(model: Model) -> str:
    used = [
        words
        for name, words in (("sex", "sex"), ("age", "date of birth (as age)"))
        if name in model.features
    ]
    return f"{' and '.join(used) or 'none of them'}; none of the others" if used else "none of them"
