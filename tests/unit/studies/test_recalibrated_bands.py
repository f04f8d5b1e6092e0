"""What hangs on a calibration is made anew with it: bands, figures, and of whom a risk is said."""

import hashlib
import json
import stat
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from models.card.facts import facts
from models.card.validation import OTHER, SEEN, kind_of
from models.certainty import certainty
from models.fitted.booster import ModelError
from models.fitted.model import load, sigmoid
from models.fitted.registry import load_models
from smartapp.outcomes import _frequency
from studies.recalibration.bands import LEAST_PATIENTS, RULE, Rule, cut, rule_of
from studies.recalibration.outcomes import Outcomes, read_outcomes
from studies.recalibration.recalibrate import _out_of_fold, recalibrate
from studies.training.release import held_out
from tests.support.hospital import WIDE, validate
from tests.unit.studies.test_recalibrate import PARENT, outcomes, parent
from vigil import main

__all__ = ["parent"]
NAME, VERSION = PARENT.id.name, PARENT.id.version
MEDIUM = 0.8


def rare() -> Outcomes:
    """Another hospital, where the outcome is so rare that no risk that is right is high."""
    random = np.random.default_rng(3)
    shown = random.normal(-2.5, 1.0, 12000)
    event = random.random(12000) < 1 / (1 + np.exp(-(-1.5 + shown)))
    return Outcomes(1 / (1 + np.exp(-shown)), event, np.arange(12000) // 2)


def test_bands_are_cut_anew_by_the_rules_of_the_parent(parent):
    """Under the parent's bands hardly a row would be high; now medium finds its share of the
    events, and at high as many are found as are right.
    """
    found = rare()
    manifest = recalibrate(parent, found, "9.0.0")
    made, bands = load(parent.parent / "9.0.0"), manifest["thresholds"]
    again = np.array([sigmoid(made.calibrated(x)) for x in raw_of(found)])
    assert np.mean(again >= PARENT.manifest["thresholds"]["high"]) < 0.001
    assert np.mean(again >= bands["high"]) > 0.005 and bands["high"] > bands["medium"]
    after = {name: one["value"] for name, one in manifest["recalibration"]["after"].items()}
    assert after["medium_sensitivity"] == pytest.approx(MEDIUM, abs=0.02)
    assert after["high_sensitivity"] == pytest.approx(after["high_ppv"], abs=0.07)
    assert np.mean(again[found.event] >= bands["medium"]) == pytest.approx(MEDIUM, abs=0.03)
    assert f"medium finds {100 * MEDIUM:.0f} %" in manifest["thresholds_chosen"]
    assert "of the recalibration" in facts(made, None)["thresholds"]


def raw_of(found: Outcomes) -> list[float]:
    from studies.recalibration.recalibrate import uncalibrated

    return [uncalibrated(PARENT, float(x)) for x in np.log(found.risk / (1 - found.risk))]


def test_bands_stand_on_risks_that_the_fit_has_not_seen(parent):
    """They are cut on the out-of-fold risks, to the last digit."""
    found = outcomes()
    manifest = recalibrate(parent, found, "9.0.0", "isotonic")
    from studies.training.calibrate import isotonic

    after = _out_of_fold(isotonic, np.array(raw_of(found)), found)
    assert manifest["thresholds"] == cut(after, found.event, found.patient, Rule(MEDIUM))


def test_the_rule_is_read_from_the_manifest_and_handed_on(parent):
    """A manifest that holds it is followed without a word; a sentence is an assumption, and said;
    without either nothing is written.
    """
    rule, read_from = rule_of(PARENT)
    assert rule == Rule(MEDIUM) and read_from.startswith("assumed")
    child = recalibrate(parent, outcomes(), "9.0.0")
    assert child[RULE] == {"medium_sensitivity": MEDIUM}
    assert rule_of(load(parent.parent / "9.0.0")) == (Rule(MEDIUM), "the manifest of 9.0.0")
    change(parent, thresholds_rule={"medium_sensitivity": 0.5})
    assert recalibrate(parent, outcomes(), "9.1.0")["recalibration"]["after"]["medium_sensitivity"][
        "value"
    ] == pytest.approx(0.5, abs=0.02)
    change(parent, thresholds_rule={"medium_sensitivity": 0.5, "high_rows": 0.02})
    by_rows = recalibrate(parent, outcomes(), "9.3.0")
    assert by_rows[RULE]["high_rows"] == 0.02 and "2 % of all rows" in by_rows["thresholds_chosen"]
    assert by_rows["recalibration"]["after"]["high_rows"]["value"] == pytest.approx(0.02, abs=0.003)
    change(parent, thresholds_rule=None, thresholds_chosen=None)
    with pytest.raises(ModelError, match="does not say how its bands were chosen"):
        recalibrate(parent, outcomes(), "9.2.0")
    assert not (parent.parent / "9.2.0").exists()


def change(folder, **values) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    "ill, well, reason",
    [
        (LEAST_PATIENTS - 1, [0.1] * 300, "medium band would be cut by 10"),
        (200, [*np.linspace(0.01, 0.6, 2000)], "so that no bands can be cut"),
    ],
)
def test_bands_that_chance_would_cut_are_refused(ill, well, reason):
    """Too few patients above a threshold, and a model so good that high would begin below
    medium.
    """
    risk = np.concatenate([np.linspace(0.5, 0.9, ill), well])
    event = np.arange(len(risk)) < ill
    with pytest.raises(ModelError, match=reason):
        cut(risk, event, np.arange(len(risk)), Rule(0.5))


