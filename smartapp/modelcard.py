"""Turns a model's manifest into the values of its public card: plain words first, figures with how they were made.

Sections follow the CHAI Applied Model Card; what a manifest does not hold is said as "not available", never left out.
"""

from models.inputs import percent
from models.registry import Model
from models.vocabulary import VARIABLES

FIGURES = {
    "auroc": ("AUROC", "chance that a patient with the outcome has the higher risk; 0.5 is guessing, 1 perfect"),
    "auprc": ("AUPRC", "average precision; guessing gives the prevalence"),
    "brier": ("Brier score", "mean squared error of the risk; lower is better"),
    "calibration_slope": ("Calibration slope", "ideal 1; below 1 is over-confident"),
    "calibration_intercept": ("Calibration intercept", "ideal 0"),
    "observed_expected": ("Observed to expected", "ideal 1"),
    "ici": ("Calibration error (ICI)", "mean distance between risk and observed share"),
    "news2_auroc": ("NEWS2 on the same rows, AUROC", "for comparison"),
    "news2_auprc": ("NEWS2 on the same rows, AUPRC", "for comparison"),
}


def describe(model: Model) -> dict:
    """Return the template's values for one model."""
    manifest = model.manifest
    figures = manifest.get("figures") or {}
    inputs = dict.fromkeys(name.partition(".")[0] for name in model.features)
    return {
        "id": model.id,
        "label": manifest["label"],
        "horizon": manifest["horizon"],
        "thresholds": [(name, percent(value)) for name, value in manifest["thresholds"].items()],
        "chosen": manifest.get("thresholds_chosen"),
        "source": manifest.get("source") or {},
        "inputs": [VARIABLES[name].label if name in VARIABLES else name for name in inputs],
        "figures": [row for name, value in figures.items() if (row := _figure(name, value))],
        "counts": [(name, f"{figures[name]:,}") for name in ("patients", "rows", "events") if isinstance(figures.get(name), int)],
        "prevalence": percent(figures["prevalence"]) if isinstance(figures.get("prevalence"), float) else None,
        "how": figures.get("how"),
        "command": manifest.get("command"),
        "code_version": manifest.get("code_version"),
    }


def _figure(name: str, figure: object) -> tuple[str, str, str, str] | None:
    if name not in FIGURES or not isinstance(figure, dict) or not isinstance(figure.get("value"), float | int):
        return None
    interval = figure.get("interval")
    span = f"{interval[0]:.3f} to {interval[1]:.3f}" if isinstance(interval, list) and len(interval) == 2 else "not available"
    return FIGURES[name][0], f"{figure['value']:.3f}", span, FIGURES[name][1]
