"""The child process: a text that kills LightGBM kills the child, and the parent says so (F4)."""

import hashlib
import json
import shutil
import stat

import pytest

from models.fitted import probe as probing
from models.fitted.booster import ModelError
from models.fitted.model import load
from models.fitted.probe import probe
from models.fitted.registry import TRAINED, load_models

SHIPPED = load_models()[0]


@pytest.fixture
def version(tmp_path):
    """A copy of a shipped version that a test may damage."""
    folder = tmp_path / SHIPPED.id.name / SHIPPED.id.version
    shutil.copytree(TRAINED / SHIPPED.id.name / SHIPPED.id.version, folder)
    return folder


def damage(folder, change) -> None:
    """Change model.txt and make the manifest agree, as if the damage had happened before the
    hash was taken.
    """
    raw = change((folder / "model.txt").read_bytes())
    (folder / "model.txt").write_bytes(raw)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(
        json.dumps(manifest | {"model_sha256": hashlib.sha256(raw).hexdigest()})
    )


def doubled_leaves(raw: bytes) -> bytes:
    lines = raw.split(b"\n")
    place = next(i for i, line in enumerate(lines) if line.startswith(b"leaf_value="))
    return b"\n".join(
        [
            *lines[: place + 1],
            b"leaf_value=" + b" ".join([b"9"] * len(lines[place].split(b" "))),
            *lines[place + 1 :],
        ]
    )


def other_leaves(raw: bytes) -> bytes:
    """Return the text with nines in the leaves of its first tree: of the same length, so that
    LightGBM loads it.
    """
    start = raw.index(b"leaf_value=") + len(b"leaf_value=")
    end = raw.index(b"\n", start)
    return (
        raw[:start]
        + bytes(
            b if chr(b) in " .-e+" else ord("9") if chr(b) in "12345678" else b
            for b in raw[start:end]
        )
        + raw[end:]
    )


def no_tree_sizes(raw: bytes) -> bytes:
    return b"\n".join(line for line in raw.split(b"\n") if not line.startswith(b"tree_sizes="))


@pytest.mark.rule("F4")
@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw[: len(raw) // 2],
        lambda raw: raw[: raw.index(b"leaf_value=") + 15],
        lambda raw: no_tree_sizes(raw)[: len(raw) // 3],
        lambda raw: raw.replace(b"split_feature=", b"split_feature=99999 ", 1),
        lambda raw: raw.replace(b"left_child=", b"left_child=77777 ", 1),
        lambda raw: raw.replace(b"num_leaves=", b"num_leaves=9", 1),
        doubled_leaves,
        other_leaves,
        lambda raw: b"",
        lambda raw: b"tree\n",
        lambda raw: bytes(1000),
    ],
    ids=[
        "half",
        "leaf",
        "unsized",
        "feature",
        "child",
        "leaves",
        "doubled",
        "other",
        "empty",
        "head",
        "zeros",
    ],
)
def test_a_damaged_text_is_refused_and_this_process_lives(version, change):
    """Truncated, flipped, doubled: whatever LightGBM does with it, it does in the child."""
    damage(version, change)
    with pytest.raises(ModelError):
        probe(version, load(version))


def test_a_child_that_dies_is_told_by_its_signal(version, monkeypatch):
    """SIGSEGV is a sentence, not an empty error."""
    killer = version.parent / "killer"
    killer.write_text("#!/bin/sh\nkill -SEGV $$\n")
    killer.chmod(0o755)
    monkeypatch.setattr(probing.sys, "executable", str(killer))
    probing._sound.clear()
    with pytest.raises(ModelError, match="SIGSEGV"):
        probe(version, load(version))


@pytest.mark.parametrize(
    "said",
    [
        "printf 'bad \\245 bytes \\033[2J' >&2; exit 65",
        "printf '\\245' >&2; exit 1",
        "exit 3",
        "printf '\\245'",
    ],
)
def test_stray_bytes_from_a_child_are_a_sentence_too(version, monkeypatch, said):
    """LightGBM quotes memory when a text is damaged: that neither breaks the parent nor reaches
    a terminal.
    """
    speaker = version.parent / "speaker"
    speaker.write_text(f"#!/bin/sh\n{said}\n")
    speaker.chmod(0o755)
    monkeypatch.setattr(probing.sys, "executable", str(speaker))
    probing._sound.clear()
    with pytest.raises(ModelError) as error:
        probe(version, load(version))
    assert str(error.value).isprintable()


