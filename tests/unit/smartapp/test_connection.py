"""What a requests Session may do once it is bound: ask allowed URLs, within one time for all, and
nothing else.
"""

import pytest
import requests

from ehr.http import Answer, OutgoingError
from smartapp.launching import connection
from smartapp.launching.connection import LARGEST_ANSWER, TOTAL_SECONDS, Refused, bind

URL = "https://ehr.example.org/token"


class Server:
    """Stands for Outgoing: gives one answer, or raises it, and keeps what was asked."""

    def __init__(self):
        self.answer, self.asked = Answer(200, b'{"access_token": "t"}'), []

    def request(self, *asked):
        self.asked.append(asked)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(connection.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def server(clock):
    return Server()


@pytest.fixture
def session(server):
    with requests.Session() as made:
        yield bind(made, server, lambda url: url == URL)


def test_a_form_is_posted_and_its_answer_read(session, server):
    """Method, headers and body are the caller's; the limits are ours, whatever the caller's."""
    answer = session.post(URL, data={"a": "b c"}, headers={"Accept": "x"}, timeout=900, stream=True)
    assert answer.status_code == 200 and answer.json() == {"access_token": "t"}
    method, url, headers, body, deadline, limit = server.asked[0]
    assert (method, url, body) == ("POST", URL, "a=b+c") and headers["Accept"] == "x"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert (deadline, limit) == (100.0 + TOTAL_SECONDS, LARGEST_ANSWER)


def test_the_time_is_one_for_all(session, server, clock):
    """It runs from the binding."""
    session.get(URL)
    clock[0] += 10
    session.get(URL)
    assert {asked[4] for asked in server.asked} == {100.0 + TOTAL_SECONDS}


@pytest.mark.parametrize("url", [URL + "/", URL + "?a", "http://ehr.example.org/token"])
def test_another_url_is_not_asked(session, server, url):
    """Compared as the caller of `bind` says."""
    with pytest.raises(Refused):
        session.post(url, data={"code": "c"})
    assert server.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nothing_is_followed(session, server, status):
    """Not even to an allowed URL: a credential is sent once."""
    server.answer = Answer(status, b"")
    assert session.post(URL, data={"code": "c"}).status_code == status and len(server.asked) == 1


def test_a_fault_is_a_requests_error(session, server):
    """So that authlib's callers meet one kind."""
    server.answer = OutgoingError("timeout")
    with pytest.raises(requests.RequestException, match="^timeout$"):
        session.post(URL)


def test_the_environment_adds_nothing(session, server, monkeypatch, tmp_path):
    """No netrc login, no proxy."""
    (tmp_path / ".netrc").write_text("machine ehr.example.org login a password b\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.org:3128")
    session.post(URL)
    assert "Authorization" not in server.asked[0][2]
