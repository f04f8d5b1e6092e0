"""Turns a validation into the lines that `vigil validate` prints: the figures that a reader asks
for first, beside NEWS2.
"""

from collections.abc import Iterator

from studies.report import report_sense

SHOWN = {
    "auroc": "AUROC", "news2_auroc": "  of NEWS2", "qsofa_auroc": "  of qSOFA",
    "sirs_auroc": "  of SIRS", "auprc": "AUPRC", "news2_auprc": "  of NEWS2",
    "brier": "Brier score", "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept", "observed_expected": "observed to expected",
    "ici": "calibration error (ICI)",
}  # fmt: skip


def lines(found: dict) -> Iterator[str]:
    """Yield a head line and the leading figures of each model, then its challenge's own scores."""
    for part in found["models"]:
        counts = part["counts"]
        yield (
            f"{part['model']['name']} {part['model']['version']} on {found['data']['layout']}, "
            f"{found['settings']['part']} records"
        )
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


def _line(words: str, figure: dict) -> str:
    if figure["value"] is None:
        return f"  {words:26} not estimable"
    span = (
        f"(95 % interval {figure['interval'][0]:.4f} to {figure['interval'][1]:.4f})"
        if figure["interval"]
        else "(no interval)"
    )
    return f"  {words:26} {figure['value']:.4f}  {span}"
