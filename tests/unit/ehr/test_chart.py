"""The reader of a chart: every state that a part can be in, and since when it is without a gap."""

import json
from datetime import timedelta

import pytest

from ehr.chart import collect
from ehr.fetch import FetchError, Page
from models.patient.coverage import COVERED
from models.reading.queries import COUNTS
from runtime.vendors.profiles import PROFILES
from tests.conftest import AT, bundle, observation, patient

BASE = "https://fhir.example.org/r4"
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}
NOTE = {"resourceType": "OperationOutcome", "issue": [{"severity": "information"}]}


class Server:
    """Stands for a Fetch: answers by the first word of a query, pages by their link."""

    def __init__(self, **answers):
        self.answers = {"patient": patient(), "vitals": bundle([]), "labs": bundle([])} | answers
        self.asked: list[str] = []

    def gather(self, jobs):
        return {name: job() for name, job in jobs.items()}

    def url(self, query):
        return f"{BASE}/{query}"

    def read(self, query):
        vitals = "8867-4" in query
        name = "patient" if query.startswith("Patient/") else "vitals" if vitals else "labs"
        return self._answer(name)

    def follow(self, url, link):
        assert url.startswith(BASE)
        return self._answer(link)

    def _answer(self, name):
        self.asked.append(name)
        found = self.answers[name]
        if isinstance(found, FetchError):
            raise found
        return Page(f"{BASE}/{name}", found if isinstance(found, bytes) else encoded(found))


def encoded(value) -> bytes:
    return json.dumps(value).encode()


def beats(*hours: float, **members) -> dict:
    """Return a page of heart rates taken so many hours ago, in this order."""
    return bundle([observation("heart_rate", 70, hour) for hour in hours], **members)


def next_page(name: str) -> dict:
    return {"link": [{"relation": "next", "url": name}], "total": None}


def vitals(server: Server | None, granted=None, **given):
    found = collect(
        "p1",
        AT,
        {name: encoded(value) for name, value in given.items()},
        server,
        PROFILES["generic"],
        granted,
    )
    return found, found.parts["vitals"]


def hours_ago(hours: float):
    return AT - timedelta(hours=hours) + timedelta(microseconds=1)


def test_what_was_prefetched_whole_is_not_asked_for():
    server = Server()
    _, part = vitals(server, patient=patient(), vitals=beats(1, 2), labs=bundle([]))
    assert server.asked == [] and part == ("whole", None, "prefetch", None)


@pytest.mark.rule("R52")
def test_null_is_known_to_be_none():
    found, part = vitals(Server(), patient=None, vitals=None, labs=None)
    assert part.state == "whole" and found.resources == () and not found.unobserved


@pytest.mark.rule("R50", "R51")
def test_what_nobody_gave_and_nobody_can_be_asked_for_is_absent():
    found, part = vitals(None)
    assert part.state == "absent" and found.unobserved


@pytest.mark.rule("R48")
def test_an_error_in_its_place_is_failed_and_not_asked_again():
    server = Server()
    _, part = vitals(server, patient=patient(), vitals=OUTCOME, labs=bundle([]))
    assert (part.state, part.source) == ("failed", "prefetch") and server.asked == []


@pytest.mark.parametrize("garbage", [5, "x", [], {}, {"resourceType": "Binary"}])
def test_garbage_is_asked_for_anew(garbage):
    _, part = vitals(Server(vitals=beats(1)), patient=patient(), vitals=garbage, labs=bundle([]))
    assert (part.state, part.source) == ("whole", "server")
    _, part = vitals(None, patient=patient(), vitals=garbage, labs=bundle([]))
    assert (part.state, part.why) == ("failed", "unreadable")


@pytest.mark.rule("SMART-40")
@pytest.mark.parametrize(
    "error, state",
    [
        (FetchError("status 403", 403), "not granted"),
        (FetchError("status 500", 500), "failed"),
        (FetchError("timeout"), "failed"),
    ],
)
def test_a_server_that_gives_nothing_is_no_empty_chart(error, state):
    found, part = vitals(Server(vitals=error, labs=error))
    assert part == (state, None, "server", str(error)) and found.unobserved


