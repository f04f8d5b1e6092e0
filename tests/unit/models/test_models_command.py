"""`vigil models`: what is shipped is signed and in service, and an unsigned or unfit version
can't be promoted.
"""

import shutil

import pytest
from click.testing import CliRunner

import vigil
from models.fitted.registry import TRAINED, list_versions
from models.fitted.signature import keygen


def run(*arguments) -> tuple[int, str]:
    result = CliRunner().invoke(vigil.main, ["models", *map(str, arguments)])
    return result.exit_code, result.output


def test_the_shipped_champions_are_signed_by_the_shipped_key():
    """Every version in service is signed; the list says by whom."""
    champions = [found for found in list_versions() if "champion" in found.aliases]
    assert {found.name for found in champions} == {"deterioration", "sepsis"} and all(
        found.signed_by for found in champions
    )
    code, text = run("list")
    assert code == 0 and "not signed" not in text


def test_a_manifest_is_shown_and_an_unknown_name_said():
    """The manifest without its long lists; one sentence for what is not there."""
    code, text = run("show", "sepsis")
    assert code == 0 and '"outcome": "sepsis"' in text and "golden" not in text
    code, text = run("show", "nothing")
    assert code == 1 and "no model named" in text


@pytest.fixture
def copy(tmp_path):
    """A copy of the shipped models that a test may change."""
    shutil.copytree(TRAINED, tmp_path / "trained")
    return tmp_path / "trained"


def test_an_altered_or_unsigned_version_is_not_promoted(copy):
    """A changed manifest no longer fits its signature; without one nothing is served."""
    altered, unsigned = (
        copy / name / (copy / name / "champion").read_text().strip() / "manifest.json"
        for name in ("sepsis", "deterioration")
    )
    altered.write_text(altered.read_text().replace('"high": 0.', '"high": 0.0'))
    (unsigned.parent / "manifest.sig").unlink()
    for path, reason in ((altered, "signature"), (unsigned, "not signed")):
        code, text = run(
            "promote",
            path.parents[1].name,
            path.parent.name,
            "--by",
            "Dr Test",
            "--reason",
            "x",
            "--models",
            copy,
        )
        assert code == 1 and reason in text and "Traceback" not in text


def test_a_shadow_is_listed_and_its_effect_said(copy):
    """Whoever points the alias learns at once that it is scored, and shown to nobody."""
    who = ("--by", "Dr Test", "--reason", "x", "--models", copy)
    code, text = run("promote", "sepsis", "0.4.0", "--alias", "shadow", *who)
    assert code == 0 and "scored beside the champion" in text and "shown to nobody" in text
    assert "sepsis 0.4.0  shadow" in run("list", "--models", copy)[1]
    assert "restart vigil serve" in run("promote", "sepsis", "0.5.0", *who)[1]


def test_a_champion_without_one_before_it_stays(copy):
    """A rollback that has nowhere to go says so and changes nothing."""
    before = {path: path.read_text() for path in copy.glob("*/champion")}
    (copy / "sepsis" / "history").unlink()
    code, text = run("rollback", "sepsis", "--by", "Dr Test", "--reason", "x", "--models", copy)
    assert (
        code == 1
        and "Error:" in text
        and before == {path: path.read_text() for path in copy.glob("*/champion")}
    )


def test_a_key_is_private_and_never_overwritten(tmp_path):
    """The private half is readable by its owner alone, and a second keygen refuses."""
    path = tmp_path / "release.key"
    assert keygen(path).exists() and path.stat().st_mode & 0o077 == 0
    assert run("keygen", path)[0] == 1
    # The public half never lands on the private one, nor on another key's.
    assert run("keygen", tmp_path / "only.pub")[0] == 1 and not (tmp_path / "only.pub").exists()
    before = path.with_suffix(".pub").read_text()
    assert (
        run("keygen", tmp_path / "release.pem")[0] == 1
        and path.with_suffix(".pub").read_text() == before
    )
