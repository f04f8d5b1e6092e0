"""README and docs/models.md say nothing of the models that their validation.json does not say."""

import json
import re
from pathlib import Path

import pytest

from models.fitted.registry import TRAINED

ROOT = Path(__file__).parents[2]
README, MODELS = ((ROOT / name).read_text("utf-8") for name in ("README.md", "docs/models.md"))
COLUMNS = {"deterioration": 1, "sepsis": 2}
MOST_LINES = 200
FIGURES = {
    "AUROC": "figures/auroc", "AUROC of NEWS2 on the same rows": "figures/news2_auroc", "AUROC of qSOFA": "figures/qsofa_auroc",
    "AUROC of SIRS": "figures/sirs_auroc", "AUPRC": "figures/auprc", "AUPRC of NEWS2": "figures/news2_auprc",
    "share of rows with the outcome": "figures/prevalence", "Brier score": "figures/brier",
    "calibration slope": "figures/calibration_slope", "observed to expected": "figures/observed_expected",
    "calibration error (ICI)": "figures/ici", "AUROC without laboratory values": "without/no laboratory values",
    "AUROC with vital signs, age and sex only": "without/vital signs only", "AUROC without heart rate": "without/no heart rate",
    "AUROC without respiratory rate": "without/no respiratory rate", "AUROC without oxygen saturation": "without/no oxygen saturation",
    "AUROC without systolic pressure": "without/no systolic pressure", "AUROC without temperature": "without/no temperature",
    "rows without a band (not certain)": "certainty/indeterminate",
    "AUROC of the rows with a band": "certainty/auroc_answered", "Brier score of the rows with a band": "certainty/brier_answered",
    "interval of a chart without laboratory values holds the whole chart's risk": "certainty/coverage no laboratory values",
    "… of a chart of vital signs only": "certainty/coverage vital signs only",
    "… of a chart of heart rate, systolic pressure and temperature only": "certainty/coverage three vital signs only",
    "observed to expected with vital signs, age and sex only": "without_observed_expected/vital signs only",
    "sensitivity as served (a warning or graver, or not certain)": "certainty/served_sensitivity",
    "PPV as served": "certainty/served_ppv",
}  # fmt: skip
# The README shows these few; all of them stand in docs/models.md.
IN_README = {
    "AUROC", "AUROC of NEWS2 on the same rows", "AUROC with vital signs, age and sex only", "AUPRC", "share of rows with the outcome",
    "calibration slope", "observed to expected", "rows without a band (not certain)",
    "sensitivity as served (a warning or graver, or not certain)", "PPV as served",
}  # fmt: skip
TABLES = {"README.md": (README, IN_README), "docs/models.md": (MODELS, set(FIGURES))}


def shipped(name: str) -> tuple[str, dict]:
    """Return the champion's version and its validation."""
    version = (TRAINED / name / "champion").read_text().strip()
    return version, json.loads((TRAINED / name / version / "validation.json").read_text())


def tables(text: str) -> list[list[list[str]]]:
    """Return the tables of a page as rows of cells, without the line below the head."""
    found = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
        for table in found
    ]


def of_figures(text: str) -> list[list[str]]:
    """Return the one table of a page that tells of AUROC."""
    (table,) = [table for table in tables(text) if any(row[0] == "AUROC" for row in table)]
    return table


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+\.\d+", text)]


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("page", TABLES)
def test_a_page_shows_the_shipped_figures(page, name):
    """Every line of the table is a figure of the champion's validation, with its interval where
    the line has one.
    """
    (text, wanted_lines), column = TABLES[page], COLUMNS[name]
    version, validation = shipped(name)
    head, _, *rows = of_figures(text)
    counts = validation["counts"]
    said = f"{name} {version}: {counts['patients']:,} patients, {counts['rows']:,} rows"
    assert head[column].startswith(said)
    shown = {row[0]: row[column] for row in rows}
    assert set(shown) == wanted_lines
    for words, cell in shown.items():
        part, figure = FIGURES[words].split("/")
        found = validation[part][figure]
        scale, digits = (100, 1) if "%" in cell else (1, 3)
        given = numbers(cell)
        wanted = [found["value"], *found["interval"]][: len(given)]
        assert given and given == pytest.approx(
            [round(scale * value, digits) for value in wanted], abs=10**-digits / 1.9
        ), words


