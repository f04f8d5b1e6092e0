"""Discovery (CDS Hooks 2.0 "Discovery", and the prefetch templates it publishes)."""

import json
import re
from pathlib import Path

import pytest

from cdshooks import openapi, services, strict_json, views
from cdshooks.prefetch import ENCOUNTER
from ehr.chart import TYPES
from models.patient.vocabulary import VARIABLES
from models.reading.oxygen import OXYGEN_CODES
from models.reading.queries import PANELS
from tests.support import hookcall
from tests.support.hookcall import FEEDBACK, PUBLIC, SERVICE

# What the hook library 1.0.1 defines.
LIBRARY = {
    "patient-view",
    "order-sign",
    "order-select",
    "encounter-start",
    "encounter-discharge",
    "appointment-book",
    "order-dispatch",
    "medication-refill",
}


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


@pytest.mark.rule("R17")
@pytest.mark.rule("R18")
@pytest.mark.rule("R42")
def test_nothing_is_published_that_a_2_0_client_does_not_know(world):
    """`version` and `hookVersion` of 3.0 (R17, R18) are left out for its sake."""
    known = {"hook", "id", "title", "description", "usageRequirements", "prefetch"}
    assert all(set(one) <= known for one in world.client.get("/cds-services").json["services"])


@pytest.mark.rule("R4")
@pytest.mark.parametrize("path", ["/cds-services", SERVICE, FEEDBACK, "/openapi.json"])
@pytest.mark.parametrize("right", [True, False])
def test_all_that_is_sent_is_json_without_comment_or_trailing_comma(world, path, right):
    """The strict reader takes neither, nor a member named twice, in answers and in errors."""
    body = hookcall.request() if path == SERVICE else {"feedback": []}
    if path in (SERVICE, FEEDBACK):
        answer = world.post(body if right else b"{", path=path)
    else:
        answer = world.client.get(path if right else f"{path}/none")
    assert (answer.status_code == 200) is right
    assert isinstance(strict_json.read(answer.data), dict)
    with pytest.raises(strict_json.StrictError):
        strict_json.read(b'{"cards": [],} // no')


@pytest.mark.rule("R10")
def test_a_server_without_services_says_so(build, monkeypatch):
    """Each of ours has one; should a hospital's ever have none, discovery still answers."""
    for module in (services, views, openapi):
        monkeypatch.setattr(module, "SERVICES", ())
    answer = build().client.get("/cds-services")
    assert (answer.status_code, answer.json) == (200, {"services": []})


@pytest.mark.rule("R21")
def test_each_service_is_described_for_people():
    """Where a hospital looks, docs/registering.md has its address and its hook."""
    text = (Path(__file__).parents[2] / "docs" / "registering.md").read_text("utf-8")
    for service in services.SERVICES:
        assert f"PUBLIC{service.path}`" in text and f"`{service.hook}`" in text


@pytest.mark.rule("R121")
def test_a_hook_is_of_the_library_or_has_a_reverse_domain_name():
    for service in services.SERVICES:
        assert service.hook in LIBRARY or re.fullmatch(r"\w+(\.\w+)+\.[\w-]+", service.hook)


@pytest.mark.rule("R113")
def test_no_more_is_asked_for_than_is_read():
    """Each code of the templates is of a variable, or of what carries one: panels and oxygen."""
    read = {code for one in VARIABLES.values() for code in (*one.loinc, *one.snomed)}
    for service in services.SERVICES:
        queries = service.prefetch("p1")
        assert set(queries) <= {*TYPES, ENCOUNTER}
        for query in (queries["vitals"], queries["labs"]):
            asked = re.search(r"code=([^&]*)", query)[1].split(",")
            assert len(set(asked)) == len(asked)
            assert set(asked) <= read | set(PANELS) | set(OXYGEN_CODES)


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
