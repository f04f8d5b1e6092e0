"""One reader: a chart longer than a page gives the same risk on card and page, over real HTTP."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.support.paged_ehr import PagedEhr

ROOT = Path(__file__).parents[2]
SERVICE = "/cds-services/vigil-patient-view"
START_SECONDS = 30


@pytest.fixture
def ehr():
    server = PagedEhr()
    yield server
    server.stop()


@pytest.fixture
def vigil(ehr, tmp_path):
    """The URL of a `vigil serve` that trusts the EHR and asks for no hook token."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "vigil.toml"
    config.write_text(
        f"""public_url = "http://localhost:{port}"
workers = 1
[[ehr]]
id = "paged"
fhir_base = ["{ehr.iss}"]
hook_auth = "open"
hook_budget_ms = 5000
smart_client_id = "vigil"
smart_client_auth = "none"
"""
    )
    command = [sys.executable, "-m", "vigil", "serve", "--config", str(config)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=log, stdout=log)
    try:
        yield _up(f"http://localhost:{port}", process, tmp_path / "log")
    finally:
        process.terminate()
        process.wait(20)


def _up(url: str, process, log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            requests.get(f"{url}/readyz", timeout=1)
            return url
        except requests.RequestException:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


def card(vigil: str, ehr: PagedEhr) -> dict:
    """Call the hook without prefetch, so that Vigil has to read the chart."""
    body = {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "fhirServer": ehr.iss,
        "fhirAuthorization": {
            "access_token": f"token-of-{ehr.patient}",
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "patient/*.read",
            "subject": "vigil",
        },
        "context": {"userId": "Practitioner/1", "patientId": ehr.patient},
    }
    answer = requests.post(f"{vigil}{SERVICE}", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["cards"]
    return found


def page(vigil: str, ehr: PagedEhr) -> str:
    """Launch the app and return its page; Secure cookies are carried by hand over plain loopback."""
    begun = requests.get(
        f"{vigil}/launch",
        params={"iss": ehr.iss, "launch": "x"},
        allow_redirects=False,
        timeout=30,
    )
    back = ehr.approve(begun.headers["Location"])
    done = requests.get(
        f"{vigil}/callback",
        params=back,
        headers={"Cookie": _cookies(begun)},
        allow_redirects=False,
        timeout=30,
    )
    assert done.status_code == 303, done.text
    shown = requests.get(
        f"{vigil}{urlsplit(done.headers['Location']).path}",
        headers={"Cookie": _cookies(done)},
        timeout=60,
    )
    assert shown.status_code == 200
    return shown.text


def _cookies(answer: requests.Response) -> str:
    held = answer.raw.headers.getlist("Set-Cookie")
    return "; ".join(line.partition(";")[0] for line in held)


def risks(text: str) -> set[str]:
    """Return the percentages that stand beside the outcomes."""
    return set(re.findall(r"(?:in hospital|sepsis)[^%]{0,80}?([\d.]+ %)", text))


@pytest.mark.rule("R53", "SMART-41")
@pytest.mark.parametrize("links", ["absolute", "rooted", "sibling", "query"])
def test_card_and_page_say_the_same_of_a_chart_of_many_pages(vigil, ehr, links):
    """480 vital signs in 48 h at 100 a page: the whole window is read by both, in every form of a
    relative link.
    """
    ehr.links = links
    shown, text = card(vigil, ehr), page(vigil, ehr)
    figure = re.search(r"([\d.]+ %)", shown["summary"]).group(1)
    assert figure in text and "Incomplete data" not in text
    assert "could not be read" not in shown["detail"] and "read back" not in shown["detail"]
    assert sum("page=" in p for p, _ in ehr.requests) == 0


@pytest.mark.rule("R53")
@pytest.mark.parametrize("links, broken", [("elsewhere", None), ("absolute", 2)])
def test_what_was_cut_is_said_on_card_and_page(vigil, ehr, links, broken):
    """The second page can't be had: no feature of a window that is not covered, said by both alike."""
    ehr.links, ehr.broken = links, broken
    shown, text = card(vigil, ehr), page(vigil, ehr)
    assert "Vital signs were read back to" in shown["detail"]
    assert "Vital signs were read back to" in text


def test_a_cut_chart_that_begins_with_the_oldest_counts_for_nothing(vigil, ehr):
    """The newest values are on the pages that were not read: no number, and not "too few"."""
    ehr.ascending, ehr.broken = True, 2
    shown = card(vigil, ehr)
    assert "could not be read in full" in shown["detail"]
    assert "too few" not in json.dumps(shown) and "Risk not calculated" in shown["summary"]
