"""The commands of model makers, through the front door: what they write, and the one sentence
when they refuse.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import vigil
from models.fitted.model import load
from models.fitted.registry import TRAINED, load_models
from models.fitted.signature import keygen
from tests.unit.studies.test_release import SHIPPED, good, spoil

ROOT = Path(vigil.__file__).parent


def run(*arguments) -> tuple[int, str]:
    result = CliRunner().invoke(vigil.main, [*map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


@pytest.fixture
def trained(tmp_path):
    """A copy of the shipped models with a validation that passes, and a key."""
    shutil.copytree(TRAINED, tmp_path / "trained")
    (place(tmp_path / "trained") / "validation.json").write_text(json.dumps(good()))
    keygen(tmp_path / "release.key")
    return tmp_path


def place(folder):
    return folder / SHIPPED.id.name / SHIPPED.id.version


def release(folder, *more) -> tuple[int, str]:
    return run(
        "release",
        SHIPPED.id.name,
        SHIPPED.id.version,
        "--key",
        folder / "release.key",
        "--models",
        folder / "trained",
        *more,
    )


def test_release_prints_every_figure_that_it_looked_at(trained):
    """What passes is said with its limit, and the manifest keeps it."""
    code, text = release(trained)
    assert (
        code == 0
        and "passed  calibration_slope: calibration slope is 0.9700; it has to be 0.8 to 1.25."
        in text
    )
    assert len(load(place(trained / "trained")).manifest["release"]["findings"]) == text.count(
        "passed  "
    ) + text.count("not judged group:sex=unknown")


def test_release_says_which_figure_stopped_it(trained):
    """One sentence, exit code 1, nothing signed; a named person's reason overrides that one
    figure, and is kept.
    """
    found = good()
    spoil(found, "calibration_slope")
    (place(trained / "trained") / "validation.json").write_text(json.dumps(found))
    before = (place(trained / "trained") / "manifest.sig").read_text()
    code, text = release(trained)
    assert (
        code == 1
        and "calibration_slope: calibration slope is 1.3000" in text
        and "Traceback" not in text
    )
    assert (place(trained / "trained") / "manifest.sig").read_text() == before
    assert release(trained, "--override", "calibration_slope")[0] == 2
    code, text = release(
        trained,
        "--override",
        "calibration_slope",
        "--by",
        "Dr Test",
        "--reason",
        "to be recalibrated on site",
    )
    kept = load(place(trained / "trained")).manifest["release"]["override"]
    assert code == 0 and "OVERRIDDEN calibration_slope" in text
    assert kept == {
        "figure": "calibration_slope",
        "by": "Dr Test",
        "reason": "to be recalibrated on site",
    }


def test_recalibrate_writes_a_version_and_prints_before_and_after(trained, tmp_path):
    """Outcomes that are twice as frequent as the risks say: observed to expected is 2 before and
    1 after.
    """
    random = np.random.default_rng(1)
    risks = random.uniform(0.02, 0.4, 4000)
    rows = "\n".join(f"{risk:.6f},{int(random.random() < 2 * risk)}" for risk in risks)
    (tmp_path / "outcomes.csv").write_text(f"score,outcome\n{rows}\n")
    words = (
        "recalibrate",
        SHIPPED.id.name,
        SHIPPED.id.version,
        "--models",
        trained / "trained",
        "--outcomes",
        tmp_path / "outcomes.csv",
    )
    code, text = run(*words, "--new-version", "9.9.9")
    account = load(trained / "trained" / SHIPPED.id.name / "9.9.9").manifest["recalibration"]
    assert code == 0 and "observed_expected" in text
    assert account["before"]["observed_expected"]["value"] == pytest.approx(2, abs=0.1)
    assert account["after"]["observed_expected"]["value"] == pytest.approx(1, abs=0.05)
    assert "medium band begins at 0.1" in text and f"the manifest of {SHIPPED.id.version}" in text
    code, text = run(*words, "--new-version", "9.9.9")
    assert code == 1 and "is there already" in text


def test_a_hospital_serves_what_it_recalibrated(trained, tmp_path):
    """From outcomes to service with a key of its own: recalibrate, release, promote, check;
    without the key's folder nothing is served.
    """
    rows = "\n".join(
        f"{0.05 + 0.9 * n / 3999:.4f},{int(n % 3 == 0 or n > 2400)}" for n in range(4000)
    )
    (tmp_path / "outcomes.csv").write_text(f"score,outcome\n{rows}\n")
    (tmp_path / "keys").mkdir()
    (tmp_path / "release.pub").rename(tmp_path / "keys" / "hospital.pub")
    name, own, keys = (
        SHIPPED.id.name,
        ("--models", trained / "trained"),
        ("--keys", tmp_path / "keys"),
    )
    run(
        "recalibrate",
        name,
        SHIPPED.id.version,
        "--outcomes",
        tmp_path / "outcomes.csv",
        "--new-version",
        "9.0.0",
        *own,
    )
    found = good() | {"model": good()["model"] | {"version": "9.0.0"}}
    (trained / "trained" / name / "9.0.0" / "validation.json").write_text(json.dumps(found))
    assert run("release", name, "9.0.0", "--key", tmp_path / "release.key", *own)[0] == 0
    who = ("--by", "Dr Test", "--reason", "our own outcomes")
    code, text = run("models", "promote", name, "9.0.0", *who, *own)
    assert code == 1 and "key" in text
    assert run("models", "promote", name, "9.0.0", *who, *own, *keys)[0] == 0
    assert f"{name} 9.0.0  champion" in run("models", "list", *own, *keys)[1]
    config = tmp_path / "vigil.toml"
    text = (
        (ROOT / "vigil.example.toml")
        .read_text()
        .replace('# models_dir = "models"', 'models_dir = "trained"')
    )
    config.write_text(text.replace('# model_keys_dir = "model-keys"', 'model_keys_dir = "keys"'))
    code, text = run("check", "--offline", "--config", config)
    assert code == 0 and f"model {name} 9.0.0" in text, text


def test_scores_that_say_nothing_are_refused(trained, tmp_path):
    """One score for all has no slope; a version that is a path leads nowhere."""
    (tmp_path / "same.csv").write_text(
        "score,outcome\n" + "\n".join(f"0.3,{n % 3 == 0:d}" for n in range(900))
    )
    words = (
        "--outcomes",
        tmp_path / "same.csv",
        "--new-version",
        "9.0.1",
        "--models",
        trained / "trained",
    )
    code, text = run("recalibrate", SHIPPED.id.name, SHIPPED.id.version, *words)
    assert (
        code == 1
        and "All scores are the same" in text
        and not place(trained / "trained").with_name("9.0.1").exists()
    )
    assert run("card", "nothing")[0] == 1 and "None" not in run("card", "nothing")[1]


def test_train_needs_data_and_says_what_is_wrong_with_them(tmp_path):
    """No data is a usage error; a wrong layout one sentence; neither leaves a model behind."""
    assert run("train")[0] == 2
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "p1.psv").write_text("HR|ICULOS\n80|1\n")
    (tmp_path / "file").write_text("x")
    for more in (("--version", "../../evil"), ("--output", tmp_path / "file")):
        code, text = run("train", "--physionet-2019", tmp_path / "data", *more)
        assert code == 1 and ("no version" in text or "is a file" in text)
    code, text = run(
        "train", "--physionet-2019", tmp_path / "data", "--output", tmp_path / "models"
    )
    assert (
        code == 1
        and "p1.psv, line 1" in text
        and "Traceback" not in text
        and not (tmp_path / "models").exists()
    )


def test_what_was_released_is_never_trained_over(trained):
    """A signed version stays as it is; it is said before any work."""
    code, text = run(
        "train",
        "--physionet-2012",
        trained,
        "--version",
        SHIPPED.id.version,
        "--output",
        trained / "trained",
    )
    assert (
        code == 1
        and "is signed already" in text
        and load(place(trained / "trained")).id == SHIPPED.id
    )


def test_the_register_and_the_card_are_at_the_front_door():
    """Every shipped model has a card to print."""
    for model in load_models():
        code, text = run("card", model.id.name)
        assert (
            code == 0
            and model.id.sha256 in text
            and "not a cleared medical device"
            in text.lower().replace("not cleared", "not a cleared")
        )
