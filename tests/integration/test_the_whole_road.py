"""The lines of docs/models.md that go from synthetic stays to a served model, as they stand there,
on fewer stays.
"""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

import vigil
from models.fitted.registry import Trust, load_models
from studies.boosting.fit import PARAMETERS

ROOT = Path(vigil.__file__).parent
HEAD = "### The whole road, on synthetic stays"
STAYS = 360
# So few stays may fail a limit of the gate by chance.
WIDE = """auroc_over_news2 = -1
calibration_slope = [-9, 99]
observed_expected = [0, 99]
group_auroc_over_news2 = -1
group_sensitivity_below_whole = 1
group_least_events = 999
"""


def lines() -> list[str]:
    """Return the commands of the section, continued lines whole, those joined by && apart."""
    section = (ROOT / "docs" / "models.md").read_text("utf-8").partition(HEAD)[2]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block
    whole = block[1].replace("\\\n", " ").splitlines()
    return [part.strip() for line in whole for part in line.split("&&")]


def type_in(line: str) -> str:
    """Run one line, and return what it printed; it has to succeed."""
    program, *arguments = shlex.split(line)
    if program != "vigil":
        run = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
        return run.stdout
    if arguments[:2] == ["demo", "--export"]:
        arguments += ["--stays", str(STAYS)]
    result = CliRunner().invoke(vigil.main, arguments)
    assert result.exit_code == 0, f"{line}: {result.output}"
    return result.output


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with the example configuration; few trees, one plot and a wide gate."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "vigil.example.toml", tmp_path)
    limits = tmp_path / "gate.toml"
    limits.write_text(WIDE)
    monkeypatch.setattr("studies.training.release.LIMITS", limits)
    monkeypatch.setattr("studies.training.make.TREES", 20)
    monkeypatch.setattr("studies.effects.effect_plots.PANELS", 1)
    monkeypatch.setitem(PARAMETERS, "num_threads", 1)
    return tmp_path


def test_the_lines_lead_to_a_model_that_can_be_served(desk):
    """Every line succeeds; what was made is trusted by its own key, and `vigil check` loads it."""
    typed = lines()
    said = [type_in(line) for line in typed]
    assert [line.split()[1] for line in typed if line.startswith("vigil")] == [
        "demo", "train", "validate", "models", "release", "models", "check",
    ]  # fmt: skip
    assert f"{STAYS} synthetic stays" in said[0] and "icu-transfer 1.0.0:" in said[1]
    assert "icu-transfer 1.0.0: " in said[-1] and said[-1].rstrip().endswith("verified")
    (model,) = load_models(desk / "example-models", Trust(keys=desk / "example-keys"))
    kept = json.loads((desk / "example-models/icu-transfer/1.0.0/validation.json").read_text())
    assert model.manifest["label"] == "transfer to intensive care"
    assert kept["settings"]["part"] == "held-out" and kept["counts"]["events"] > 50
