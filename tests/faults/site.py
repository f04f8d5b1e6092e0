"""A Vigil of its own for each fault: `vigil serve` with two workers, its folder, port and Redis;
calls as its EHR makes them.
"""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from joserfc import jwt

from tests.support.hookcall import FHIR, ISSUER, KEYS, SERVICE, SICK, bundle, observations, patient
from tests.support.served import ROOT, free_port

HOST = "127.0.0.1"
START_SECONDS, CALL_SECONDS = 60.0, 30.0
TRUSTED = f"""
[[ehr]]
id = "ehr"
fhir_base = ["{FHIR}"]
quiet_hours = 0
hook_issuer = "{ISSUER}"
hook_jwks_file = "jwks.json"
"""


class Answer(NamedTuple):
    """What a call got: `status` 0 where the connection failed, times in seconds."""

    status: int
    sent: list[tuple[str, str]]
    body: bytes
    began: float
    seconds: float
    instance: str

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers by name; of one that came twice the last."""
        return dict(self.sent)

    @property
    def cards(self) -> list[dict[str, Any]]:
        """Return the cards of a good answer."""
        return json.loads(self.body)["cards"]


class Site:
    """`settings` go before the records of the configuration, `records` after that of the EHR with
    pinned keys; `environment` is added to that of the processes.
    """

    def __init__(self, folder: Path, settings: str = "", records: str = "", **environment: str):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, free_port()
        self.url = f"http://localhost:{self.port}"
        self.config, self.log, self.data = folder / "vigil.toml", folder / "log", folder / "data"
        keys = {"keys": [KEYS["es"].as_dict(private=False)]}
        (folder / "jwks.json").write_text(json.dumps(keys))
        self.config.write_text(
            f'public_url = "{self.url}"\ndata_dir = "data"\n{settings}\n{TRUSTED}\n{records}'
        )
        self._environment, self._seen = environment, set()
        self.start()

    def __enter__(self) -> "Site":
        return self

    def __exit__(self, *_: object) -> None:
        self._remember()
        self.end_rest()

    def start(self) -> float:
        """Start it, and return after how many seconds it answered."""
        began = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vigil", "serve", "--config", str(self.config)],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)} | self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while self.get("/cds-services").status != 200:
            late = time.monotonic() - began > START_SECONDS
            if late or self.process.poll() is not None:
                self.stop()
                raise RuntimeError(f"Vigil did not start: {self.said()[-2000:]}")
            time.sleep(0.05)
        self._remember()
        return time.monotonic() - began

    def stop(self, seconds: float = 20.0) -> int | None:
        """Stop it as an operator does, then end whatever is left; return its exit code, None for
        one that had to be killed.
        """
        self._remember()
        if self.process.poll() is None:
            self.process.terminate()
        code = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.process.wait(seconds)
        self.end_rest()
        return code

    def end_rest(self) -> None:
        """End by their ids all processes that it ever started."""
        # The master first, which would start others in their place.
        for pid, since in ((self.process.pid, _since(self.process.pid)), *self._seen):
            if since is not None and _since(pid) == since:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)

    def said(self) -> str:
        """Return what it has written to stderr."""
        return self.log.read_text("utf-8", "replace")

    def processes(self) -> list[int]:
        """Return the ids of all that its master started, at any depth."""
        found, ask = [], [self.process.pid]
        while ask:
            with contextlib.suppress(OSError):
                pid = ask.pop()
                born = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
                ask += [int(one) for one in born]
                found += [int(one) for one in born]
        return found

    def workers(self) -> list[int]:
        """Return the ids of its Python processes but the master and what keeps the audit log, the
        oldest first.
        """
        python = [pid for pid in self.processes() if "python" in _program(pid)]
        return sorted(pid for pid in python if not _keeps(pid))

    def redis(self) -> int | None:
        """Return the id of its embedded Redis."""
        return next((pid for pid in self.processes() if "valkey" in _program(pid)), None)

    def survivors(self) -> list[int]:
        """Return what it ever started, and still lives though its master does not."""
        return [pid for pid, since in self._seen if since is not None and _since(pid) == since]

    def call(self, body: bytes | None = None, token: str | None = None, **members: Any) -> Answer:
        """Make one call of the hook on a connection of its own; a failed one is told by its
        status.
        """
        self._remember()
        if body is None:
            members = {"hookInstance": str(uuid.uuid4())} | members
            body = json.dumps(request(**members)).encode()
        return self._send("POST", SERVICE, body, self.token() if token is None else token, members)

    def get(self, path: str, **headers: str) -> Answer:
        """Ask for a page."""
        return self._send("GET", path, None, "", {}, headers)

    def token(self, **claims: Any) -> str:
        """Return a fresh token of the EHR with pinned keys."""
        now = int(time.time())
        usual = {"iss": ISSUER, "aud": self.url + SERVICE, "iat": now, "exp": now + 300}
        key = claims.pop("key", KEYS["es"])
        header = {"alg": "ES384", "kid": key.kid, "typ": "JWT"}
        return jwt.encode(header, usual | {"jti": uuid.uuid4().hex} | claims, key, ["ES384"])

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another command of `vigil` with the same configuration."""
        return command(self.config, *words)

    def records(self, kind: str = "hook") -> list[dict[str, Any]]:
        """Return the audit records of a type, newest first, as an operator gets them."""
        shown = self.command("audit", "show", "--type", kind, "--limit", "1000000")
        if shown.returncode:
            raise RuntimeError(shown.stderr)
        return [json.loads(line) for line in shown.stdout.splitlines()]

    def unaudited(self, answers: list[Answer]) -> tuple[int, str]:
        """Return how many good answers have no record, and what `vigil audit verify` says if it
        fails.
        """
        verified = self.command("audit", "verify")
        known = {record["hook_instance"] for record in self.records()}
        lost = [one for one in answers if one.status == 200 and one.instance not in known]
        return len(lost), (verified.stderr or verified.stdout) if verified.returncode else ""

    def _remember(self) -> None:
        self._seen |= {(pid, _since(pid)) for pid in self.processes()}

    def _send(self, method, path, body, token, members, headers=None) -> Answer:
        sent = {"Content-Type": "application/json"} if body is not None else {}
        sent |= {"Authorization": f"Bearer {token}"} if token else {}
        began, instance = time.monotonic(), members.get("hookInstance", "")
        connection = http.client.HTTPConnection(HOST, self.port, timeout=CALL_SECONDS)
        try:
            connection.request(method, path, body, sent | (headers or {}))
            got = connection.getresponse()
            status, told, text = got.status, got.getheaders(), got.read()
        except (OSError, http.client.HTTPException) as error:
            status, told, text = 0, [], type(error).__name__.encode()
        finally:
            connection.close()
        return Answer(status, told, text, began, time.monotonic() - began, instance)