def test_rows_of_one_patient_are_one_patient(parent):
    """Two hundred rows with the outcome, of eight patients, are eight."""
    found = outcomes(4000)
    few = Outcomes(found.risk, found.event, np.where(found.event, np.arange(4000) % 8, 9999))
    with pytest.raises(ModelError, match="there are 8 with it"):
        recalibrate(parent, few, "9.0.0")


def test_the_certainty_carries_over(parent):
    """Half-widths are raw scores: a row's interval of the child is that of the parent, in the
    child's risks, and holds the risk of the whole chart where the parent's did.
    """
    manifest = recalibrate(parent, outcomes(), "9.0.0")
    child = load(parent.parent / "9.0.0")
    for golden in PARENT.manifest["golden"]:
        row, raw = dict(zip(PARENT.features, golden["row"], strict=True)), golden["score"]
        one, two = certainty(PARENT, row, raw), certainty(child, row, raw)
        for end, other in ((one.low, two.low), (one.high, two.high)):
            score = raw_of(Outcomes(np.array([end]), np.array([True]), np.array([0])))[0]
            assert end == 1.0 or sigmoid(child.calibrated(score)) == pytest.approx(other, abs=1e-9)
    assert manifest["certainty"]["widths"] == PARENT.manifest["certainty"]["widths"]
    assert "coverage is that of the training patients" in facts(child, None)["certainty"]
    again = recalibrate(parent.parent / "9.0.0", outcomes(shape=lambda z: z), "9.1.0")
    assert again["certainty"]["how"] == manifest["certainty"]["how"]


def test_a_risk_is_said_of_the_patients_of_its_calibration(parent):
    """Of a recalibrated version the page names the hospital's own outcomes, never the data of the
    training; so does the model card.
    """
    risk = SimpleNamespace(probability=0.126)
    assert _frequency(risk, PARENT) == (
        "Of 100 patients with this number, about 13 had this outcome in the data behind the model."
    )
    recalibrate(parent, outcomes(), "9.0.0", about={"files": {"ours.csv": "f" * 64}})
    child = load(parent.parent / "9.0.0")
    assert _frequency(risk, child) == (
        "Of 100 patients with this number, about 13 had this outcome among the 6000 that this "
        "version was recalibrated on."
    )
    assert "behind the model" not in _frequency(risk, None)
    told = facts(child, None)
    assert "fitted anew to ours.csv" in told["calibration"] and "counts" not in told
    assert "observed to expected 0.616 before, 1.000 after" in told["recalibration"]


def test_figures_on_the_rows_of_a_recalibration_are_not_validation():
    """A file that it was fitted to stops a release under any name, but for the held-out part."""
    again = {"recalibration": {"files": {"ours.csv": "a"}, "part": "training"}}
    found = {"data": {"files": {"renamed.csv": "a"}}, "settings": {"part": "all"}}
    assert kind_of(again, found) == SEEN and not held_out(found, again)[0].passed
    found["settings"]["part"] = "held-out"
    assert kind_of(again, found) == OTHER and held_out(found, again)[0].passed
    again["recalibration"]["part"] = "all"
    assert kind_of(again, found) == SEEN


