"""The README says nothing of the models that their validation.json does not say."""

import json
import re
from pathlib import Path

import pytest

from models.fitted.registry import TRAINED

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
FIGURES = {
    "AUROC": "figures/auroc", "AUROC of NEWS2 on the same rows": "figures/news2_auroc", "AUROC of qSOFA": "figures/qsofa_auroc",
    "AUROC of SIRS": "figures/sirs_auroc", "AUPRC": "figures/auprc", "AUPRC of NEWS2": "figures/news2_auprc",
    "share of rows with the outcome": "figures/prevalence", "Brier score": "figures/brier",
    "calibration slope": "figures/calibration_slope", "observed to expected": "figures/observed_expected",
    "calibration error (ICI)": "figures/ici", "AUROC without laboratory values": "without/no laboratory values",
    "AUROC with vital signs, age and sex only": "without/vital signs only", "rows without a band (not certain)": "certainty/indeterminate",
    "AUROC of the rows with a band": "certainty/auroc_answered", "Brier score of the rows with a band": "certainty/brier_answered",
    "interval of a chart without laboratory values holds the whole chart's risk": "certainty/coverage no laboratory values",
    "… of a chart of vital signs only": "certainty/coverage vital signs only",
    "… of a chart of heart rate, systolic pressure and temperature only": "certainty/coverage three vital signs only",
    "observed to expected with vital signs, age and sex only": "without_observed_expected/vital signs only",
    "sensitivity as served (a warning or graver, or not certain)": "certainty/served_sensitivity",
    "PPV as served": "certainty/served_ppv",
}  # fmt: skip


@pytest.mark.parametrize(("name", "column"), [("deterioration", 1), ("sepsis", 2)])
def test_the_readme_shows_the_shipped_figures(name, column):
    """Every line of the table is a figure of the champion's validation, with its interval where
    the line has one.
    """
    version = (TRAINED / name / "champion").read_text().strip()
    shipped = json.loads((TRAINED / name / version / "validation.json").read_text())
    head, *lines = (
        re.search(r"^\| `vigil validate.*?\n\n", README, re.MULTILINE | re.DOTALL)
        .group()
        .strip()
        .splitlines()
    )
    assert (
        f"{name} {version}: {shipped['counts']['patients']:,} patients, {shipped['counts']['rows']:,} rows"
        in head
    )
    shown = {
        cells[0]: cells[column]
        for line in lines[1:]
        if (cells := [cell.strip() for cell in line.strip("|").split("|")])
    }
    assert set(shown) == set(FIGURES)
    for words, path in FIGURES.items():
        part, figure = path.split("/")
        found = shipped[part][figure]
        numbers = [float(number) for number in re.findall(r"\d+\.\d+", shown[words])]
        scale, digits = (100, 1) if "%" in shown[words] else (1, 3)
        wanted = [found["value"], *found["interval"]][: len(numbers)]
        assert numbers == pytest.approx(
            [round(scale * value, digits) for value in wanted], abs=10**-digits / 1.9
        ), words
