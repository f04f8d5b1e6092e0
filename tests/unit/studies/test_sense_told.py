"""What is said of the sense battery: by the gate, in the report, on the screen."""

import json
import tomllib

import pytest
from click.testing import CliRunner

import vigil
from models.card.sense import WORDS, sensible
from studies.report.report import report
from studies.report.report_sense import lines, sense
from studies.sense.gate import sense_findings
from studies.training.release import LIMITS

LIMIT = {"calibration_slope": [0.8, 1.25], "sense_falls": 0.01, "sense_air": 0.02}


def figures(**numbers) -> dict:
    """A part of validation.json with so many violations of 200 steps."""
    counts = {"passed": 190, "falls": 0, "red_not_raised": 0, "air": 0, "contributions": 0}
    return {
        name: {"value": number / 200, "interval": None, "number": number, "steps": 200}
        for name, number in (counts | numbers).items()
    }


def part(**numbers) -> dict:
    return {
        "figures": figures(**numbers),
        "patients": [],
        "variables": [
            {"variable": "spo2", "side": "low", "steps": 16, "share": 0.875, "falls": 2,
             "red_not_raised": 1, "air": 0, "contributions": 0},
            {"variable": "sodium", "side": "low", "steps": 8, "share": 1.0, "falls": 0,
             "red_not_raised": 0, "air": 0, "contributions": 0},
        ],
        "worst": [
            {"kind": "falls", "patient": "old, vital signs only", "way": "last value",
             "variable": "spo2", "side": "low", "start": 85.0, "value": 70.0, "log_odds": -0.31,
             "beyond": 0.26, "risk_start": 0.0276, "risk": 0.0203},
        ],
        "limits": {"tolerance": 0.05, "red_rises": 0.25, "peril_rises": 0.6931},
        "unknown": ["gcs"],
        "left_out": {},
    }  # fmt: skip


def test_the_gate_judges_the_share_of_each_kind():
    """At the limit it passes, above not; other limits are not its own."""
    found = {"sense": part(falls=2, air=5)}
    falls, air = sense_findings(found, LIMIT)
    assert falls[0] == "sense_falls" and falls[2:] == (0.01, "at most 0.01", True)
    assert air[2:] == (0.025, "at most 0.02", False) and "breathing air" in air[1]


@pytest.mark.parametrize("found", [{}, {"sense": None}, {"sense": {"figures": {"falls": {}}}}])
def test_what_was_not_measured_does_not_pass(found):
    assert [(line[2], line[4]) for line in sense_findings(found, LIMIT)] == [(None, False)] * 2


def test_every_kind_has_a_limit():
    limits = tomllib.loads(LIMITS.read_text("utf-8"))
    named = {name.removeprefix("sense_") for name in limits if name.startswith("sense_")}
    assert named == set(WORDS) - {"passed"}


def test_the_report_shows_shares_variables_and_the_worst():
    """A variable of which all steps pass is not among those that fail."""
    section = sense({"sense": part(falls=2)})
    shares, variables, worst = section.blocks
    assert ("A worse value lowers the risk", "1.0\N{NO-BREAK SPACE}%", "2 of 200") in shares.rows
    assert [row[0] for row in variables.rows] == ["oxygen saturation low"]
    assert worst.rows[0][0] == "Oxygen saturation low, 85 to 70"
    assert worst.rows[0][3] == "\N{MINUS SIGN}0.31" and "Glasgow coma score" in section.text[-1]
    assert "made without" in sense({}).blocks[0].reason
    page = report({"models": [{"sense": part(falls=2)}]})
    assert "Physiological sense" in page and "Oxygen saturation low, 85 to 70" in page


def test_two_lines_are_printed():
    first, second = lines(part(falls=2, air=3))
    assert first.endswith("95.0\N{NO-BREAK SPACE}% of 200 steps to worse pass")
    assert "2 lower the risk" in second and "air in 3" in second


def test_the_model_card_has_a_sentence():
    words = sensible({"sense": part()})
    assert "Of 200 steps" in words and "95.0 % pass" in words and "Glasgow coma score" in words
    assert sensible({}) is None


def test_vigil_sense_prints_the_table_and_the_json():
    """Of every champion if none is named, of one that is; an unknown one is a sentence."""
    result = CliRunner().invoke(vigil.main, ["sense", "--worst", "1"])
    assert result.exit_code == 0 and result.output.count("steps to worse pass") == 2
    assert "oxygen saturation low" in result.output
    result = CliRunner().invoke(vigil.main, ["sense", "sepsis", "--json", "--worst", "2"])
    ((name, found),) = json.loads(result.output).items()
    assert name.startswith("sepsis/") and len(found["worst"]) <= 2
    assert found["figures"]["passed"]["steps"] > 900
    result = CliRunner().invoke(vigil.main, ["sense", "nobody"])
    assert result.exit_code == 1 and "nobody" in result.output
