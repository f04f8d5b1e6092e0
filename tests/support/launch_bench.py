"""A working Vigil for the SMART tests: the blueprint alone, an embedded Redis, one SmallEhr;
each test breaks one thing.
"""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

import redis
from flask import Flask

from cdshooks.delivering.quiet import PageQuiet
from ehr.fetch import Fhir
from ehr.http import Outgoing
from ehr.keys import KeySets
from models.fitted.registry import load_models
from runtime import logs, web
from runtime.audit.log import Audit
from runtime.settings import Settings
from runtime.settings_file import settings_from
from runtime.signing_key import signing_keys
from smartapp.cookies import cookie_name
from smartapp.session import Session, Sessions, Ticket
from smartapp.views import create_blueprint
from tests.support.small_ehr import SmallEhr

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = "https://vigil.example.org"


champions = lru_cache(load_models)


def log_lines(folder: Path) -> Callable[[], list[dict]]:
    """Have the log written to memory, and return a reader of its lines so far."""
    stream = io.StringIO()
    logs.configure(folder, stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


class FakeStore:
    """The Redis commands that launches and sessions use, in a dict; `down` makes every one fail."""

    def __init__(self):
        self.data: dict[str, tuple[bytes, int]] = {}
        self.down = False

    def set(self, key, value, ex=None, nx=False, xx=False, px=None):
        self._check()
        if (nx and key in self.data) or (xx and key not in self.data):
            return None
        self.data[key] = (value.encode() if isinstance(value, str) else value, ex or px)
        return True

    def mget(self, keys):
        return [self.get(key) for key in keys]

    def pipeline(self, transaction):
        return FakePipeline(self)

    def get(self, key):
        self._check()
        return self.data.get(key, (None,))[0]

    def expire(self, key, seconds):
        self._check()
        if key in self.data:
            self.data[key] = (self.data[key][0], seconds)

    def delete(self, key):
        self._check()
        self.data.pop(key, None)

    def session_seconds(self):
        """Return for each session how long it is kept."""
        return [kept[1] for key, kept in self.data.items() if key.startswith("vigil:session:")]

    def _check(self):
        if self.down:
            raise redis.ConnectionError("down")


class FakePipeline:
    """Commands that wait for `execute`."""

    def __init__(self, store):
        self.store, self.waiting = store, []

    def __len__(self):
        return len(self.waiting)

    def set(self, key, value, px):
        self.waiting.append(lambda: self.store.set(key, value, px=px))

    def delete(self, key):
        self.waiting.append(lambda: self.store.delete(key))

    def execute(self):
        for command in self.waiting:
            command()


class Bench:
    """An app, its parts, and the steps of a launch."""

    def __init__(
        self,
        folder: Path,
        ehr: SmallEhr,
        store=None,
        missing=(),
        trial=None,
        second: dict | None = None,
        **record,
    ):
        self.ehr = ehr
        base = {
            "id": "test",
            "fhir_base": [ehr.iss],
            "hook_auth": "open",
            "smart_client_id": "vigil-1",
            "frame_ancestors": ["https://ehr.example.org"],
            **ehr.shape.record,
        }
        other = {
            "id": "other",
            "fhir_base": ["https://other.example.org/fhir"],
            "hook_auth": "open",
            "smart_client_id": "vigil-2",
            "frame_ancestors": ["https://other.example.org"],
        }
        self.settings: Settings = settings_from(
            {
                "public_url": PUBLIC,
                "ehr": [base | record, other | (second or {})],
                "base_dir": str(folder),
                "data_dir": ".",
                "trial": trial,
            }
        )
        self.store = store or FakeStore()
        self.audit = Audit(folder / "audit.db")
        keys = signing_keys(folder)
        self.key = keys[0]
        ehr.client_key = self.key.as_dict(private=False)
        self.models = [model for model in champions() if model.id.name not in missing]
        self.time: datetime | None = None
        self.app = Flask("vigil", root_path=str(ROOT))
        web.install(self.app, self.settings)
        outgoing = Outgoing()
        keysets, fhir = KeySets(outgoing), Fhir(outgoing, self.settings)
        self.app.register_blueprint(
            create_blueprint(
                self.settings,
                self.models,
                self.store,
                self.audit,
                Outgoing(),
                keysets,
                fhir,
                keys,
                self.now,
                PageQuiet(self.store, self.now),
                missing,
            )
        )

    def now(self) -> datetime:
        """Return the clock's time; tests set `time`."""
        return self.time or datetime.now(UTC)

    def browser(self):
        """Return a fresh browser."""
        return Browser(self)


class Browser:
    """One browser with its cookies."""

    def __init__(self, bench: Bench):
        self.bench = bench
        self.client = bench.app.test_client()
        self.cookies_set: list[str] = []

    def get(self, path: str, **options):
        """GET a path of Vigil over https."""
        answer = self.client.get(path, base_url=PUBLIC, **options)
        self.cookies_set += answer.headers.getlist("Set-Cookie")
        return answer

    def post(self, path: str, **options):
        """POST to a path of Vigil over https."""
        answer = self.client.post(path, base_url=PUBLIC, **options)
        self.cookies_set += answer.headers.getlist("Set-Cookie")
        return answer

    def launch(self, launch: str = "xyz", headers: dict | None = None, **more) -> str:
        """Begin an EHR launch and return the authorization URL."""
        query = {"iss": self.bench.ehr.iss, "launch": launch} | more
        answer = self.get("/launch", query_string=query, headers=headers)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def sign_in(self) -> str:
        """Launch, agree, and return the path of the explanation page."""
        answer = self.callback(self.bench.ehr.approve(self.launch()))
        assert answer.status_code == 303, answer.text
        return urlsplit(answer.headers["Location"]).path

    def session(self, place: str) -> Session | None:
        """Return the live session behind the path of an explanation page."""
        handle = place.strip("/").rpartition("/")[2]
        cookie = self.client.get_cookie(
            cookie_name("session", handle), urlsplit(PUBLIC).hostname or ""
        )
        secret = cookie.value.partition(".")[2] if cookie else ""
        agent = self.client.environ_base.get("HTTP_USER_AGENT", "")
        return Sessions(self.bench.store).find(Ticket(handle, secret, agent), self.bench.now())

    def callback(self, parameters: dict):
        """Come back from the EHR with these parameters."""
        return self.get("/callback", query_string=parameters)