@pytest.mark.rule("F4")
def test_a_child_that_hangs_is_ended(version, monkeypatch):
    """Loading takes a bounded time."""
    sleeper = version.parent / "sleeper"
    sleeper.write_text("#!/bin/sh\nexec sleep 30\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(probing.sys, "executable", str(sleeper))
    monkeypatch.setattr(probing, "SECONDS", 0.2)
    probing._sound.clear()
    with pytest.raises(ModelError, match="did not load within"):
        probe(version, load(version))


@pytest.mark.rule("F4")
def test_a_file_that_changes_under_the_child_is_refused(version):
    """What the child passed has to be the very bytes that will be served."""
    probing._sound.clear()
    model = load(version)
    damage(version, lambda raw: raw + b"\n")
    with pytest.raises(ModelError, match="changed"):
        probe(version, model)


@pytest.mark.rule("F4")
def test_a_golden_vector_to_1e_9(version):
    """A score that differs in the ninth decimal is another model."""
    path = version / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["golden"][1]["score"] += 2e-9
    path.write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="another score"):
        probe(version, load(version))
    path.write_text(json.dumps(manifest | {"golden": []}))
    with pytest.raises(ModelError, match="no golden vectors"):
        probe(version, load(version))


def test_a_manifest_that_makes_no_sense_is_refused(version):
    """A wrong type in the manifest ends the child, not the server."""
    path = version / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"golden": [{"row": "x"}]}))
    with pytest.raises(ModelError):
        probe(version, load(version))


@pytest.fixture
def passed(version, tmp_path, monkeypatch):
    """A version that is told to have passed, the file that remembers it, and no child any more."""
    verdicts = tmp_path / "verdicts"
    probing._sound.clear()
    monkeypatch.setattr(probing, "_child", lambda folder: load(folder).id.sha256)
    probe(version, load(version), verdicts)
    probing._sound.clear()
    monkeypatch.setattr(probing, "_child", lambda folder: pytest.fail("a child was asked"))
    return verdicts


def asks(version, verdicts) -> bool:
    """Tell whether a start would ask a child."""
    probing._sound.clear()
    try:
        probe(version, load(version), verdicts)
        return False
    except pytest.fail.Exception:
        return True


def test_a_verdict_is_asked_for_once(version, passed):
    """The file remembers what passed, over processes, and is its owner's alone."""
    assert stat.S_IMODE(passed.stat().st_mode) == 0o600 and len(passed.read_text().split()) == 1
    assert not asks(version, passed)


@pytest.mark.parametrize("what", ["text", "golden", "calibration", "lightgbm", "loader"])
def test_a_verdict_holds_for_nothing_else(version, passed, monkeypatch, what):
    """Another text, another manifest, another LightGBM or another loader of ours: asked anew."""
    manifest = json.loads((version / "manifest.json").read_text())
    changes = {
        "golden": {"golden": manifest["golden"][:1]},
        "calibration": {"calibration": {"slope": 1.0, "intercept": 0.0}},
    }
    if what == "text":
        damage(version, lambda raw: raw + b"\n")
    elif what == "lightgbm":
        monkeypatch.setattr(probing, "version", lambda name: "0.0.0")
    elif what == "loader":
        monkeypatch.setattr(probing, "_loader", lambda: "another")
    else:
        (version / "manifest.json").write_text(json.dumps(manifest | changes[what]))
    assert asks(version, passed)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"",
        lambda text: text[:-10],
        lambda text: b"\xff\x00" + text,
        lambda text: text + b"and more\n",
        lambda text: text + b"0" * 70_000,
    ],
    ids=["empty", "cut", "binary", "foreign", "long"],
)
def test_a_damaged_file_means_asking_again(version, passed, change, monkeypatch):
    """Nothing in it counts then, and the next verdict begins it anew."""
    passed.write_bytes(change(passed.read_bytes()))
    assert asks(version, passed)
    monkeypatch.setattr(probing, "_child", lambda folder: load(folder).id.sha256)
    probe(version, load(version), passed)
    assert len(passed.read_text().split()) == 1


def test_a_file_that_others_may_write_counts_for_nothing(version, passed):
    """Nor does one that is no file; neither stops a start."""
    passed.chmod(0o620)
    assert asks(version, passed)
    passed.unlink()
    passed.mkdir()
    assert asks(version, passed)


def test_a_file_that_cannot_be_written_stops_nothing(version, tmp_path):
    """The version passes; the next start asks again."""
    probing._sound.clear()
    probe(version, load(version), tmp_path / "nowhere" / "verdicts")
    assert not (tmp_path / "nowhere").exists()
