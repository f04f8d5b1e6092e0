"""Turns a trained version and its figures into a signed release, or into the figure that stopped
it: `vigil release`.

Figures come from the version's validation.json; without one, from what training wrote into the
manifest. Limits: gate.toml.
"""

import hashlib
import json
import math
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.card.validation import seen_files
from models.fitted import signature
from models.fitted.booster import ModelError
from models.fitted.model import Model, load
from models.fitted.probe import probe
from studies.sense.gate import sense_findings
from studies.training.train import write

LIMITS = Path(__file__).with_name("gate.toml")
VALIDATION = "validation.json"
RANGES = {
    "calibration_slope": "calibration slope",
    "observed_expected": "observed to expected events",
}


class Refused(ModelError):
    """The gate stopped a release; the message names every figure that did."""


@dataclass(frozen=True)
class Finding:
    """One figure against its limit; `value` is None when the figure is not available, and then
    it does not pass. What is not estimable is not `judged`, and stops nothing.
    """

    figure: str
    value: float | None
    limit: str
    passed: bool
    said: str
    judged: bool = True


@dataclass(frozen=True)
class Override:
    """A named person's reason to release in spite of one figure."""

    figure: str
    by: str
    reason: str


def release(
    folder: Path, key: Path, at: datetime, override: Override | None = None, limits: Path = LIMITS
) -> list[Finding]:
    """Judge a version, write the judgement into its manifest and sign it with the private key;
    return the findings.

    `at` is aware UTC. Raises Refused, and writes nothing, when a figure fails that is not
    overridden; ModelError when the version can't be loaded or the key is not usable.
    """
    model = load(folder)
    probe(folder, model)
    figures, source = measured(folder, model)
    findings = [*judge(figures, _limits(limits)), *held_out(figures, model.manifest)]
    _refuse(model, findings, override)
    passed = {
        "at": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "figures_from": source,
        "findings": [asdict(f) for f in findings],
    }
    manifest = model.manifest | {
        "release": passed | {"override": asdict(override) if override else None}
    }
    # First the signature, which a key that is not usable stops; what a crash leaves between the two
    # does not fit and is not loaded.
    signature.sign(folder, manifest, key)
    write(folder, model.text, manifest)
    return findings


def measured(folder: Path, model: Model) -> tuple[dict[str, Any], str]:
    """Return the figures of a version with its groups, and in words where they come from.

    Shape: {"figures": {name: {"value", "interval"}}, "groups": [{"column", "value", "events",
    "figures"}]}. Raises ModelError when validation.json speaks of another version.
    """
    path = folder / VALIDATION
    if not path.exists():
        after = (model.manifest.get("recalibration") or {}).get("after") or {}
        figures = (model.manifest.get("figures") or {}) | {
            name: after[name] for name in RANGES if name in after
        }
        return {"figures": figures, "groups": model.manifest.get("groups") or []}, "manifest.json"
    try:
        raw = path.read_bytes()
        found = json.loads(raw)
        about = {name: found["model"][name] for name in ("name", "version", "sha256")}
        if not isinstance(found["figures"], dict) or not all(
            {"column", "value"} <= set(group) for group in found.get("groups") or ()
        ):
            raise ValueError("figures and groups have another form")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{path} is no validation ({error!r}).") from None
    if about != asdict(model.id):
        raise ModelError(
            f"{path} is of {about['name']} {about['version']}, not of this model: run `vigil "
            "validate` again."
        )
    return found, f"{VALIDATION}, SHA-256 {hashlib.sha256(raw).hexdigest()}"


def judge(found: dict[str, Any], limits: dict[str, Any]) -> list[Finding]:
    """Return a finding for each figure that the gate looks at."""
    figures = found.get("figures") or {}
    ranges = [
        _range(name, words, number(figures.get(name)), limits[name])
        for name, words in RANGES.items()
    ]
    return [
        _over_news2(figures, limits["auroc_over_news2"]),
        *ranges,
        *_groups(found, limits),
        *(_finding(*line) for line in sense_findings(found, limits)),
    ]


def held_out(found: dict[str, Any], manifest: dict[str, Any]) -> list[Finding]:
    """Return whether the validation shares records with the training or the recalibration: figures
    on rows that were fitted to say nothing.

    Empty when the figures are those of training itself, which come from folds.
    """
    if "data" not in found:
        return []
    shared = seen_files(manifest, found)
    words = "files that the model was trained or recalibrated on" + (
        f" ({', '.join(shared)})" if shared else ""
    )
    return [_finding("held_out", words, float(len(shared)), "0", not shared)]


