"""`vigil models`: what is shipped is signed and in service, and an unsigned or unfit version can't be promoted."""

import shutil

import pytest
from click.testing import CliRunner

import vigil
from models.predict import ModelError
from models.registry import TRAINED, list_versions, promote, rollback
from models.signature import keygen


def run(*arguments) -> tuple[int, str]:
    result = CliRunner().invoke(vigil.main, ["models", *map(str, arguments)])
    return result.exit_code, result.output


def test_the_shipped_champions_are_signed_by_the_shipped_key():
    """Every version in service is signed; the list says by whom."""
    champions = [found for found in list_versions() if "champion" in found.aliases]
    assert {found.name for found in champions} == {"deterioration", "sepsis"} and all(found.signed_by for found in champions)
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


def test_what_is_promoted_can_be_rolled_back(copy):
    """A promotion and a rollback leave their lines in the history."""
    from datetime import UTC, datetime

    at = datetime(2026, 3, 29, tzinfo=UTC)
    promote("deterioration", "0.2.0", "Dr Test", "first", at, folder=copy)
    promote("deterioration", "0.1.0", "Dr Test", "trial", at, folder=copy)
    assert rollback("deterioration", "Dr Test", "worse", at, folder=copy).id.version == "0.2.0"


def test_an_altered_or_unsigned_version_is_not_promoted(copy):
    """A changed manifest no longer fits its signature; without one nothing is served."""
    from datetime import UTC, datetime

    at = datetime(2026, 3, 29, tzinfo=UTC)
    path = copy / "sepsis" / "0.2.0" / "manifest.json"
    path.write_text(path.read_text().replace('"high": ', '"high": 0'))
    with pytest.raises(ModelError):
        promote("sepsis", "0.2.0", "Dr Test", "x", at, folder=copy)
    (copy / "deterioration" / "0.1.0" / "manifest.sig").unlink()
    with pytest.raises(ModelError, match="not signed"):
        promote("deterioration", "0.1.0", "Dr Test", "x", at, folder=copy)


def test_a_key_is_private_and_never_overwritten(tmp_path):
    """The private half is readable by its owner alone, and a second keygen refuses."""
    path = tmp_path / "release.key"
    assert keygen(path).exists() and path.stat().st_mode & 0o077 == 0
    assert run("keygen", path)[0] == 1
