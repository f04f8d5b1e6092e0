"""The registry: what is in service is signed and sound, the last good version is kept, and every
change leaves its line (F4, G7).
"""

import json
import shutil
from datetime import UTC, datetime

import pytest

from models.fitted import aliases, registry, signature
from models.fitted import probe as probing
from models.fitted.booster import ModelError
from models.fitted.model import load
from models.fitted.registry import (
    TRAINED,
    Trust,
    admit,
    champion,
    list_versions,
    load_models,
    promote,
    rollback,
    shadow,
    show,
)

SHIPPED = load_models()[0]
NAME = SHIPPED.id.name
AT = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
WHO = ("Dr A. Example", "meeting of\t21 November\nagreed")


@pytest.fixture
def world(tmp_path):
    """A folder of one model with the signed versions 1.0.0, 2.0.0 and 3.0.0, none in service,
    and the trust in their key.
    """
    (tmp_path / "keys").mkdir()
    signature.keygen(tmp_path / "release.key").rename(tmp_path / "keys" / "release.pub")
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        folder = tmp_path / "trained" / NAME / version
        shutil.copytree(TRAINED / NAME / SHIPPED.id.version, folder)
        write(folder, SHIPPED.manifest | {"version": version})
        signature.sign(folder, load(folder).manifest, tmp_path / "release.key")
    return tmp_path / "trained", Trust(keys=tmp_path / "keys")


def write(folder, manifest) -> None:
    (folder / "manifest.json").write_text(json.dumps(manifest))


def put(world, *versions) -> None:
    for version in versions:
        promote(NAME, version, *WHO, AT, folder=world[0], trust=world[1])


def in_service(world, notices=None) -> str:
    (model,) = load_models(*world, (notices if notices is not None else []).append)
    return model.id.version


def break_text(folder) -> None:
    with (folder / "model.txt").open("ab") as file:
        file.write(b"x")


def break_signature(folder) -> None:
    (folder / signature.FILE).unlink()


def break_manifest(folder) -> None:
    write(folder, load(folder).manifest | {"thresholds": {"medium": 0.9, "high": 0.99}})


def break_folder(folder) -> None:
    shutil.rmtree(folder)


BREAKS = (break_text, break_signature, break_manifest, break_folder)


def test_promote_and_rollback_walk_the_history(world):
    """Rolled back twice it goes two back, and after that nothing is left; a new promotion goes
    on from there.
    """
    put(world, "1.0.0", "2.0.0", "3.0.0")
    assert in_service(world) == "3.0.0"
    for version in ("2.0.0", "1.0.0"):
        assert rollback(NAME, *WHO, AT, *world).id.version == version == in_service(world)
    with pytest.raises(ModelError, match="no champion before"):
        rollback(NAME, *WHO, AT, *world)
    put(world, "3.0.0")
    assert rollback(NAME, *WHO, AT, *world).id.version == "1.0.0"
    lines = (world[0] / NAME / "history").read_text().splitlines()
    assert (
        len(lines) == 7
        and lines[0]
        == "2026-11-21T06:00:00Z\tchampion\tpromote\t1.0.0\tDr A. Example\tmeeting of 21 November agreed"
    )


@pytest.mark.rule("G7")
@pytest.mark.parametrize("damage", BREAKS)
def test_a_broken_champion_gives_way_to_the_last_good_version(world, damage):
    """It serves on, and says in one sentence what failed."""
    put(world, "1.0.0", "2.0.0", "3.0.0")
    damage(world[0] / NAME / "3.0.0")
    notices = []
    assert in_service(world, notices) == "2.0.0"
    damage(world[0] / NAME / "2.0.0")
    assert in_service(world, notices) == "1.0.0"
    assert len(notices) == 2 and all(
        "last good version, since its champion failed" in n and "3.0.0" in n for n in notices
    )


@pytest.mark.rule("G7")
@pytest.mark.parametrize("damage", BREAKS)
def test_without_a_good_version_there_is_no_model(world, damage):
    """Every reason is told; a version that was never champion is no way out."""
    put(world, "1.0.0", "2.0.0")
    for version in ("1.0.0", "2.0.0"):
        damage(world[0] / NAME / version)
    with pytest.raises(ModelError, match="(?s)2.0.0.*1.0.0"):
        load_models(*world)


def test_a_rolled_back_version_is_no_last_good_one(world):
    """It went for a reason."""
    put(world, "1.0.0", "2.0.0", "3.0.0")
    rollback(NAME, *WHO, AT, *world)
    break_text(world[0] / NAME / "2.0.0")
    assert in_service(world) == "1.0.0"