MAPPING = (
    WIDE.partition("[variables]")[0]
    + """[variables]
hr = {variable = "heart_rate", unit = "/min"}
rr = {variable = "respiratory_rate", unit = "/min"}
sat = {variable = "spo2", unit = "%"}
sys = {variable = "systolic", unit = "mm[Hg]"}
bun = {variable = "bun", unit = "mg/dL"}
"""
)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    """A table of 500 stays, some of which end in death, more of them where more is wrong."""
    folder, dice = tmp_path_factory.mktemp("hospital"), np.random.default_rng(8)
    lines = ["stay,hour,age,died,hr,rr,sat,sys,bun"]
    for stay in range(500):
        ill = dice.random()
        died = int(dice.random() < ill**2)
        for hour in (1, 2):
            lines.append(
                f"P{stay},{hour},{50 + stay % 40},{died},{80 + 50 * ill:.0f},{14 + 16 * ill:.0f},"
                f"{98 - 10 * ill:.0f},{130 - 45 * ill:.0f},{15 + 50 * ill:.0f}"
            )
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    (folder / "m.toml").write_text(MAPPING)
    return folder


def recalibrated(parent, *words) -> tuple[int, str]:
    run = CliRunner().invoke(
        main,
        ["recalibrate", NAME, VERSION, "--models", str(parent.parents[1]), *map(str, words)],
    )
    assert run.exception is None or isinstance(run.exception, SystemExit), run.exception
    return run.exit_code, run.output


def test_what_a_validation_writes_a_recalibration_reads(hospital, parent, tmp_path):
    """From a table in two steps or in one: the same calibration and bands; the file of scores is
    its owner's alone.
    """
    scores, own = tmp_path / "scores.csv", ("--model", f"{NAME}/{VERSION}")
    table = (hospital / "table.csv", "--mapping", hospital / "m.toml")
    assert not validate(tmp_path, *table, *own, "--scores", scores).exit_code
    assert stat.S_IMODE(scores.stat().st_mode) == 0o600
    first, *lines = scores.read_text().splitlines()
    assert first == "patient,hour,score,outcome" and len(lines) == 1000
    assert lines[0].startswith("P0,1,0.") and len(set(read_outcomes(scores).patient)) == 500
    assert recalibrated(parent, "--outcomes", scores, "--new-version", "9.0.0")[0] == 0
    code, text = recalibrated(parent, "--data", *table, "--new-version", "9.1.0")
    assert code == 0 and "band begins at" in text
    two, one = (load(parent.parent / f"9.{n}.0").manifest for n in (0, 1))
    assert one["calibration"]["slope"] == pytest.approx(two["calibration"]["slope"], rel=1e-6)
    assert one["thresholds"] == two["thresholds"]
    assert set(one["recalibration"]["files"]) == {"table.csv", "m.toml"}


def test_the_trainings_own_records_are_refused(hospital, parent):
    """A file that the trees were fitted to, but for the part that training left out."""
    table = hospital / "table.csv"
    digest = hashlib.sha256(table.read_bytes()).hexdigest()
    change(parent, source={"files": {"then.csv": digest}})
    (parent / "manifest.sig").unlink()
    words = ("--data", table, "--mapping", hospital / "m.toml", "--new-version", "9.0.0")
    code, text = recalibrated(parent, *words)
    assert code == 1 and "was trained on table.csv" in text
    # Eighty-odd patients are left, too few for the bands, which is said after they were scored.
    code, text = recalibrated(parent, *words, "--part", "held-out")
    assert "was trained on" not in text and (code == 0 or "needs" in text)


def test_of_two_models_no_one_file_is_made(hospital, tmp_path):
    """A file holds the scores of one model: two are one sentence, and nothing is written."""
    name, table = (
        load_models()[0].id.name,
        (hospital / "table.csv", "--mapping", hospital / "m.toml"),
    )
    words = ("--model", name, "--model", f"{name}/{VERSION}", "--scores", tmp_path / "s.csv")
    run = validate(tmp_path, *table, *words)
    assert run.exit_code == 1 and "choose one (--model)" in run.stderr
    assert not (tmp_path / "s.csv").exists()


def test_outcomes_and_data_exclude_each_other(parent, hospital):
    """Exactly one of them; a mapping goes with the data; bulk data say which way they go."""
    assert recalibrated(parent, "--new-version", "9.0.0")[0] == 2
    both = ("--outcomes", hospital / "table.csv", "--data", hospital / "table.csv")
    assert recalibrated(parent, *both, "--new-version", "9.0.0")[0] == 2
    (hospital / "bulk").mkdir()
    (hospital / "bulk" / "Observation.ndjson").write_text("{}\n")
    code, text = recalibrated(parent, "--data", hospital / "bulk", "--new-version", "9.0.0")
    assert code == 1 and "vigil validate --scores" in text
