"""What a server serves with when files fail: memory, then disk, then without (G7, F4)."""

import shutil
from dataclasses import replace

import pytest

from models.fitted import probe as probing
from models.fitted.booster import ModelError
from models.fitted.registry import TRAINED, Trust
from models.fitted.stock import loaded, stocked

BOTH = ["deterioration 0.5.0", "sepsis 0.5.0"]


@pytest.fixture
def trained(tmp_path):
    """The shipped models in a folder that a test may damage."""
    shutil.copytree(TRAINED, tmp_path / "trained")
    return tmp_path / "trained"


def flip(path) -> None:
    """Change one bit in the middle of a file."""
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 4
    path.write_bytes(raw)


def cut(path) -> None:
    """Leave half a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def remove(path) -> None:
    """Leave none."""
    path.unlink()


@pytest.mark.rule("G7", "F4", "F5")
@pytest.mark.parametrize("damage", [flip, cut, remove])
@pytest.mark.parametrize("file", ["model.txt", "manifest.json", "manifest.sig"])
def test_a_model_that_was_served_goes_on_from_memory(trained, damage, file):
    """Not with an earlier version, and it says why; LightGBM has parsed nothing so far."""
    before = stocked(trained, Trust())
    damage(trained / "sepsis" / "0.5.0" / file)
    stock = stocked(trained, Trust(), before)
    assert stock.names == {"models": BOTH, "missing": [], "behind": ["sepsis"]}
    assert "0.5.0 from memory" in stock.behind["sepsis"]
    assert not any("predictor" in model.__dict__ for model in stock.models)
    assert stock.models == before.models


@pytest.mark.rule("G7")
def test_at_the_start_the_last_good_version_on_disk_serves(trained):
    """The other model is as ever."""
    flip(trained / "sepsis" / "0.5.0" / "model.txt")
    names = stocked(trained, Trust()).names
    assert names == {"models": [BOTH[0], "sepsis 0.4.0"], "missing": [], "behind": ["sepsis"]}


@pytest.mark.rule("G7")
def test_without_a_good_version_the_others_serve(trained):
    """And with no model at all, none: that is NEWS2 alone and no reason to end."""
    for version in ("0.4.0", "0.5.0"):
        cut(trained / "sepsis" / version / "model.txt")
    stock = stocked(trained, Trust())
    assert stock.names == {"models": BOTH[:1], "missing": ["sepsis"], "behind": []}
    assert "SHA-256 differs" in stock.missing["sepsis"]
    for version in ("0.4.0", "0.5.0"):
        cut(trained / "deterioration" / version / "model.txt")
    assert not stocked(trained, Trust()).models


def test_a_folder_without_models_is_a_wrong_configuration_and_later_a_fault(tmp_path, trained):
    """The first stops the start; after the second what was served goes on."""
    with pytest.raises(ModelError, match="no trained model"):
        stocked(tmp_path, Trust())
    before = stocked(trained, Trust())
    shutil.rmtree(trained)
    stock = stocked(trained, Trust(), before)
    assert stock.models == before.models and sorted(stock.behind) == ["deterioration", "sepsis"]


def test_a_mended_file_is_served_again(trained):
    """Nothing is left of the damage."""
    path = trained / "sepsis" / "0.5.0" / "model.txt"
    whole = path.read_bytes()
    flip(path)
    older = stocked(trained, Trust())
    path.write_bytes(whole)
    assert stocked(trained, Trust(), older).names == {"models": BOTH, "missing": [], "behind": []}


@pytest.mark.rule("F4")
def test_what_passed_is_not_probed_again_and_what_changed_is(trained, tmp_path, monkeypatch):
    """Over processes: the verdict lies in a file, by the bytes of the model."""
    asked = []
    child = probing._child
    monkeypatch.setattr(
        probing, "_child", lambda folder: asked.append(folder.name) or child(folder)
    )
    trust = Trust(verdicts=tmp_path / "verdicts")
    for expected in (["0.5.0", "0.5.0"], [], ["0.4.0"]):
        monkeypatch.setattr(probing, "_sound", set())
        stocked(trained, trust)
        assert asked == expected
        asked.clear()
        if not expected:
            (trained / "sepsis" / "champion").write_text("0.4.0\n")


@pytest.mark.rule("G7")
def test_a_model_that_fails_in_the_worker_is_missing_there(trained):
    """What the child passed may still not load here; the other does."""
    stock = stocked(trained, Trust())
    bad = [replace(m, text="tree") if m.id.name == "sepsis" else m for m in stock.models]
    found = loaded(replace(stock, models=tuple(bad)))
    assert found.names == {"models": BOTH[:1], "missing": ["sepsis"], "behind": []}


@pytest.mark.rule("F5", "G7")
@pytest.mark.parametrize("damage", [None, flip, cut, remove])
def test_a_shadow_is_held_beside_the_champions_and_costs_nothing_when_it_fails(trained, damage):
    """Not loaded before the fork; a reload takes another one, or none, and says why."""
    path = trained / "sepsis" / "0.4.0" / "model.txt"
    assert stocked(trained, Trust()).shadows == ()
    (trained / "sepsis" / "shadow").write_text("0.4.0\n")
    if damage:
        damage(path)
    stock = stocked(trained, Trust())
    assert not any("predictor" in model.__dict__ for model in stock.shadows)
    found = loaded(stock)
    assert found.names == {"models": BOTH, "missing": [], "behind": []}
    assert [m.id.version for m in found.shadows] == ([] if damage else ["0.4.0"])
    assert list(found.faults) == (["shadow of sepsis"] if damage else [])
    unfit = tuple(replace(model, text="tree") for model in stock.shadows)
    assert loaded(replace(stock, shadows=unfit)).shadows == ()


@pytest.mark.rule("G7")
def test_a_host_without_room_for_a_process_costs_the_new_model_alone(trained, monkeypatch):
    """A child that can't be started is no verdict, and no end of the service."""

    def no_room(*_, **__):
        raise BlockingIOError("no more processes")

    before = stocked(trained, Trust())
    monkeypatch.setattr(probing, "_sound", set())
    monkeypatch.setattr(probing.subprocess, "run", no_room)
    assert stocked(trained, Trust(), before).models == before.models
