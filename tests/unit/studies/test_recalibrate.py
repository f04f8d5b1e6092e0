"""Recalibration: it finds the line or the shape that outcomes follow, into a new version that
names its parent.
"""

import hashlib
import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.fitted.booster import ModelError
from models.fitted.model import Model, ModelId, load, logit
from models.fitted.registry import TRAINED, Trust, admit
from studies.data.stays import DataError
from studies.recalibration.outcomes import Outcomes, read_outcomes
from studies.recalibration.recalibrate import recalibrate, recalibrate_from, uncalibrated
from studies.training.calibrate import isotonic, line

PARENT = load(TRAINED / "deterioration" / "0.4.0")


def sigmoid(eta):
    return 1 / (1 + np.exp(-eta))


def outcomes(rows: int = 6000, shape=lambda z: -1.0 + 0.6 * z) -> Outcomes:
    """A hospital in which the log-odds of the outcome are `shape` of the log-odds shown."""
    random = np.random.default_rng(5)
    shown = random.normal(-1.5, 1.3, rows)
    return Outcomes(sigmoid(shown), random.random(rows) < sigmoid(shape(shown)), np.arange(rows))


@pytest.fixture
def parent(tmp_path):
    """A copy of a shipped version."""
    home = tmp_path / "trained" / PARENT.id.name
    shutil.copytree(TRAINED / PARENT.id.name / PARENT.id.version, home / PARENT.id.version)
    return home / PARENT.id.version


def test_a_line_is_found_again(parent):
    """Intercept and slope are those by which the hospital differs; trees and golden vectors
    stay.
    """
    manifest = recalibrate(parent, outcomes(), "9.0.0")
    made = load(parent.parent / "9.0.0")
    for score in (-3.0, -1.0, 1.0):
        assert made.calibrated(score) == pytest.approx(
            -1.0 + 0.6 * PARENT.calibrated(score), abs=0.12
        )
    assert (
        manifest["model_sha256"] == PARENT.id.sha256
        and manifest["golden"] == PARENT.manifest["golden"]
    )
    before, after = (
        {name: one["value"] for name, one in manifest["recalibration"][when].items()}
        for when in ("before", "after")
    )
    assert before["calibration_slope"] == pytest.approx(0.6, abs=0.08) and after[
        "calibration_slope"
    ] == pytest.approx(1, abs=0.05)
    assert (
        after["observed_expected"] == pytest.approx(1, abs=0.03)
        and after["brier"] < before["brier"]
    )
    assert (
        manifest["parent"]["version"] == PARENT.id.version
        and len(manifest["parent"]["manifest_sha256"]) == 64
    )


def test_a_new_version_is_unsigned_and_sound(parent):
    """It can't go into service before a release signs it; as a development version it loads."""
    recalibrate(parent, outcomes(), "9.0.0")
    with pytest.raises(ModelError, match="not signed"):
        admit(parent.parent / "9.0.0")
    assert admit(parent.parent / "9.0.0", Trust(development=True)).id.version == "9.0.0"


def test_a_bent_calibration_is_found_by_isotonic(parent):
    """Where a line does not fit, isotonic follows the shape, and beats the line on rows it has
    not seen.
    """
    bent = outcomes(20000, lambda z: np.where(z < -1.5, -3.2, -3.2 + 1.8 * (z + 1.5)))
    straight, free = (
        recalibrate(parent, bent, f"9.{n}.0", method)
        for n, method in enumerate(("line", "isotonic"))
    )
    ends = [made["recalibration"]["after"]["brier"]["value"] for made in (straight, free)]
    assert ends[1] < ends[0]
    model = load(parent.parent / "9.1.0")
    raw = uncalibrated(PARENT, -0.5)
    assert sigmoid(model.calibrated(raw)) == pytest.approx(sigmoid(-1.4), abs=0.05)


@pytest.mark.parametrize("version", ["9.0.0", "9.1.0"])
def test_contributions_sum_to_the_recalibrated_score(parent, version):
    """Baseline and stretched contributions are the calibrated score, to the last digits, by a
    line and by points.
    """
    recalibrate(parent, outcomes(), version, "line" if version == "9.0.0" else "isotonic")
    model = load(parent.parent / version)
    for vector in model.manifest["golden"]:
        *parts, baseline = model.predictor.contributions(vector["row"])
        score = model.predictor.score(vector["row"])
        total = model.calibrated(baseline) + sum(
            model.stretch(baseline, score) * part for part in parts
        )
        assert total == pytest.approx(model.calibrated(score), abs=1e-9)


