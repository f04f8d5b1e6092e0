"""The reads of one call: what keeps them short while a server is down (C5), and where a `next`
link may lead (C2, R53).
"""

from functools import partial

import pytest

from ehr import breaker, fetch
from ehr.fetch import Fetch, FetchError, Fhir, inside, linked
from ehr.http import Answer, OutgoingError
from runtime.settings_file import settings_from

BASE = "https://fhir.example.org/r4"
BUDGET = 0.8


class Server:
    """Stands for Outgoing: answers by `says`, takes `seconds` of the clock, and remembers the
    URLs.
    """

    def __init__(self, clock):
        self.clock, self.says, self.seconds, self.asked = clock, "timeout", 0.0, []

    def get(self, url, headers, deadline, limit):
        self.asked.append(url)
        self.clock[0] = min(self.clock[0] + self.seconds, deadline)
        if isinstance(self.says, str):
            raise OutgoingError(self.says)
        return Answer(self.says, b"{}")


@pytest.fixture
def clock(monkeypatch):
    """A monotonic clock that stands still."""
    now = [1000.0]
    for module in (fetch, breaker):
        monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def server(clock):
    return Server(clock)


@pytest.fixture
def fhir(server):
    ehr = {"id": "a", "fhir_base": [BASE], "smart_client_id": "v"}
    return Fhir(server, settings_from({"public_url": "https://vigil.example.org", "ehr": [ehr]}))


def ask(fhir: Fhir, budget: float = BUDGET) -> str:
    return tried(fhir.start(BASE, "token", budget))


def tried(reads: Fetch, query: str = "Patient/1") -> str:
    try:
        reads.read(query)
    except FetchError as error:
        return str(error)
    return "read"


@pytest.mark.rule("C5")
def test_a_server_that_is_down_is_left_alone_for_a_while(fhir, server, clock):
    """Five failures open the breaker; after ten seconds one read is let through to try, and no
    other.
    """
    server.says = "connection"
    assert [ask(fhir) for _ in range(8)] == ["connection"] * 5 + ["server is down"] * 3
    clock[0] += 11
    assert [ask(fhir) for _ in range(3)] == ["connection", "server is down", "server is down"]
    assert len(server.asked) == 6


def test_the_try_that_succeeds_closes_the_breaker(fhir, server, clock):
    """Then five failures are needed again."""
    server.says = "connection"
    assert [ask(fhir) for _ in range(6)][-1] == "server is down"
    clock[0], server.says = clock[0] + 11, 200
    assert [ask(fhir) for _ in range(2)] == ["read"] * 2
    server.says = "connection"
    assert [ask(fhir) for _ in range(6)] == ["connection"] * 5 + ["server is down"]


@pytest.mark.rule("C5")
def test_a_server_that_is_left_alone_is_seen(fhir, server, clock):
    """From the fifth failure, through tries that fail, until one succeeds."""
    server.says = "connection"
    assert [ask(fhir) for _ in range(4)] and fhir.state([BASE]).state == "ok"
    ask(fhir)
    assert (fhir.state([BASE]).state, fhir.state([BASE]).since) == ("down", 1000.0)
    assert fhir.state(["https://other.example.org"]).state == "ok"
    clock[0] += 11
    ask(fhir)
    assert (fhir.state([BASE]).state, fhir.state([BASE]).since) == ("down", 1000.0)
    clock[0], server.says = clock[0] + 11, 200
    ask(fhir)
    assert fhir.state([BASE]).state == "ok"
    server.says = "connection"
    assert [ask(fhir) for _ in range(5)] and fhir.state([BASE]).since == clock[0]


@pytest.mark.parametrize("answer", [200, 401, 403, 404, 429])
@pytest.mark.rule("C5")
def test_an_answer_between_failures_clears_the_count(fhir, server, answer):
    """Failures that were followed by an answer, a refusal included, do not open the breaker."""
    for _ in range(3):
        server.says = "timeout"
        assert [ask(fhir) for _ in range(4)] == ["timeout"] * 4
        server.says = answer
        assert ask(fhir) != "server is down"


