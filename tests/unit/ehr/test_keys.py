"""How long the keys of a set are kept, and what is done while it can't be read (A4, A8)."""

import json
import threading
import time

import pytest
from joserfc.jwk import ECKey

from ehr import key_store, keys
from ehr.http import Answer, OutgoingError

KEYS = {name: ECKey.generate_key("P-384", {"kid": name}).as_dict(private=False) for name in "ab"}
URL = "https://keys.example.org/jwks"


class Server:
    """Stands for Outgoing: publishes keys, or fails with a word, and counts."""

    def __init__(self):
        self.asked, self.fault, self.status = 0, None, 200
        self.publish("a")

    def publish(self, names):
        self.body = json.dumps({"keys": [KEYS[name] for name in names]}).encode()

    def get(self, *_):
        self.asked += 1
        if self.fault:
            raise OutgoingError(self.fault)
        return Answer(self.status, self.body)


@pytest.fixture
def now(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(keys.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def server():
    return Server()


@pytest.fixture(autouse=True)
def beside(monkeypatch):
    """What is read beside a call is read at once, unless a test says otherwise."""

    class AtOnce:
        def __init__(self, target, args, daemon):
            self.start = lambda: target(*args)

    monkeypatch.setattr(keys.threading, "Thread", AtOnce)


@pytest.fixture
def sets(server, now):
    return keys.KeySets(server)


def kids(held):
    return [key.kid for key in held.keys.keys]


@pytest.mark.rule("A8")
def test_a_set_is_read_once_in_ten_minutes(sets, server, now):
    for _ in range(5):
        assert kids(sets.held(URL)) == ["a"]
    now[0] += 590
    assert kids(sets.held(URL)) == ["a"] and server.asked == 1
    now[0] += 20
    assert kids(sets.held(URL)) == ["a"] and server.asked == 2


@pytest.mark.rule("A8")
@pytest.mark.rule("R108")
def test_a_token_of_unknown_keys_renews_a_set_once_in_thirty_seconds(sets, server, now):
    sets.held(URL)
    server.publish("ab")
    for _ in range(40):
        assert kids(sets.renewed(URL)) == ["a"]
    assert server.asked == 1
    now[0] += 31
    assert kids(sets.renewed(URL)) == ["a", "b"] and server.asked == 2


@pytest.mark.rule("A8")
@pytest.mark.parametrize("fault", ["timeout", "status 500", "no key set", "certificate"])
def test_old_keys_serve_while_a_set_cannot_be_read_and_the_reason_is_said(sets, server, now, fault):
    sets.held(URL)
    if fault == "status 500":
        server.status = 500
    elif fault == "no key set":
        server.body = b"<html>"
    else:
        server.fault = fault
    now[0] += 700
    for _ in range(5):
        found = sets.held(URL)
        assert kids(found) == ["a"] and found.fault == fault
    assert server.asked == 2


@pytest.mark.rule("A4")
def test_keys_die_after_24_hours_even_if_the_key_server_is_away(server, now):
    sets, strict = keys.KeySets(server), keys.KeySets(server, hours=1)
    assert kids(sets.held(URL)) == kids(strict.held(URL)) == ["a"]
    server.fault = "connection"
    now[0] += 3700
    assert kids(sets.held(URL)) == ["a"] and kids(strict.held(URL)) == []
    now[0] += 23 * 3600
    assert kids(sets.held(URL)) == [] and sets.held(URL).fault == "connection"


@pytest.mark.rule("A4")
@pytest.mark.parametrize("revoked", ["", b'{"keys": [{"kty": "oct", "k": "AA"}]}'])
def test_a_set_without_a_usable_key_revokes_at_once(sets, server, now, revoked):
    sets.held(URL)
    if revoked:
        server.body = revoked
    else:
        server.publish("")
    now[0] += 31
    assert kids(sets.renewed(URL)) == [] and kids(sets.held(URL)) == []
    assert sets.held(URL).fault is None


def test_a_set_that_was_never_read_is_tried_again_after_five_seconds(sets, server, now):
    server.fault = "timeout"
    assert sets.held(URL).fault == "timeout"
    assert kids(sets.held(URL)) == [] and server.asked == 1
    server.fault = None
    now[0] += 6
    assert kids(sets.held(URL)) == ["a"]


def test_a_file_is_a_key_set_too(sets, tmp_path, server):
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [KEYS["b"]]}))
    assert kids(sets.held(tmp_path / "jwks.json")) == ["b"]
    assert "file" in sets.held(tmp_path / "none.json").fault
    (tmp_path / "large.json").write_bytes(b" " * (keys.LARGEST_SET + 1))
    assert sets.held(tmp_path / "large.json").fault == "too large"
    assert server.asked == 0


