"""The image of deploy/Dockerfile, built here without a registry and run: what is in it, and one signed call."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import request as call
from tests.support.absent import absent
from tests.support.contained import Contained

ROOT = Path(__file__).parents[2]
# A moment longer than the slowest machine needs: a limit against hanging, not a promise.
LONGEST = 1500.0
CONFIG = f"""
public_url = "{call.PUBLIC}"
bind = "0.0.0.0"
port = 8000
data_dir = "/var/lib/vigil"

[[ehr]]
id = "bench"
fhir_base = ["{call.FHIR}"]
hook_issuer = "{call.ISSUER}"
hook_jwks_file = "keys.json"
"""


def missing() -> str:
    """Return what this machine lacks, in a word for the list of skipped tests."""
    tools = [name for name in ("debootstrap", "buildah", "ip", "nsenter") if not shutil.which(name)]
    return ", ".join(tools or (["root"] if os.geteuid() else []))


def told(*command: object) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=LONGEST).stdout.strip()  # fmt: skip


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """The image's tree and its configuration, in a store of its own that goes afterwards."""
    lacks = missing()
    if lacks:
        absent(f"building an image needs {lacks}")
    folder = tmp_path_factory.mktemp("image")
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTAINERS_STORAGE_CONF", str(folder / "storage.conf"))
        patch.setenv("STORAGE_DRIVER", "vfs")
        built = subprocess.run([ROOT / "deploy" / "build-image"], capture_output=True, text=True, timeout=LONGEST)  # fmt: skip
        if built.returncode:
            absent(f"an image needs Debian's packages and an index: {built.stderr.strip()[-2000:]}")
        told_of = json.loads(told("buildah", "inspect", "--type", "image", "localhost/vigil"))
        container = told("buildah", "from", "--pull-never", "localhost/vigil")
        yield Path(told("buildah", "mount", container)), told_of["Docker"]["config"]
    shutil.rmtree(folder)


@pytest.fixture
def contained(image, tmp_path):
    """The image, started with one trusted EHR."""
    (tmp_path / "config").mkdir()
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "config" / "vigil.toml").write_text(CONFIG)
    keys = {"keys": [call.KEY.as_dict(private=False)]}
    (tmp_path / "config" / "keys.json").write_text(json.dumps(keys))
    running = Contained(*image, tmp_path / "config", tmp_path / "data", tmp_path / "log")
    yield running
    running.kill()


def test_an_image_holds_no_more_than_serving_needs(image):
    """No installer, compiler, test or secret, no program that gives rights, nothing to overwrite."""
    tree, config = image
    assert config["User"] == "10001:10001" and list(config["Volumes"]) == ["/var/lib/vigil"]
    packages = next((tree / "opt/vigil/lib").glob("python3*/site-packages"))
    names = {path.name.split("-")[0] for path in packages.iterdir()}
    assert {"vigil", "lightgbm", "cdshooks"} <= names
    assert not names & {"pip", "setuptools", "wheel", "tests"}
    programs = {path.name for path in (*(tree / "usr/bin").iterdir(), *(tree / "opt/vigil/bin").iterdir())}  # fmt: skip
    assert not programs & {"pip", "pip3", "gcc", "cc", "make", "git"}
    assert not list((tree / "var/lib/vigil").iterdir()) and not list((tree / "etc/vigil").iterdir())
    for path in tree.rglob("*"):
        found = path.lstat()
        shown = path.relative_to(tree)
        assert not (path.is_file() and found.st_mode & 0o6000), shown
        assert found.st_uid != 10001 or str(shown) == "var/lib/vigil", shown


@pytest.mark.rule("F6", "F8")
def test_an_image_answers_a_signed_call(contained):
    """As another user than root, on a read-only root, without network: a card, and its audit record."""
    contained.wait_until_healthy()
    status = Path(f"/proc/{contained.process}/status").read_text()
    held = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert held["Uid"].split() == ["10001"] * 4
    assert int(held["CapEff"], 16) == int(held["CapBnd"], 16) == 0
    refused = contained.run("python", "-c", "open('/opt/vigil/mine', 'w')")
    assert "Read-only file system" in refused.stderr
    code, text = contained.post(call.SERVICE, call.body(), call.token(call.PUBLIC))
    assert code == 200 and "NEWS2" in json.loads(text)["cards"][0]["detail"]
    assert contained.post(call.SERVICE, call.body(), "no.real.token")[0] == 401
    told_of = contained.run("vigil", "audit", "show", "--config", "/etc/vigil/vigil.toml", "--type", "hook")  # fmt: skip
    assert len(told_of.stdout.splitlines()) == 1, told_of.stderr
    verified = contained.run("vigil", "audit", "verify", "--config", "/etc/vigil/vigil.toml")
    assert verified.returncode == 0, verified.stderr
    assert contained.stop() == 0, contained.log.read_text()


def test_a_health_check_notices_a_server_that_is_gone(image):
    """The image's own check fails where nothing listens: on the loopback of an empty network."""
    _, program, *rest = image[1]["Healthcheck"]["Test"]
    assert program == "python"
    lost = subprocess.run(
        ["unshare", "--net", sys.executable, *rest], capture_output=True, text=True
    )
    assert lost.returncode != 0 and "Traceback" in lost.stderr