@pytest.mark.rule("SMART-18")
def test_what_the_token_may_not_read_is_not_asked_for():
    server = Server()
    _, part = vitals(server, granted={"patient"})
    assert part.state == "not granted" and server.asked == ["patient"]


@pytest.mark.rule("R53", "SMART-41")
def test_pages_are_read_to_the_last():
    pages = {
        "vitals": beats(1, 2, **next_page("two")),
        "two": bundle([], **next_page("three")),
        "three": beats(3),
    }
    found, part = vitals(Server(**pages))
    assert part.state == "whole" and len(found.resources) == 4


@pytest.mark.rule("R53")
def test_no_further_page_is_read_once_all_that_counts_is_there():
    reach = COVERED["vitals"] / timedelta(hours=1)
    server = Server(vitals=beats(1, reach + 1, **next_page("two")))
    _, part = vitals(server)
    assert (part.state, part.since) == ("cut", hours_ago(reach + 1)) and "two" not in server.asked


@pytest.mark.parametrize(
    "stop", [FetchError("timeout"), FetchError("link leaves the server"), b"<"]
)
def test_a_page_that_can_not_be_had_cuts_the_part_where_the_last_one_ended(stop):
    _, part = vitals(Server(vitals=beats(1, 2, 3, **next_page("two")), two=stop))
    assert (part.state, part.since) == ("cut", hours_ago(3)) and part.why.startswith("next page: ")


@pytest.mark.parametrize("hours", [(3, 2, 1), (1, 3, 2)])
def test_where_the_newest_do_not_come_first_a_cut_part_proves_nothing(hours):
    """Oldest first, the page not read holds the newest: not a single value of it may count."""
    page = beats(*hours, **next_page("two"))
    _, part = vitals(Server(vitals=page, two=FetchError("timeout")))
    assert (part.state, part.since) == ("cut", None)


def test_an_unsorted_search_is_read_to_the_end():
    pages = {"vitals": beats(3, 90, 2, **next_page("two")), "two": beats(1)}
    _, part = vitals(Server(**pages))
    assert part.state == "whole"


@pytest.mark.rule("R53")
@pytest.mark.parametrize(
    "page",
    [
        beats(1, 2, total=480),
        beats(*range(1, COUNTS["vitals"] + 1), total=None),
        beats(1, 2, link=[{"relation": "next"}]),
        beats(1, 2, link=[{"relation": "next", "url": ""}]),
        beats(1, 2, link=[{"relation": "next", "url": 5}]),
    ],
)
def test_a_page_that_is_not_all_is_known_without_a_way_on(page):
    """A client may hand on one page and not its link: by total, or because it is just full."""
    given = {"patient": patient(), "vitals": page, "labs": bundle([])}
    _, part = vitals(None, **given)
    assert part.state == "cut" and part.since is not None
    _, part = vitals(Server(vitals=beats(1, 2, 90)), **given)
    assert (part.state, part.source) == ("whole", "server")


def test_the_prefetched_page_stays_where_asking_anew_fails():
    given = {"patient": patient(), "vitals": beats(1, 2, total=480), "labs": bundle([])}
    found, part = vitals(Server(vitals=FetchError("timeout")), **given)
    assert part[:3] == ("cut", hours_ago(2), "prefetch")
    assert sum(r.resourceType == "Observation" for r in found.resources) == 2


@pytest.mark.rule("R49")
def test_an_error_beside_entries_leaves_them_and_no_trust_in_their_number():
    _, part = vitals(Server(vitals=bundle([observation("heart_rate", 70), OUTCOME])))
    assert (part.state, part.since) == ("cut", None)
    _, part = vitals(Server(vitals=bundle([observation("heart_rate", 70), NOTE], total=1)))
    assert part.state == "whole"


def test_a_total_that_the_pages_do_not_reach_is_a_cut():
    """A server that caps its pages says how many it has."""
    _, part = vitals(Server(vitals=beats(1, 2, total=3)))
    assert (part.state, part.since) == ("cut", hours_ago(2))
