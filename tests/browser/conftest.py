"""The whole product in a real browser: `vigil demo` as a user starts it, and the machine's
Chromium through Playwright.
"""

import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.absent import absent

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="session")
def demo_url():
    """Start the demonstration on free ports and give the page that it prints; afterwards it has
    to stop cleanly.
    """
    command = [
        sys.executable,
        "-m",
        "vigil",
        "demo",
        "--port",
        str(free_port()),
        "--ehr-port",
        str(free_port()),
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    line = _line(process, 60)
    found = re.fullmatch(r"Open (http://\S+)\n", line)
    assert found, f"the demonstration printed {line!r}"
    yield found[1]
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=20)[0]
    assert (process.returncode, rest) == (0, "")


@pytest.fixture(scope="session")
def chromium_path():
    """Give the machine's Chromium; without one skip by name, and fail where CI=true."""
    path = os.environ.get("VIGIL_CHROMIUM") or next(
        (found for name in NAMES if (found := shutil.which(name))), None
    )
    if path is None:
        absent("needs Chromium: apt-get install chromium, or set VIGIL_CHROMIUM")
    return path


@pytest.fixture(scope="session")
def chromium(chromium_path):
    """Give a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def profiled(chromium, chromium_path, tmp_path):
    """Give a builder of browsers with settings of a user's own, as Chromium's Preferences hold
    them, and flags.
    """
    opened = []

    def build(preferences: dict, *flags: str):
        folder = tmp_path / f"profile-{len(opened)}"
        (folder / "Default").mkdir(parents=True)
        (folder / "Default" / "Preferences").write_text(json.dumps(preferences))
        opened.append(
            chromium.browser_type.launch_persistent_context(
                folder, executable_path=chromium_path, args=[*FLAGS, *flags], headless=True
            )
        )
        return opened[-1]

    yield build
    for context in opened:
        context.close()


@pytest.fixture
def page(chromium):
    """Give a page that fails its test on a script error, a refused policy or a request that
    leaves this machine.
    """
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console", lambda message: faults.append(message.text) if message.type == "error" else None
    )
    page.on(
        "request",
        lambda r: (
            faults.append(r.url)
            if not re.match(r"(https?://(localhost|127\.0\.0\.1)[:/]|data:|about:)", r.url)
            else None
        ),
    )
    yield page
    context.close()
    assert not faults


def _line(process: subprocess.Popen, seconds: float) -> str:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if select.select([process.stdout], [], [], 0.5)[0]:
            return process.stdout.readline()
        assert process.poll() is None, "the demonstration ended by itself"
    process.kill()
    return "nothing in time"