@given(
    st.lists(st.tuples(st.floats(-6, 6), st.floats(0.01, 3)), min_size=2, max_size=12),
    st.floats(0.1, 3),
    st.floats(-20, 20),
)
def test_a_calibration_by_points_rises_and_can_be_undone(steps, slope, score):
    """Any rising points give a strictly rising function, whose inverse brings the score back."""
    points, x, y = [], -8.0, -5.0
    for _, step in steps:
        x, y = x + step, y + step / 2
        points.append([x, y])
    model = Model(
        ModelId("m", "1", ""),
        {"calibration": {"intercept": 0.0, "slope": slope, "points": points}},
        "",
    )
    assert model.calibrated(score) < model.calibrated(score + 0.01)
    assert uncalibrated(model, model.calibrated(score)) == pytest.approx(score, abs=1e-6)
    assert model.stretch(score, score + 1) > 0 and model.stretch(score, score) == slope


def test_isotonic_points_rise_and_stand_on_enough_rows():
    """Each point stands on ten rows with and without the event at least; ties stay together."""
    found = outcomes(3000)
    raw = np.round(np.log(found.risk / (1 - found.risk)), 1)
    points = isotonic(raw, found.event)["points"]
    assert 2 < len(points) <= found.event.sum() / 10
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in zip(points, points[1:], strict=False))


def test_a_recalibrated_version_can_be_recalibrated(parent):
    """What was shown is turned back into raw scores through points as through a line."""
    recalibrate(parent, outcomes(), "9.1.0", "isotonic")
    child = load(parent.parent / "9.1.0")
    again = recalibrate(parent.parent / "9.1.0", outcomes(shape=lambda z: z), "9.2.0")
    assert again["parent"]["version"] == "9.1.0"
    assert load(parent.parent / "9.2.0").calibrated(-1.0) == pytest.approx(
        child.calibrated(-1.0), abs=0.15
    )


@pytest.mark.parametrize(
    "rows, method, shape, reason",
    [
        (100, "line", lambda z: -1 + z, "needs 50"),
        (700, "isotonic", lambda z: z, "needs 200"),
        (6000, "line", lambda z: -1 - 0.5 * z, "do not rise"),
        (6000, "isotonic", lambda z: -1 - 0.5 * z, "do not rise"),
        (6000, "spline", lambda z: z, "no method"),
    ],
)
def test_what_can_not_be_fitted_is_refused_and_nothing_is_written(
    parent, rows, method, shape, reason
):
    """Too few events, outcomes that fall with the risk, an unknown method: one sentence, no
    folder.
    """
    with pytest.raises(ModelError, match=reason):
        recalibrate(parent, outcomes(rows, shape), "9.0.0", method)
    assert not (parent.parent / "9.0.0").exists()


@pytest.mark.parametrize(
    "version, reason", [(PARENT.id.version, "there already"), ("../x", "no version")]
)
def test_no_version_is_overwritten_or_led_astray(parent, version, reason):
    """A version is written once, in its own folder."""
    with pytest.raises(ModelError, match=reason):
        recalibrate(parent, outcomes(), version)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("risk,outcome\n0.1,0\n", "line 1: there is no column score"),
        ("score,outcome\n0.1,0\n1.0,1\n", "line 3: score"),
        ("score,outcome\nhigh,0\n", "line 2: score"),
        ("score,outcome\n0.1,yes\n", "line 2: outcome"),
        ("score,outcome\n0.1\n", "line 2: outcome"),
        ("", "line 1"),
    ],
)
def test_a_wrong_csv_is_named_with_its_line(tmp_path, text, reason):
    """One clear error with file and line."""
    path = tmp_path / "outcomes.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=reason):
        read_outcomes(path)


def test_a_csv_is_read_with_its_patients_and_named_by_its_hash(parent, tmp_path):
    """Rows of one patient belong together; the manifest names the file."""
    found, path = outcomes(2000), tmp_path / "outcomes.csv"
    rows = zip(found.risk, found.event, found.patient // 2, strict=True)
    path.write_text(
        "score,outcome,patient\n"
        + "".join(
            f"{r!r},{int(e)},p{p}\n".replace("np.float64(", "").replace(")", "") for r, e, p in rows
        )
    )
    account = recalibrate_from(parent, path, "9.0.0")["recalibration"]
    assert (
        account["rows"] == 2000
        and account["patients"] == 1000
        and account["files"] == {"outcomes.csv": hashlib.sha256(path.read_bytes()).hexdigest()}
    )
    assert (
        json.loads((parent.parent / "9.0.0" / "manifest.json").read_text())["recalibration"]
        == account
    )


def test_line_and_logit_agree():
    """A calibrated hospital needs no change."""
    found = outcomes(20000, lambda z: z)
    fitted = line(np.array([logit(r) for r in found.risk]), found.event)
    assert fitted["intercept"] == pytest.approx(0, abs=0.08) and fitted["slope"] == pytest.approx(
        1, abs=0.05
    )
