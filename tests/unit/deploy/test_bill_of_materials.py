"""`make sbom`: every package that serving needs, by version and hash; and no locked one is known to be weak (F8)."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).parents[3]
LOCKS = ["requirements.lock", "requirements-studies.lock", "requirements-test.lock"]
# Below these are known weaknesses. Nothing of ours needs PyJWT; should a package bring it along, the floor holds.
FLOORS = {"pyjwt": "2.13.0", "authlib": "1.6.11", "joserfc": "1.6.1", "flask": "3.1.3", "werkzeug": "3.1.6",
          "gunicorn": "26", "urllib3": "2.7.0", "lightgbm": "4.6.0", "redis": "5.0"}  # fmt: skip
PINNED = re.compile(r"^([a-z0-9-]+)==([^ ;\n]+).*\\\n((?: +--hash=sha256:.*\n)+)", re.MULTILINE)


def locked(name: str) -> set[tuple[str, str, frozenset[str]]]:
    """Return name, version and hashes of all that a lock pins; a package may have a line for each Python."""
    return {
        (package, version, frozenset(re.findall(r"sha256:([0-9a-f]{64})", hashes)))
        for package, version, hashes in PINNED.findall((ROOT / name).read_text("utf-8"))
    }


def made(folder: Path) -> str:
    """Return what the recipe of `make sbom` writes, with this Python in place of the one in .venv."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (recipe,) = re.findall(r"^sbom:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    script = recipe.replace("\t@", "").replace("$(BIN)/python", sys.executable)
    script = script.replace("dist", str(folder)).replace("requirements.lock", f"{ROOT}/requirements.lock")  # fmt: skip
    subprocess.run(["sh", "-ec", script], cwd=folder.parent, check=True)
    return (folder / "vigil-sbom.cdx.json").read_text("utf-8")


@pytest.mark.rule("F8")
def test_the_bill_of_materials_holds_every_locked_package(tmp_path):
    """With the very hashes that pip checks; and made twice it is the same."""
    text = made(tmp_path / "one")
    assert text == made(tmp_path / "two")
    bill = json.loads(text)
    told = {
        (
            part["name"],
            part["version"],
            frozenset(one["content"] for source in part["externalReferences"] for one in source["hashes"]),
        )
        for part in bill["components"]
    }  # fmt: skip
    assert bill["bomFormat"] == "CycloneDX"
    assert told == locked("requirements.lock") and len(told) == len(bill["components"]) > 30


@pytest.mark.rule("F8")
@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_holds_a_release_below_its_floor(lock):
    """Every pinned line is read, has a hash, and is at or above its floor."""
    held, text = locked(lock), (ROOT / lock).read_text("utf-8")
    assert len(held) == len(re.findall(r"^[a-z0-9-]+==", text, re.MULTILINE))
    assert set(FLOORS) - {"pyjwt"} <= {package for package, _, _ in held}
    for package, version, hashes in held:
        assert hashes and Version(version) >= Version(FLOORS.get(package, "0")), package