@pytest.mark.parametrize(
    ("says", "opens"),
    [
        ("timeout", True),
        ("connection", True),
        ("name", True),
        ("certificate", True),
        ("protocol", True),
        (500, True),
        (503, True),
        ("too large", False),
        (404, False),
    ],
)
def test_what_counts_as_a_failure_of_the_server(fhir, server, says, opens):
    """One patient's large chart or missing resource does not shut the door for the others."""
    server.says = says
    asked = [ask(fhir) for _ in range(6)]
    assert (asked[-1] == "server is down") is opens
    assert asked[0] == (f"status {says}" if isinstance(says, int) else says)


def test_a_timeout_in_the_rest_of_a_budget_says_nothing_of_the_server(fhir, server):
    """Earlier reads used the budget up; the server was hardly asked."""
    for _ in range(6):
        server.says, server.seconds = 200, 0.75
        reads = fhir.start(BASE, "token", BUDGET)
        assert tried(reads) == "read"
        server.says, server.seconds = "timeout", 1.0
        assert [tried(reads) for _ in range(6)] == ["timeout"] * 6


def test_a_server_too_slow_for_a_hook_is_not_down_for_the_page(fhir, server):
    """Each budget has its own count."""
    assert [ask(fhir) for _ in range(6)][-1] == "server is down"
    server.says = 200
    assert [ask(fhir), ask(fhir, 15.0)] == ["server is down", "read"]


@pytest.mark.parametrize("status", [401, 403, 404, 410, 500, 503])
def test_an_error_tells_the_status(fhir, server, status):
    """A caller can tell a refused token from a missing resource and a fault."""
    server.says = status
    with pytest.raises(FetchError, match=f"^status {status}$") as caught:
        fhir.start(BASE, "token", BUDGET).read("Patient/1")
    assert caught.value.status == status


def test_without_an_answer_there_is_no_status(fhir):
    """A timeout has none."""
    with pytest.raises(FetchError) as caught:
        fhir.start(BASE, "token", BUDGET).read("Patient/1")
    assert caught.value.status is None


@pytest.mark.parametrize("token", ["a\nb", "a\r\nX: y", "é", "a\x00"])
def test_a_token_that_no_header_holds_is_not_the_servers_fault(fhir, server, token):
    """It is refused before anything is asked, so it opens no breaker."""
    with pytest.raises(FetchError, match="token unusable"):
        fhir.start(BASE, token, BUDGET)
    assert server.asked == []


@pytest.mark.rule("C3")
def test_at_most_twenty_pages_are_read_in_a_call(fhir, server):
    """First pages and further ones together (C3)."""
    server.says = 200
    reads = fhir.start(BASE, "token", BUDGET)
    assert [tried(reads, f"Observation?page={n}") for n in range(22)] == ["read"] * 20 + [
        "too many pages"
    ] * 2
    assert len(server.asked) == 20


def test_several_reads_go_on_at_the_same_time(fhir, server):
    """Their results come back by the caller's names."""
    server.says = 200
    reads = fhir.start(BASE, "token", BUDGET)
    queries = {"a": "Patient/1", "b": "Observation?x=1"}
    found = reads.gather({name: partial(reads.read, query) for name, query in queries.items()})
    assert {name: page.url for name, page in found.items()} == {
        name: f"{BASE}/{query}" for name, query in queries.items()
    }


PAGE = f"{BASE}/Observation?patient=p1&_count=200"
NEXT = f"{BASE}/Observation?page=2"


