"""The wheel in an environment of its own, as a hospital installs it: built, installed by the lock
into an empty virtual environment, and used from a folder that is no checkout.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from tests.conftest import bundle, observation, patient
from tests.support.absent import absent

ROOT = Path(__file__).parents[2]
ROOMS = (
    "cdshooks",
    "smartapp",
    "ehr",
    "models",
    "studies",
    "runtime",
    "demo",
    "templates",
    "static",
)
NOT_COPIED = shutil.ignore_patterns(
    ".*", "var", "build", "dist", "tests", "__pycache__", "*.egg-info"
)
# Nothing of this checkout's environment reaches the installed one.
ALONE = {
    name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIGIL"))
}
# A moment longer than the slowest machine needs: a limit against hanging, not a promise.
LONGEST = 300.0
FHIR = "https://ehr.example.org/r4"
SICK = {
    "heart_rate": 128,
    "respiratory_rate": 30,
    "spo2": 91,
    "systolic": 86,
    "temperature": 39.2,
    "lactate": 4.8,
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy of the checkout without what earlier builds left."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "source", ignore=NOT_COPIED)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", folder, folder / "source"], env=ALONE, check=True)
    (made,) = folder.glob("vigil-*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The bin folder of a virtual environment that holds requirements.lock and the wheel, no more."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--quiet", "--python", folder / "bin" / "python"]
    locked = ["--require-hashes", "--only-binary", ":all:", "-r", ROOT / "requirements.lock"]
    run = subprocess.run([*pip, "install", *locked], env=ALONE, capture_output=True, text=True)
    if run.returncode:
        absent(f"needs a package registry: {run.stderr.strip().splitlines()[-1]}")
    subprocess.run([*pip, "install", "--no-deps", wheel], env=ALONE, check=True)
    checked = subprocess.run([*pip, "check"], env=ALONE, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    return folder / "bin"


@pytest.fixture
def vigil(installed, tmp_path):
    """Start the installed command in an empty folder; what still runs at the end is stopped."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [installed / "vigil", *map(str, arguments)],
            cwd=tmp_path,
            env=ALONE,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=LONGEST)


def said(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of a command that ends by itself."""
    out, errors = process.communicate(timeout=LONGEST)
    return process.returncode, out, errors


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def configuration(tmp_path) -> tuple[Path, str]:
    """A configuration with one open record, and the address it serves on."""
    address = f"http://localhost:{free_port()}"
    path = tmp_path / "vigil.toml"
    path.write_text(
        f'public_url = "{address}"\nworkers = 1\n'
        f'[[ehr]]\nid = "one"\nfhir_base = ["{FHIR}"]\nhook_auth = "open"\n'
    )
    return path, address


def test_the_wheel_holds_every_file_of_the_rooms(wheel):
    """Vocabulary, models, templates, static files, the demonstration's data; no test, and none of
    the README's pictures.
    """
    held = {name for name in zipfile.ZipFile(wheel).namelist() if not name.startswith("vigil-0")}
    wanted = {
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and "readme" not in path.parts
    }
    assert held == wanted | {"vigil.py"}


def test_check_verifies_the_shipped_models(vigil, configuration):
    """`vigil check` reads the configuration and both models, each from its signed files."""
    code, out, errors = said(vigil("check", "--offline", "--config", configuration[0]))
    assert code == 0, errors
    assert out.count(", verified") == 2 and "ehr one: generic, hooks open" in out


def test_serve_answers_a_hook_with_a_card(vigil, configuration):
    """A call with everything prefetched gets its card: vocabulary, model and card templates are
    there.
    """
    path, address = configuration
    process = vigil("serve", "--config", path)
    wait_for(f"{address}/readyz", process)
    taken = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    values = [observation(name, value, effectiveDateTime=taken) for name, value in SICK.items()]
    body = {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "fhirServer": FHIR,
        "context": {"userId": "Practitioner/1", "patientId": "p1"},
        "prefetch": {"patient": patient(), "vitals": bundle(values), "labs": bundle([])},
    }
    answer = requests.post(f"{address}/cds-services/vigil-patient-view", json=body, timeout=LONGEST)
    assert answer.status_code == 200 and "NEWS2" in answer.json()["cards"][0]["detail"]
    style = requests.get(f"{address}/static/app.css", timeout=LONGEST)
    assert style.status_code == 200 and "{" in style.text


def wait_for(url: str, process: subprocess.Popen[str]) -> None:
    """Wait until a server answers; fail with what it said if it ended before."""
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(process.communicate()[1])
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    pytest.fail(f"{url} does not answer")


def test_demo_shows_a_card_in_a_chart(vigil, tmp_path):
    """`vigil demo` starts both servers, and its data lie below the folder where it was started."""
    port, ehr_port = free_port(), free_port()
    process = vigil("demo", "--port", port, "--ehr-port", ehr_port)
    line = process.stdout.readline()
    assert line == f"Open http://localhost:{ehr_port}/\n", process.communicate()[1]
    page = requests.get(f"http://localhost:{ehr_port}/chart/sepsis", timeout=LONGEST)
    assert page.status_code == 200 and "High risk" in page.text and "answered 200 in" in page.text
    assert (tmp_path / "var" / "demo" / str(port) / "vigil.toml").is_file()


@pytest.mark.parametrize(
    "words",
    [
        ("train", "--physionet-2012", "."),
        ("validate", "."),
        ("recalibrate", "sepsis", "0.4.0", "--outcomes", ".", "--new-version", "0.4.1"),
        ("release", "sepsis", "0.4.0", "--key", "."),
    ],
    ids=lambda words: words[0],
)
def test_studies_say_what_to_install(vigil, words):
    """A server's environment has no room for studies: one sentence, and `vigil --help` lists them
    all the same.
    """
    code, _, errors = said(vigil(*words))
    assert code == 1 and "Traceback" not in errors
    assert "pip install 'vigil[studies]'" in errors and "shap" in errors and "pyarrow" in errors
    assert words[0] in said(vigil("--help"))[1]


def test_keepers_of_models_need_no_extra(vigil):
    """A hospital that serves its own models makes keys and reads model cards on its server."""
    assert said(vigil("models", "keygen", "release.key"))[0] == 0
    assert "champion" in said(vigil("models", "list"))[1]
    code, out, errors = said(vigil("card", "sepsis", "--format", "html"))
    assert code == 0 and "<!doctype html>" in out, errors
