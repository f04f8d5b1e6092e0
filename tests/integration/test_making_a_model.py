"""By the lines of docs/models.md: train, validate on the held-out part, release, promote, on a few
hundred of the real stays.
"""

import json
import shutil
import zipfile

import pytest
from click.testing import CliRunner

import vigil
from models.fitted.registry import Trust, load_models

STAYS = 450


def run(*arguments) -> tuple[int, str]:
    result = CliRunner().invoke(vigil.main, [*map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def data(tmp_path_factory, shared_folder):
    """A folder with a few hundred stays of set a, in the published layout."""
    whole = shared_folder / "data" / "physionet2012"
    folder = tmp_path_factory.mktemp("physionet2012")
    shutil.copy(whole / "Outcomes-a.txt", folder)
    (folder / "set-a").mkdir()
    with zipfile.ZipFile(whole / "set-a.zip") as archive:
        for name in sorted(name for name in archive.namelist() if name.endswith(".txt"))[:STAYS]:
            (folder / "set-a" / name.rpartition("/")[2]).write_bytes(archive.read(name))
    kept = {path.stem for path in (folder / "set-a").iterdir()}
    head, *lines = (folder / "Outcomes-a.txt").read_text().splitlines()
    (folder / "Outcomes-a.txt").write_text(
        "\n".join([head, *(line for line in lines if line.split(",")[0] in kept)]) + "\n"
    )
    return folder


def test_a_model_is_made_from_nothing(data, tmp_path):
    """Every line works; the gate names what it looked at; what it lets through, if only by a
    person's reasons, can be served.
    """
    own, keys = tmp_path / "models", tmp_path / "keys"
    code, text = run("train", "--physionet-2012", data, "--version", "1.0.0", "--output", own)
    assert code == 0 and "deterioration 1.0.0:" in text, text
    words = (
        "validate",
        data,
        "--part",
        "held-out",
        "--models",
        own,
        "--model",
        "deterioration/1.0.0",
        "--draws",
        20,
    )
    code, text = run(*words, "--record", "--output", tmp_path / "validation")
    assert code == 0 and "held-out records" in text, text
    kept = json.loads((own / "deterioration" / "1.0.0" / "validation.json").read_text())
    assert kept["settings"]["part"] == "held-out" and 40 < kept["counts"]["stays"] < 140
    assert "<svg" in (tmp_path / "validation" / "report.html").read_text()
    keys.mkdir()
    assert run("models", "keygen", keys / "release.key")[0] == 0
    # So few stays may fail a limit; then wider ones are written, as a hospital would after it has
    # thought about it.
    limits = tmp_path / "gate.toml"
    limits.write_text(
        "auroc_over_news2 = -1\ncalibration_slope = [-9, 99]\nobserved_expected = [0, 99]\ngroup_least_events = 999\n"
        "sense_falls = 1\nsense_red_not_raised = 1\nsense_air = 1\nsense_contributions = 1\n"
    )
    code, text = run(
        "release",
        "deterioration",
        "1.0.0",
        "--models",
        own,
        "--key",
        keys / "release.key",
        "--limits",
        limits,
    )
    assert code == 0 and text.count("passed  ") == 8, text
    who = ("--by", "Dr Test", "--reason", "to see that it works")
    code, text = run(
        "models", "promote", "deterioration", "1.0.0", "--models", own, "--keys", keys, *who
    )
    assert code == 0, text
    assert [model.id.version for model in load_models(own, Trust(keys=keys))] == ["1.0.0"]


def test_a_cut_zip_leaves_nothing_behind(tmp_path, shared):
    """A download that broke off is one sentence naming the file, and no model."""
    whole = shared / "data" / "physionet2019" / "training_setA.zip"
    with whole.open("rb") as file:
        (tmp_path / "training_setA.zip").write_bytes(file.read(400_000))
    code, text = run(
        "train", "--physionet-2019", tmp_path / "training_setA.zip", "--output", tmp_path / "models"
    )
    assert (
        code == 1
        and "training_setA.zip" in text
        and "Traceback" not in text
        and not (tmp_path / "models").exists()
    )