@pytest.mark.parametrize("text", [b"", b"../../etc", b"9.9.9", b"\xff", b"a b"])
def test_a_broken_alias_gives_way_too(world, text):
    """Whatever the file holds, no other folder is read."""
    put(world, "1.0.0", "2.0.0")
    (world[0] / NAME / "champion").write_bytes(text)
    notices = []
    assert in_service(world, notices) == "2.0.0" and len(notices) == 1


def test_an_alias_written_without_history_can_be_rolled_back(world):
    """What stands in the history is the way back, whoever wrote the alias."""
    put(world, "1.0.0")
    (world[0] / NAME / "champion").write_text("3.0.0\n")
    assert in_service(world) == "3.0.0" and rollback(NAME, *WHO, AT, *world).id.version == "1.0.0"


def test_a_crash_between_history_and_alias_does_no_harm(world, monkeypatch):
    """The line is there, the alias is not: the old champion serves, and goes back to its own
    forerunner.
    """
    put(world, "1.0.0", "2.0.0")
    before = (world[0] / NAME / "champion").read_text()
    put(world, "3.0.0")
    (world[0] / NAME / "champion").write_text(before)
    with (world[0] / NAME / "history").open("a") as file:
        file.write("2026-11-21T0")
    assert in_service(world) == "2.0.0" and rollback(NAME, *WHO, AT, *world).id.version == "1.0.0"


@pytest.mark.parametrize("damage", BREAKS)
def test_what_is_not_fit_is_not_promoted(world, damage):
    """The alias and the history stay as they were; the same for the way back."""
    put(world, "1.0.0", "2.0.0")
    damage(world[0] / NAME / "3.0.0")
    damage(world[0] / NAME / "1.0.0")
    before = (world[0] / NAME / "history").read_bytes()
    with pytest.raises(ModelError):
        put(world, "3.0.0")
    with pytest.raises(ModelError):
        rollback(NAME, *WHO, AT, *world)
    assert in_service(world) == "2.0.0" and (world[0] / NAME / "history").read_bytes() == before


@pytest.mark.parametrize(
    "name, version, alias",
    [("../x", "1.0.0", "champion"), (NAME, "../1.0.0", "champion"), (NAME, "1.0.0", "history")],
)
def test_names_stay_inside_the_folder(world, name, version, alias):
    """No path goes out of the folder, and no alias overwrites the history."""
    with pytest.raises(ModelError):
        promote(name, version, *WHO, AT, alias, *world)


def test_what_is_not_there_is_named(world):
    with pytest.raises(ModelError, match=f"There is no version '9.9.9' of {NAME} below"):
        put(world, "9.9.9")
    with pytest.raises(ModelError, match="There is no model named 'nobody' below"):
        promote("nobody", "1.0.0", *WHO, AT, "champion", *world)


def test_a_signed_version_can_not_stand_in_for_another(world):
    """An old release under a newer one's name is found, though its signature is right."""
    folder = world[0] / NAME / "3.0.0"
    shutil.rmtree(folder)
    shutil.copytree(world[0] / NAME / "1.0.0", folder)
    with pytest.raises(ModelError, match="stand in"):
        admit(folder, world[1])


def test_a_development_folder_may_be_unsigned_but_not_forged(world):
    """Without a signature or by an unknown key it loads there; a signature that does not fit is
    refused everywhere.
    """
    folder = world[0] / NAME / "1.0.0"
    for trust in (Trust(), Trust(keys=world[1].keys)):
        with pytest.raises(ModelError, match="not signed|not trusted"):
            break_signature(folder) if trust.keys else None
            admit(folder, trust)
    assert admit(folder, Trust(development=True)).id.version == "1.0.0"
    assert admit(world[0] / NAME / "2.0.0", Trust(development=True)).id.version == "2.0.0"
    break_manifest(world[0] / NAME / "2.0.0")
    with pytest.raises(ModelError, match="does not fit"):
        admit(world[0] / NAME / "2.0.0", Trust(keys=world[1].keys, development=True))


@pytest.mark.rule("F4")
def test_nothing_is_parsed_before_hash_and_signature_are_right(world, monkeypatch):
    """No child is asked for what is not signed (F4)."""
    monkeypatch.setattr(registry, "probe", lambda *_: pytest.fail("a child was asked"))
    break_signature(world[0] / NAME / "1.0.0")
    break_text(world[0] / NAME / "2.0.0")
    break_manifest(world[0] / NAME / "3.0.0")
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        with pytest.raises(ModelError):
            admit(world[0] / NAME / version, world[1])