@pytest.mark.parametrize("name", COLUMNS)
def test_the_bands_are_the_models_own(name):
    """The table of both models cuts the bands where the validation says."""
    (row,) = [row for table in tables(MODELS) for row in table if row[0] == "bands"]
    said = [float(number) for number in re.findall(r"from ([\d.]+) %", row[COLUMNS[name]])]
    cuts = shipped(name)[1]["thresholds"]
    assert said == [float(f"{100 * cuts[band]:.2g}") for band in ("medium", "high")]


def manifest(name: str) -> dict:
    """Return the champion's manifest."""
    version = (TRAINED / name / "champion").read_text().strip()
    return json.loads((TRAINED / name / version / "manifest.json").read_text())


def written(figure: dict) -> str:
    return "{:.3f} ({:.3f} to {:.3f})".format(figure["value"], *figure["interval"])


def test_the_sentences_beside_the_table_are_true():
    """The challenges' scores, and that the gate let both models pass."""
    challenges = [shipped(name)[1]["challenge"]["figures"] for name in COLUMNS]
    for found, names in zip(
        challenges, (("score1_at_high", "score1_at_medium"), ("utility_at_medium",)), strict=True
    ):
        assert all(written(found[name]) in MODELS for name in names)
    assert "let both models pass without an override" in MODELS
    assert all(manifest(name)["release"]["override"] is None for name in COLUMNS)


def test_the_alerts_are_the_validations_own():
    """New alerts in 100 patient-days by band, beside NEWS2."""
    (table,) = [t for t in tables(MODELS) if t[0][0].startswith("alerts in 100 patient-days")]
    names = {
        "medium": "medium",
        "high": "high",
        "NEWS2 of 5 or more": "news2_5",
        "NEWS2 of 7 or more": "news2_7",
    }
    for line, *cells in table[2:]:
        for cell, name in zip(cells, COLUMNS, strict=True):
            found = shipped(name)[1]["alerts"][f"{names[line]}_alerts_per_100_patient_days"]
            assert cell == "{:.1f} ({:.1f} to {:.1f})".format(found["value"], *found["interval"])
    assert len(table) == 6


def test_each_hospital_left_out_has_its_own_line():
    """As the manifest of the sepsis model says it."""
    (table,) = [t for t in tables(MODELS) if t[0][0] == "hospital left out"]
    names = ("auroc", "news2_auroc", "auroc_before_event", "news2_auroc_before_event")
    found = {
        f"set {site}": [written(one[name]) for name in names]
        for site, one in manifest("sepsis")["across"].items()
    }
    assert {line[0]: line[1:] for line in table[2:]} == found


def test_the_table_of_sense_is_the_validations_own():
    """Failing steps by kind, and the share in which nothing fails."""
    (table,) = [t for t in tables(MODELS) if t[0][0] == "what fails"]
    for line in table[2:]:
        kind = re.search(r"`(\w+)`", line[0])
        for cell, name in zip(line[1:3], COLUMNS, strict=True):
            figures = shipped(name)[1]["sense"]["figures"]
            found = figures[kind[1]] if kind else figures["passed"]
            said = f"{found['number']:,} of {found['steps']:,}" if kind else None
            assert cell == (said or f"{100 * found['value']:.1f} %"), line


def test_the_readme_is_short_and_has_one_table_of_figures():
    """Under 200 lines, four pictures, the notice before anything that could be taken for a promise."""
    lines = README.splitlines()
    assert len(lines) < MOST_LINES
    assert len(re.findall(r"!\[[^\]]+\]\(static/readme/", README)) == 4
    assert "not a cleared medical device" in "\n".join(lines[:10])
    assert of_figures(README)
