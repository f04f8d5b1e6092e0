"""Discovery (CDS Hooks 2.0 "Discovery", and the prefetch templates it publishes)."""

import json
import re

import pytest

from tests.support.hookcall import PUBLIC, SERVICE


@pytest.fixture
def service(world):
    return world.client.get("/cds-services").json["services"][0]


@pytest.mark.rule("R7")
@pytest.mark.rule("R8")
@pytest.mark.rule("R6")
def test_discovery_answers_without_a_token(world):
    answer = world.client.get("/cds-services")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")


def test_a_trailing_slash_finds_discovery_too(world):
    assert world.client.get("/cds-services/").status_code == 200


@pytest.mark.rule("R9")
@pytest.mark.rule("R11")
@pytest.mark.rule("R12")
@pytest.mark.rule("R13")
@pytest.mark.rule("R14")
@pytest.mark.rule("R16")
def test_the_service_says_what_it_is(service):
    assert service["hook"] == "patient-view"
    assert service["id"] == SERVICE.rpartition("/")[2]
    assert all(
        isinstance(service[name], str) and service[name]
        for name in ("title", "description", "usageRequirements")
    )


@pytest.mark.rule("R42")
def test_nothing_is_published_that_a_2_0_client_does_not_know(service):
    """`version` and `hookVersion` of 3.0 (R17, R18, both optional) are left out for its sake."""
    assert set(service) <= {"hook", "id", "title", "description", "usageRequirements", "prefetch"}


@pytest.mark.rule("R15")
@pytest.mark.rule("R32")
@pytest.mark.rule("R33")
@pytest.mark.rule("R34")
def test_prefetch_tokens_are_first_level_context_fields(service):
    assert set(service["prefetch"]) == {"patient", "vitals", "labs"}
    for query in service["prefetch"].values():
        assert re.findall(r"\{\{(.*?)\}\}", query) == ["context.patientId"]


@pytest.mark.rule("R35")
@pytest.mark.rule("R36")
@pytest.mark.rule("R37")
@pytest.mark.rule("R38")
@pytest.mark.rule("R39")
def test_prefetch_keeps_to_the_recommended_subset(service):
    for query in service["prefetch"].values():
        path, _, parameters = query.partition("?")
        assert re.fullmatch(r"Patient/\{\{context\.patientId\}\}|Observation", path)
        names = [parameter.partition("=")[0] for parameter in parameters.split("&") if parameter]
        assert set(names) <= {"patient", "code", "_sort", "_count"}
        assert len(names) == len(set(names))


@pytest.mark.rule("R22")
def test_a_known_etag_is_answered_304(world):
    first = world.client.get("/cds-services")
    assert first.headers["ETag"].startswith('W/"')
    assert (
        world.client.get(
            "/cds-services", headers={"If-None-Match": first.headers["ETag"]}
        ).status_code
        == 304
    )


@pytest.mark.rule("R2")
@pytest.mark.rule("R3")
def test_no_member_is_null_or_empty(world):
    _no_empty(world.client.get("/cds-services").json)


def _no_empty(value):
    assert value not in (None, "", [], {}), json.dumps(value)
    for inner in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        _no_empty(inner)


@pytest.mark.rule("R29")
def test_wrong_methods_and_unknown_services_say_so(world):
    wrong = world.client.get(SERVICE)
    assert wrong.status_code == 405 and "POST" in wrong.headers["Allow"]
    assert world.client.post("/cds-services/other", json={}).status_code == 404
    assert world.client.open("/cds-services", method="TRACE").status_code == 405


def test_public_urls_do_not_come_from_the_host_header(world):
    answer = world.client.get("/cds-services", headers={"Host": "evil.example"})
    assert "evil" not in answer.text and PUBLIC.startswith("https")