def test_a_key_beside_a_model_is_not_trusted(world):
    """Who can write a model can't bring the key that vouches for it."""
    shutil.copy(world[1].keys / "release.pub", world[0] / "release.pub")
    with pytest.raises(ModelError, match="not trusted"):
        admit(world[0] / NAME / "1.0.0", Trust())


def test_features_that_we_do_not_make_are_named(world):
    """A model of a newer code is refused at the door, not in a request."""
    folder = world[0] / NAME / "1.0.0"
    write(folder, load(folder).manifest | {"features": ["heart_rate.mood", *SHIPPED.features[1:]]})
    break_signature(folder)
    with pytest.raises(ModelError, match="heart_rate.mood"):
        admit(folder, Trust(development=True))


@pytest.mark.rule("F5")
def test_what_is_chosen_before_a_fork_is_not_loaded(world):
    """A server may look before it forks: LightGBM stays untouched in this process (F5)."""
    put(world, "1.0.0")
    model = champion(world[0] / NAME, world[1])
    assert "predictor" not in model.__dict__
    (model,) = load_models(*world)
    assert "predictor" in model.__dict__


def test_a_shadow_is_another_alias_and_never_stops_the_service(world):
    """It stands beside the champion, unless it is the champion; when it fails that is said."""
    put(world, "1.0.0")
    promote(NAME, "2.0.0", *WHO, AT, aliases.SHADOW, *world)
    home = world[0] / NAME
    found = shadow(home, world[1])
    assert found.id.version == "2.0.0" and "predictor" not in found.__dict__
    assert in_service(world) == "1.0.0"
    put(world, "2.0.0")
    assert shadow(home, world[1]) is None
    put(world, "1.0.0")
    break_text(home / "2.0.0")
    with pytest.raises(ModelError, match="SHA-256"):
        shadow(home, world[1])
    assert aliases.earlier(world[0] / NAME, "1.0.0") == ["2.0.0"]


def test_list_and_show(world):
    """Versions in their order with aliases and signer; show gives the champion's manifest and
    the changes.
    """
    put(world, "2.0.0")
    folder = world[0] / NAME / "10.0.0"
    shutil.copytree(world[0] / NAME / "2.0.0", folder)
    write(folder, SHIPPED.manifest | {"version": "10.0.0"})
    listed = list_versions(*world)
    assert [(v.version, v.aliases) for v in listed] == [
        ("1.0.0", ()),
        ("2.0.0", ("champion",)),
        ("3.0.0", ()),
        ("10.0.0", ()),
    ]
    assert [v.signed_by is not None for v in listed] == [True, True, True, False]
    manifest, changes = show(NAME, folder=world[0])
    assert manifest["version"] == "2.0.0" and [c.by for c in changes] == ["Dr A. Example"]
    assert show(NAME, "3.0.0", world[0])[0]["version"] == "3.0.0"
    with pytest.raises(ModelError, match="no model named"):
        show("nothing", folder=world[0])


@pytest.mark.parametrize("content", ["[]", "3", "[" * 100_000, '{"name": 1}'])
def test_a_manifest_that_is_none_is_one_sentence(world, content):
    """Garbage is a ModelError, and another version serves."""
    put(world, "1.0.0", "2.0.0")
    (world[0] / NAME / "2.0.0" / "manifest.json").write_text(content)
    assert in_service(world) == "1.0.0"


def test_every_shipped_version_is_signed_by_a_shipped_key():
    """What a fresh clone serves, and what it can be rolled back to, needs no setting to be
    trusted.
    """
    keys, versions = signature.trusted_keys(), list_versions()
    assert {version.signed_by for version in versions} <= set(keys)
    assert {"0.4.0", "0.5.0"} <= {version.version for version in versions}


@pytest.mark.parametrize("breaks", [break_manifest, break_text, break_signature])
def test_a_verdict_never_stands_in_for_signature_or_hash(world, breaks, monkeypatch):
    """With a child's verdict on file, an unsigned or changed version is refused as ever, and no
    child is asked.
    """
    folder, trust = world[0], Trust(keys=world[1].keys, verdicts=world[0] / "verdicts")
    probing._sound.clear()
    put((folder, trust), "1.0.0")
    monkeypatch.setattr(probing, "_child", lambda folder: pytest.fail("a child was asked"))
    probing._sound.clear()
    assert load_models(folder, trust)[0].id.version == "1.0.0"
    breaks(folder / NAME / "1.0.0")
    with pytest.raises(ModelError):
        load_models(folder, trust)
