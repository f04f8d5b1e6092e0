"""`vigil demo` as a visitor meets it: two servers start, a chart shows its card, the app opens,
everything stops again.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.support.absent import absent

ROOT = Path(__file__).parents[2]
START = "import sys; from demo.run import run; sys.exit(run(int(sys.argv[1]), int(sys.argv[2]), folder=sys.argv[3]))"


def free_ports():
    """Return two ports that nobody listens on."""
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0)), two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def start(folder, port, ehr_port):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", START, str(port), str(ehr_port), str(folder)]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_busy(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def gone(*ports, seconds=5.0):
    """Tell whether all ports are given up within some seconds."""
    deadline = time.monotonic() + seconds
    while any(map(is_busy, ports)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not any(map(is_busy, ports))


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A running demonstration and where it is; stopped as Ctrl-C does it."""
    port, ehr_port = free_ports()
    process = start(tmp_path_factory.mktemp("demo"), port, ehr_port)
    line = process.stdout.readline()
    if not line:
        pytest.fail(process.communicate()[1])
    assert line == f"Open http://localhost:{ehr_port}/\n"
    yield f"http://localhost:{port}", f"http://localhost:{ehr_port}"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0 and "Stopping." in errors and "Traceback" not in errors
    assert gone(port, ehr_port)


@pytest.fixture
def browser():
    with requests.Session() as session:
        session.trust_env = False
        yield session


def chart(browser, ehr, patient):
    # By somebody new, to whom Vigil has shown nothing before.
    page = browser.get(f"{ehr}/chart/{patient}?user=new", timeout=10)
    assert page.status_code == 200
    return page.text


def launched(browser, ehr, vigil, text, label):
    """Follow a button into the app; requests sends no Secure cookie over http, so hand it on as
    a browser does for localhost.
    """
    path = re.search(rf'href="([^"]+)">{label}<', text)[1].replace("&amp;", "&")
    url, cookies = f"{ehr}{path}", {}
    for _ in range(8):
        answer = browser.get(
            url,
            cookies=cookies if url.startswith(vigil) else None,
            allow_redirects=False,
            timeout=10,
        )
        cookies |= {cookie.name: cookie.value for cookie in answer.cookies}
        if not answer.is_redirect:
            return answer
        url = requests.compat.urljoin(url, answer.headers["Location"])
    pytest.fail(f"still redirected at {url.split('?')[0]}")


@pytest.mark.parametrize(
    ("patient", "words"),
    [
        ("sepsis", "High risk"),
        ("stable", "Low risk"),
        ("child", "made for adults"),
        ("stale", "too old"),
        ("sparse", "too little data"),
        ("copd", "NEWS2 2 (low)"),
        ("chart-mess", "about another patient"),
    ],
)
def test_each_chart_shows_the_card_that_its_scenario_promises(browser, demo, patient, words):
    """The hook answers, signed call and all."""
    text = chart(browser, demo[1], patient)
    assert words in text and "answered 200 in" in text and "can't be rea" not in text


def test_the_button_of_the_card_opens_its_explanation(browser, demo):
    """EHR launch with appContext: the page says which card it explains, of the right patient."""
    vigil, ehr = demo
    answer = launched(browser, ehr, vigil, chart(browser, ehr, "sepsis"), "Explain this estimate")
    assert (
        answer.status_code == 200
        and answer.url.startswith(f"{vigil}/l/")
        and "Samplewood, Juniper" in answer.text
    )
    assert "explains the card" in answer.text
    assert f"frame-ancestors {ehr}" in answer.headers["Content-Security-Policy"]


def test_the_app_opens_without_a_card(browser, demo):
    """The plain button launches without appContext."""
    vigil, ehr = demo
    answer = launched(browser, ehr, vigil, chart(browser, ehr, "copd"), "Open Vigil")
    assert answer.status_code == 200 and "Pretendergast, Laurel" in answer.text


def test_a_dismissal_reaches_vigil(browser, demo):
    """Feedback is signed and accepted."""
    text = chart(browser, demo[1], "haemorrhage")
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', text))
    page = browser.post(
        f"{demo[1]}/chart/haemorrhage/feedback", data=fields | {"reason": "known"}, timeout=10
    )
    assert "Dismissed (Already known or being treated), and Vigil has been told." in page.text


def test_a_busy_port_is_one_sentence_and_exit_code_1(tmp_path):
    """Nothing is started."""
    port, ehr_port = free_ports()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ehr_port))
        taken.listen()
        process = start(tmp_path, port, ehr_port)
        out, errors = process.communicate(timeout=20)
    assert process.returncode == 1 and out == "" and errors.count("\n") == 1
    assert (
        f"Port {ehr_port} can't be used" in errors and "--ehr-port" in errors and not is_busy(port)
    )


def test_when_one_server_dies_the_other_is_stopped_and_it_is_said(tmp_path):
    """Never half a demonstration."""
    port, ehr_port = free_ports()
    process = start(tmp_path, port, ehr_port)
    assert process.stdout.readline()
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        process.terminate()
        absent("needs /proc to find the children")
    os.killpg(int(children.read_text().split()[0]), signal.SIGKILL)
    _, errors = process.communicate(timeout=30)
    assert (
        process.returncode == 1
        and "Vigil has ended (exit code -9), so the demonstration stops." in errors
    )
    assert gone(port, ehr_port)


def test_broken_physionet_data_stop_the_start(tmp_path):
    """File and line, before any server starts."""
    from demo.run import run

    (tmp_path / "1.txt").write_text("Time,Parameter,Value\n00:00;HR;80\n")
    port, ehr_port = free_ports()
    assert run(port, ehr_port, tmp_path, folder=tmp_path / "var") == 1
    assert run(port, port, folder=tmp_path / "var") == 1
    assert not (tmp_path / "var").exists()