class Hanging(Server):
    """Answers when it is told to; `called` says that somebody asked."""

    def __init__(self):
        super().__init__()
        self.called, self.go = threading.Event(), threading.Event()

    def get(self, *given):
        self.called.set()
        assert self.go.wait(20)
        return super().get(*given)


@pytest.mark.rule("A8", "G9")
def test_a_hanging_key_server_delays_no_call_whose_keys_are_held(now, monkeypatch):
    """The set is read beside the call, once, and its new keys serve when they are there."""
    monkeypatch.undo()
    clock = [1000.0]
    monkeypatch.setattr(keys.time, "monotonic", lambda: clock[0])
    server = Hanging()
    server.go.set()
    sets = keys.KeySets(server)
    sets.held(URL)
    server.go.clear()
    server.called.clear()
    server.publish("ab")
    clock[0] += 700
    for _ in range(5):
        assert kids(sets.held(URL)) == ["a"]
    assert server.called.wait(20) and server.asked == 1
    server.go.set()
    # Whoever needs other keys waits for that one reading and gets its keys.
    assert kids(sets.renewed(URL)) == ["a", "b"] and server.asked == 2


@pytest.mark.rule("A4", "G9")
def test_a_start_while_the_key_server_is_down_uses_the_last_set(server, tmp_path, now):
    folder = tmp_path / "key-sets"
    keys.KeySets(server, folder=folder).held(URL)
    (kept,) = (tmp_path / "key-sets").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600 and "example" not in kept.name
    server.fault = "connection"
    later = keys.KeySets(server, folder=folder).held(URL)
    assert kids(later) == ["a"]


@pytest.mark.rule("A4")
@pytest.mark.parametrize(
    "hours, found, why",
    [(23, ["a"], "connection"), (25, [], "connection"), (-1, [], "connection"), (0.1, ["a"], None)],
)
def test_a_set_from_disk_is_as_old_as_its_reading(
    server, tmp_path, now, monkeypatch, hours, found, why
):
    """It dies with its age; a fresh one is not asked for again; a clock before it proves nothing."""
    folder = tmp_path
    keys.KeySets(server, folder=folder).held(URL)
    server.fault = "connection"
    wall = time.time()
    monkeypatch.setattr(key_store.time, "time", lambda: wall + hours * 3600)
    held = keys.KeySets(server, folder=folder).held(URL)
    assert (kids(held), held.fault) == (found, why)


@pytest.mark.rule("A4")
def test_what_an_empty_set_revoked_stays_revoked_over_a_restart(server, tmp_path, now):
    folder = tmp_path
    sets = keys.KeySets(server, folder=folder)
    sets.held(URL)
    server.publish("")
    now[0] += 31
    sets.renewed(URL)
    server.fault = "connection"
    assert kids(keys.KeySets(server, folder=folder).held(URL)) == []


def test_a_damaged_file_or_a_full_disk_costs_nothing_but_the_copy(server, tmp_path, now):
    folder = tmp_path / "sets"
    keys.KeySets(server, folder=folder).held(URL)
    (kept,) = (tmp_path / "sets").iterdir()
    kept.write_bytes(b"\x93 nothing")
    assert kids(keys.KeySets(server, folder=folder).held(URL)) == ["a"]
    (tmp_path / "file").write_text("")
    assert kids(keys.KeySets(server, folder=tmp_path / "file").held(URL)) == ["a"]


def test_a_set_tells_how_it_is(sets, server, now):
    """Not needed, read, unreadable while its keys serve, and unreadable without any left."""
    assert (sets.state(URL).state, sets.state(URL).since) == ("ok", None)
    sets.held(URL)
    assert (sets.state(URL).state, sets.state(URL).since) == ("ok", 1000.0)
    server.fault, now[0] = "timeout", 2000.0
    sets.held(URL)
    told = sets.state(URL)
    assert (told.state, told.since, told.why) == ("degraded", 1000.0, "can't be read: timeout")
    now[0] += 24 * 3600
    assert sets.state(URL).state == "down"
    server.fault = None
    sets.held(URL)
    assert (sets.state(URL).state, sets.state(URL).since) == ("ok", now[0])


def test_a_set_that_was_never_read_is_down(sets, server, now):
    """And has no age."""
    server.fault = "connection"
    sets.held(URL)
    told = sets.state(URL)
    assert (told.state, told.since, told.why) == ("down", None, "can't be read: connection")