class Load:
    """Calls from so many clients at once, one after the other, or each `every` seconds, while the
    block runs; `answers` holds what came.
    """

    def __init__(self, call, clients: int = 4, every: float = 0.0):
        self.answers: list[Answer] = []
        self._call, self._every, self._stop = call, every, threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(n * every / clients,), daemon=True)
            for n in range(clients)
        ]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, first: float) -> None:
        wait = first
        while not self._stop.wait(wait):
            began = time.monotonic()
            self.answers.append(self._call())
            wait = max(0.0, self._every - (time.monotonic() - began))

    def statuses(self) -> dict[int, int]:
        """Return how many answers had which status."""
        found = [answer.status for answer in self.answers]
        return {status: found.count(status) for status in sorted(set(found))}


def request(subject: str = "p1", table: dict = SICK, **members: Any) -> dict[str, Any]:
    """Return a call about a patient whose values were taken ten minutes ago."""
    taken = (datetime.now(UTC) - timedelta(minutes=10)).isoformat()
    found = observations(table, patient=subject, effectiveDateTime=taken)
    usual = {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "fhirServer": FHIR,
        "context": {"userId": "Practitioner/d1", "patientId": subject},
        "prefetch": {
            "patient": patient(id=subject),
            "vitals": bundle(found),
            "labs": bundle([]),
        },
    }
    return {name: value for name, value in (usual | members).items() if value is not ...}


def command(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `vigil` with a configuration."""
    return subprocess.run(
        [sys.executable, "-m", "vigil", *words, "--config", str(config)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def percentile(answers: list[Answer], share: float) -> float:
    """Return the seconds within which this share of the calls was answered."""
    times = sorted(answer.seconds for answer in answers)
    return times[min(len(times) - 1, int(share * len(times)))] if times else 0.0


def until(holds, seconds: float) -> float | None:
    """Return after how many seconds something held, None if it did not in time."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if holds():
            return time.monotonic() - began
        time.sleep(0.05)
    return None


def _program(pid: int) -> str:
    with contextlib.suppress(OSError):
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    return ""


def _keeps(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"keeper" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return True


def _since(pid: int) -> str | None:
    """Return when a process began, which tells it from a later one of the same id; None for none
    or a dead one.
    """
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[19] if fields[0] != "Z" else None
    return None
