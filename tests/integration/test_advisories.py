"""`make audit` never calls unchecked packages safe (F8): against sources that are made up, on loopback."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What every source knows of; and what this one may know of besides.
OLD, LOCKED = ("jinja2", "2.10"), "certifi"


class Source(BaseHTTPRequestHandler):
    """An advisory source with the interface of OSV; `server.knows` says of a release whether it is weak."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name, version = asked["package"]["name"], asked["version"]
        weak = self.server.knows(name, version)
        answer = json.dumps({"vulns": [advisory(name)]} if weak else {}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        """Say nothing."""


def advisory(name: str) -> dict:
    """Return an advisory about all releases of a package."""
    versions = {"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}
    about = {"package": {"name": name, "ecosystem": "PyPI"}, "ranges": [versions]}
    return {"id": "CVE-2026-1", "modified": "2026-01-01T00:00:00Z", "affected": [about]}


@pytest.fixture
def source():
    """A source that knows nothing, until told otherwise."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Source) as server:
        server.knows = lambda name, version: False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def asked(port: int) -> subprocess.CompletedProcess:
    """Return what the script says when the source listens on a port."""
    options = ["-s", "osv", "--osv-url", f"http://127.0.0.1:{port}/"]
    return subprocess.run(
        [ROOT / "deploy" / "advisories", *options],
        env=os.environ | {"PYTHON": sys.executable, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
    )


@pytest.mark.rule("F8")
def test_a_source_that_answers_decides(source):
    """Nothing known: 0. A locked release that it knows to be weak: 1, by name."""
    source.knows = lambda name, version: (name, version) == OLD
    clean = asked(source.server_port)
    assert clean.returncode == 0 and "NOT CHECKED" not in clean.stderr, clean.stderr
    source.knows = lambda name, version: (name, version) == OLD or name == LOCKED
    found = asked(source.server_port)
    assert found.returncode == 1 and LOCKED in found.stdout, found.stderr


@pytest.mark.rule("F8")
def test_without_a_source_nothing_was_checked(source):
    """One that knows nothing, or that is not there, gives 3 and a sentence, and no "No known vulnerabilities"."""
    port = source.server_port
    for silent in (asked(port), asked(1)):
        assert silent.returncode == 3 and "NOT CHECKED" in silent.stderr
        assert "No known" not in silent.stdout + silent.stderr
