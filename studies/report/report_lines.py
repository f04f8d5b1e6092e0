"""Turns a validation into the lines that `vigil validate` prints: the figures that a reader asks
for first, beside NEWS2.
"""

from collections.abc import Iterator

from studies.report import report_sense
from studies.report.question import notices

SHOWN = {
    "auroc": "AUROC", "news2_auroc": "  of NEWS2", "qsofa_auroc": "  of qSOFA",
    "sirs_auroc": "  of SIRS", "auprc": "AUPRC", "news2_auprc": "  of NEWS2",
    "brier": "Brier score", "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept", "observed_expected": "observed to expected",
    "ici": "calibration error (ICI)",
}  # fmt: skip


def lines(found: dict) -> Iterator[str]:
    """Yield a head line, whatever question the data ask beside the model's, and the leading figures
    of each model, then its challenge's own scores.
    """
    for part in found["models"]:
        counts = part["counts"]
        yield (
            f"{part['model']['name']} {part['model']['version']} on {found['data']['layout']}, "
            f"{found['settings']['part']} records"
        )
        yield from (f"  ! {said}" for said in notices(part.get("question")))
        people = f"{counts['stays_scored']} stays of {counts['patients']} patients"
        yield f"  {counts['rows']} rows of {people}, {counts['events']} with {part['label']}"
        yield from (
            _line(words, part["figures"][name])
            for name, words in SHOWN.items()
            if name in part["figures"]
        )
        yield from report_sense.lines(part["sense"])
        if part["challenge"]:
            yield part["challenge"]["name"]
            yield from (
                _line(name, figure) for name, figure in part["challenge"]["figures"].items()
            )


def recalibrated(manifest: dict) -> Iterator[str]:
    """Yield what `vigil recalibrate` prints: how much it rests on, each figure before and after,
    and the bands.
    """
    account, bands = manifest["recalibration"], manifest["thresholds"]
    counts = ", ".join(f"{account[what]} {what}" for what in ("rows", "patients", "events"))
    yield f"{manifest['name']} {manifest['version']}: {counts}; {account['how']}"
    for name, before in account["before"].items():
        after = _number(account["after"][name])
        yield f"  {name:22} {_number(before):>13} before, {after:>13} after"
    for name, limit in account["thresholds_before"].items():
        yield f"  {name} band begins at {limit:g} before, {bands[name]:g} after"
    yield f"  bands: {account['bands']}; {manifest['thresholds_chosen']}"


def _number(figure: dict) -> str:
    return "not estimable" if figure["value"] is None else f"{figure['value']:.4f}"


def _line(words: str, figure: dict) -> str:
    if figure["value"] is None:
        return f"  {words:26} not estimable"
    span = (
        f"(95 % interval {figure['interval'][0]:.4f} to {figure['interval'][1]:.4f})"
        if figure["interval"]
        else "(no interval)"
    )
    return f"  {words:26} {figure['value']:.4f}  {span}"