@pytest.mark.parametrize(
    ("link", "url"),
    [
        (NEXT, NEXT),
        ("?page=2", NEXT),
        ("Observation?page=2", NEXT),
        ("./Observation?page=2", NEXT),
        ("../r4/Observation?page=2", NEXT),
        ("../../r4/./x/../Observation?page=2", NEXT),
        ("/r4/Observation?page=2", NEXT),
        ("//fhir.example.org/r4/Observation?page=2", NEXT),
        ("HTTPS://FHIR.example.org:443/r4/Observation?page=2", None),
        ("?page=2#top", NEXT),
        (f"{BASE}?_getpages=a1b2&_getpagesoffset=200", None),
        (f"{BASE}/?_getpages=a1b2", None),
        ("../r4?_getpages=a1b2", f"{BASE}?_getpages=a1b2"),
        ("Observation/page/abc..def", f"{BASE}/Observation/page/abc..def"),
        (
            "?code=http://loinc.org|8867-4&page=2",
            f"{BASE}/Observation?code=http://loinc.org%7C8867-4&page=2",
        ),
        (
            "?code=http%3A%2F%2Floinc.org%7C8867-4&page=2",
            f"{BASE}/Observation?code=http%3A%2F%2Floinc.org%7C8867-4&page=2",
        ),
        ("?ct=%5B%7B%22token%22%3A%22%2BRID~a%22%7D%5D", None),
        ("?name=Zoë", f"{BASE}/Observation?name=Zo%C3%AB"),
    ],
)
@pytest.mark.rule("R53")
def test_a_next_link_is_followed_in_every_form(link, url):
    """RFC 3986, section 5.2: resolved against the page in which it stands."""
    found = linked(PAGE, link, BASE)
    assert found == url if url else inside(found, BASE)


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example.org/r4/Observation?page=2",
        "//evil.example.org/r4/Observation?page=2",
        "http://fhir.example.org/r4/Observation?page=2",
        "https://fhir.example.org:8443/r4/Observation?page=2",
        "https://user@fhir.example.org/r4/Observation?page=2",
        "https://:word@fhir.example.org/r4/Observation?page=2",
        "https://fhir.example.org@evil.example.org/r4/x",
        "https://fhir.example.org.evil.example.org/r4/x",
        "https://fhir.example.org./r4/x",
        "https:/\\evil.example.org/r4/x",
        "/admin?page=2",
        "../admin",
        "../../../r4x/Observation",
        "/r4/%2e%2e/admin",
        "/r4/.%2E/admin",
        "/r4/..%2fadmin",
        "/r4/..%5cadmin",
        "/r4/..;x=1/admin",
        f"{BASE}/../admin",
        f"{BASE}evil/x",
        "/r4/a b",
        "/r4/\nx",
        "\t?page=2",
        "?page=2 ",
        "/r4\\x",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "urn:uuid:5d2f6a1e-0000-4000-8000-000000000001",
        "http://[::1",
        "https://fhir.example.org:99999/r4/x",
        "https://fhír.example.org/r4/x",
    ],
)
@pytest.mark.rule("C2")
@pytest.mark.rule("R53")
def test_a_next_link_that_leaves_the_base_is_refused(link):
    """Neither the token nor a request goes to another server, or to another part of this one."""
    with pytest.raises(FetchError, match="link leaves the server"):
        linked(PAGE, link, BASE)


def test_a_followed_page_is_what_the_next_link_is_relative_to(fhir, server):
    """Each page gives its URL."""
    server.says = 200
    reads = fhir.start(BASE, "token", BUDGET)
    first = reads.follow(reads.url("Observation?patient=p1"), "pages/one/2")
    second = reads.follow(first.url, "3")
    assert (
        server.asked
        == [first.url, second.url]
        == [
            f"{BASE}/pages/one/2",
            f"{BASE}/pages/one/3",
        ]
    )


@pytest.mark.parametrize("link", ["", "#top", "?patient=p1", "Observation?patient=p1"])
def test_a_page_that_leads_to_itself_is_a_loop(fhir, server, link):
    """An empty reference is the page itself (RFC 3986, 4.4)."""
    server.says = 200
    reads = fhir.start(BASE, "token", BUDGET)
    with pytest.raises(FetchError, match="link is a loop"):
        reads.follow(reads.url("Observation?patient=p1"), link)
    assert server.asked == []


def test_a_ring_of_pages_is_a_loop(fhir, server):
    """No page is read a second time by a link."""
    server.says = 200
    reads = fhir.start(BASE, "token", BUDGET)
    first = reads.read("Observation?page=1")
    page = reads.follow(first.url, "?page=2")
    with pytest.raises(FetchError, match="link is a loop"):
        reads.follow(page.url, "?page=1")
    assert len(server.asked) == 2
