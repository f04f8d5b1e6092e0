"""Whether data ask another question than the model was made for is said before any figure."""

import json
from dataclasses import replace

import numpy as np
import pytest

from models.fitted.registry import load_models
from studies.report.question import Asked, notices, question
from studies.report.report import report
from tests.support.hospital import validate
from tests.unit.studies.test_report import Checked, found_2012

DETERIORATION, SEPSIS = (model.manifest for model in load_models())
STAY = Asked(None, True, 66.0, "intensive care", False)


def figures(prevalence=(0.13, 0.12, 0.14), ratio=(1.0, 0.9, 1.1)) -> dict:
    """The two figures that are looked at, each as value, low and high."""
    named = {"prevalence": prevalence, "observed_expected": ratio}
    return {name: {"value": v[0], "interval": list(v[1:])} for name, v in named.items()}


def said(manifest=DETERIORATION, asked=STAY, **of) -> dict[str, str]:
    """Return the sentences by what they are about."""
    found = question(manifest, asked, figures(**of))
    return {line["what"]: line["said"] for line in found["differs"]}


def test_the_models_own_question_is_not_remarked_on():
    """Death in this stay, in intensive care, at the training's age and frequency."""
    assert said() == {} and notices(question(DETERIORATION, STAY, figures())) == []
    six = replace(STAY, hours=6, whole_stay=False, age=62.0)
    assert said(SEPSIS, six, prevalence=(0.013, 0.011, 0.015)) == {}
    assert notices(None) == [] == notices({})


@pytest.mark.parametrize(
    "manifest, asked, words",
    [
        (DETERIORATION, replace(STAY, hours=24, whole_stay=False), "ask for death within 24 h"),
        (SEPSIS, replace(STAY, age=62.0), "the data ask for sepsis at any time of the stay"),
        (SEPSIS, replace(STAY, hours=12, whole_stay=False), "ask for sepsis within 12 h"),
        (SEPSIS, replace(STAY, whole_stay=False), "do not say how far ahead"),
        (DETERIORATION, replace(STAY, whole_stay=False), "do not say how far ahead"),
    ],
)
def test_another_horizon_is_another_question(manifest, asked, words):
    """A whole stay against hours, other hours, and rows that do not say."""
    assert words in said(manifest, asked)["horizon"]


def test_other_patients_are_named_as_far_as_known():
    """Setting and age of a table; the training's own files need no word."""
    ward = replace(STAY, setting=None, age=48.0)
    found = said(asked=ward)
    assert "adults in intensive care at Beth Israel" in found["population"]
    assert "do not say where these patients lay" in found["population"]
    own = DETERIORATION["golden"][1]["row"][0]
    assert f"is 48, in the training it was {own:.0f}" in found["age"]
    assert "age" not in said(asked=replace(ward, age=own + 10))
    assert said(asked=replace(ward, same_source=True)) == {}


def test_another_frequency_and_level_are_told_with_the_remedy():
    """Rows with the outcome 3 % where training had 13 %; a level whose whole interval is off."""
    rare = said(prevalence=(0.03, 0.025, 0.035))["prevalence"]
    assert "3.0 % (2.5 to 3.5 %) of the rows" in rare.replace("\N{NO-BREAK SPACE}", " ")
    assert "in the training 14.3" in rare
    again = DETERIORATION | {"recalibration": {"prevalence": 0.03}}
    assert "prevalence" not in said(again, prevalence=(0.03, 0.025, 0.035))
    assert "in the recalibration 3.0" in said(again)["prevalence"]
    assert said(ratio=(0.7, 0.6, 0.81)) == {} == said(ratio=(1.4, 1.24, 1.6))
    for ratio, way in (((0.6, 0.5, 0.79), "too high"), ((1.5, 1.26, 1.8), "too low")):
        found = question(DETERIORATION, STAY, figures(ratio=ratio))
        assert way in found["differs"][0]["said"]
        assert (
            f"vigil recalibrate deterioration {DETERIORATION['version']} --data"
            in notices(found)[-1]
        )


def test_it_stands_before_the_first_figure():
    """At the top of the page, above the contents, once for each model."""
    found = found_2012()
    found["models"][0]["question"] = {"differs": [{"said": "Another <question>."}], "remedy": None}
    page = report(found)
    assert page.index("Another &lt;question&gt;.") < page.index("SHA-256") < page.index("AUROC")
    assert "Before any figure of deterioration 0.2.0" in Checked(page).words
    assert "Before any figure" not in report(found_2012())


def test_a_table_that_asks_for_hours_is_told_so(tmp_path):
    """Through the command: the JSON, the page, and the lines that are printed before the AUROC."""
    dice = np.random.default_rng(2)
    lines = ["stay,hour,age,died,hr,rr,sat,sys,temp"]
    for stay in range(60):
        ill = stay % 3 == 0
        for hour in range(1, 31):
            values = np.array([80, 16, 97, 120, 37]) + ill * np.array([15, 4, -3, -15, 0.5])
            shown = ",".join(f"{value:.0f}" for value in values + dice.normal(0, 1, 5))
            lines.append(f"{stay},{hour},40,{31 if ill else ''},{shown}")
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "m.toml").write_text(
        'time_unit = "hours"\n[columns]\nid = "stay"\ntime = "hour"\nage = "age"\n'
        '[outcome]\nname = "death"\ntime = "died"\nhorizon_hours = 24\n[variables]\n'
        'hr = {variable = "heart_rate", unit = "/min"}\n'
        'rr = {variable = "respiratory_rate", unit = "/min"}\nsat = {variable = "spo2", unit = "%"}\n'
        'sys = {variable = "systolic", unit = "mm[Hg]"}\n'
        'temp = {variable = "temperature", unit = "Cel"}\n'
    )
    run = validate(tmp_path, tmp_path / "table.csv", "--mapping", tmp_path / "m.toml")
    found = json.loads((tmp_path / "out" / "validation.json").read_text())["models"][0]["question"]
    assert not run.exit_code and found["data"] == "death, within 24 h"
    assert {"horizon", "population", "age", "prevalence"} <= {x["what"] for x in found["differs"]}
    assert run.output.index("! Another question:") < run.output.index("AUROC")
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.index("Another question:") < page.index("<nav")