def number(figure: Any) -> float | None:
    """Return the value of a figure, a number or {"value": number}; None when it is not available
    or not finite.
    """
    value = figure.get("value") if isinstance(figure, dict) else figure
    return (
        float(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        else None
    )


def _over_news2(figures: dict[str, Any], least: float) -> Finding:
    difference = figures.get("auroc_minus_news2")
    if isinstance(difference, dict) and difference.get("interval"):
        value, how = (
            number(difference["interval"][0]),
            "lower end of the 95 % interval of the difference",
        )
    else:
        ours, theirs = number(figures.get("auroc")), number(figures.get("news2_auroc"))
        value, how = (
            None if ours is None or theirs is None else ours - theirs,
            "difference of the two values, without an interval",
        )
    passed = value is not None and value >= least
    return _finding(
        "auroc_over_news2",
        f"AUROC less that of NEWS2 on the same rows ({how})",
        value,
        f"at least {least:g}",
        passed,
    )


def _range(name: str, words: str, value: float | None, limits: list[float]) -> Finding:
    low, high = limits
    return _finding(
        name, words, value, f"{low:g} to {high:g}", value is not None and low <= value <= high
    )


def _groups(found: dict[str, Any], limits: dict[str, Any]) -> Iterator[Finding]:
    """Yield for each group whether the model surely is worse than NEWS2 in it, expects too many or
    too few events, or finds fewer of them than in the whole at an equal alert rate.
    """
    groups, least = found.get("groups") or [], limits["group_least_events"]
    if not groups:
        yield _finding("groups", "figures by group", None, "there", False)
    for group in groups:
        name, figures = f"{group['column']}={group['value']}", group.get("figures") or {}
        events = int(number(group.get("events")) or 0)
        if events < least:
            reason = f"{events} stays with the event are fewer than {least:g}"
            yield _not_judged(f"group:{name}", f"the group {name}", reason)
            continue
        for figure, key, span, words in (
            ("auroc", "auroc_minus_news2", (limits["group_auroc_over_news2"], math.inf),
             f"AUROC less that of NEWS2 in the group {name}"),
            ("observed_expected", "observed_expected", limits["observed_expected"],
             f"observed to expected events in the group {name}"),
            ("sensitivity", "equal_alert_gap", (-math.inf, limits["group_equal_alert_gap"]),
             f"sensitivity of all rows less that of the group {name} at an equal alert rate"),
        ):  # fmt: skip
            yield _surely(f"group_{figure}:{name}", words, figures.get(key), span)


def _surely(figure: str, words: str, found: Any, span: Sequence[float]) -> Finding:
    """Return the finding that a figure's interval reaches into the span; one that is there, but
    has no value or interval, is not judged.
    """
    low, high = span
    limit = (
        f"{high:g} or less"
        if low == -math.inf
        else f"{low:g} or more"
        if high == math.inf
        else f"into {low:g} to {high:g}"
    )
    if not isinstance(found, dict):
        return _finding(figure, words, None, f"an interval that reaches {limit}", False)
    value, ends = number(found), [number(end) for end in found.get("interval") or ()]
    if value is None or len(ends) != 2 or ends[0] is None or ends[1] is None:
        return _not_judged(figure, words, "not estimable from these data")
    passed = ends[1] >= low and ends[0] <= high
    return Finding(
        figure,
        value,
        f"an interval that reaches {limit}",
        passed,
        f"{figure}: {words} is {value:.4f} (95 % interval {ends[0]:.4f} to {ends[1]:.4f}); it "
        f"has to be an interval that reaches {limit}.",
    )


def _not_judged(figure: str, words: str, reason: str) -> Finding:
    said = f"{figure}: {words} is not judged: {reason}."
    return Finding(figure, None, "not judged", True, said, judged=False)


def _finding(figure: str, words: str, value: float | None, limit: str, passed: bool) -> Finding:
    shown = (
        "not available (run `vigil validate --record` again)" if value is None else f"{value:.4f}"
    )
    return Finding(
        figure, value, limit, passed, f"{figure}: {words} is {shown}; it has to be {limit}."
    )


def _refuse(model: Model, findings: list[Finding], override: Override | None) -> None:
    stopped = {finding.figure: finding.said for finding in findings if not finding.passed}
    if override:
        if not override.by.strip() or not override.reason.strip():
            raise Refused("An override needs the name of a person and a reason.")
        if stopped.pop(override.figure, None) is None:
            raise Refused(
                f"{override.figure!r} did not stop this release, so there is nothing to override."
            )
    if stopped:
        raise Refused(
            f"{model.id.name} {model.id.version} is not released. " + " ".join(stopped.values())
        )


def _limits(path: Path) -> dict[str, Any]:
    """Return the limits of a file over the defaults; a name that the gate does not know is an
    error, not a limit in the air.
    """
    try:
        usual, own = (tomllib.loads(p.read_text("utf-8")) for p in (LIMITS, path))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} can't be read ({error}).") from None
    if unknown := set(own) - set(usual):
        raise ModelError(f"{path} names limits that there are not: {', '.join(sorted(unknown))}.")
    for name, value in own.items():
        if not _like(value, usual[name]):
            raise ModelError(f"{path}: {name} has to look like {usual[name]}.")
    return usual | own


def _like(value: Any, usual: Any) -> bool:
    if isinstance(usual, list):
        return (
            isinstance(value, list)
            and len(value) == len(usual)
            and all(number(item) is not None for item in value)
        )
    return number(value) is not None
