"""Prefetch and fetching: every state a key can be in (CDS Hooks 2.0 "Providing FHIR Resources to
a CDS Service").
"""

import gzip
import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import hookcall
from tests.support.hookcall import LABS, SICK, bundle, observation, observations, patient, prefetch
from tests.support.listener import drip

OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "processing"}],
}
NOTE = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "warning", "code": "informational"}],
}


@pytest.fixture
def served(build, listener):
    """Return a Vigil whose EHR's FHIR server is a listener that knows the patient."""
    listener.answers["/r4/Patient/p1"] = (200, {}, json.dumps(patient()).encode())
    listener.answers["/r4/Observation?patient=p1&code=8867-4"] = _search(observations(SICK))
    listener.answers["/r4/Observation"] = _search(observations(LABS))
    # Time enough for a busy machine; the promise of time has a test of its own.
    return build(fhir_base=[f"{listener.url}/r4"], hook_budget_ms=5000)


def parts(served) -> dict:
    """Return the state and the source of each part, as the audit has them."""
    found = served.record()["chart"]["parts"]
    return {name: (state, source) for name, (state, _, source, _) in found.items()}


def _search(resources, **members):
    return (200, {}, json.dumps(bundle(resources, **members)).encode())


def _ask(served, listener, **members):
    usual = {
        "fhirServer": f"{listener.url}/r4",
        "fhirAuthorization": hookcall.authorization(),
        "prefetch": ...,
    }
    return served.post(hookcall.request(**(usual | members)))


@pytest.mark.rule("R45")
def test_a_full_prefetch_is_scored_without_fetching(served, listener):
    answer = _ask(served, listener, prefetch=prefetch())
    assert answer.status_code == 200 and listener.seen == []
    assert parts(served) == dict.fromkeys(("patient", "vitals", "labs"), ("whole", "prefetch"))
    assert served.record()["probability"] == pytest.approx(hookcall.expected_risk())


@pytest.mark.rule("R43")
@pytest.mark.rule("R44")
@pytest.mark.rule("R50")
@pytest.mark.rule("R54")
def test_without_prefetch_all_is_fetched_with_the_token(served, listener):
    answer = _ask(served, listener)
    assert answer.status_code == 200
    assert served.record()["probability"] == pytest.approx(hookcall.expected_risk())
    assert len(listener.seen) == 3
    assert all(headers["Authorization"] == "Bearer SECRET-TOKEN" for _, headers in listener.seen)
    assert not any("SECRET-TOKEN" in path for path in listener.paths())


@pytest.mark.rule("R47")
@pytest.mark.rule("R44")
@pytest.mark.rule("R50")
def test_only_missing_keys_are_fetched(served, listener):
    answer = _ask(served, listener, prefetch=prefetch(labs=...))
    assert answer.status_code == 200 and len(listener.seen) == 1
    assert served.record()["probability"] == pytest.approx(hookcall.expected_risk())


@pytest.mark.rule("R52")
@pytest.mark.parametrize(
    "nothing",
    [
        None,
        bundle([]),
        {"resourceType": "Bundle", "type": "searchset", "total": 0},
        {"resourceType": "Bundle", "type": "searchset", "entry": []},
        {
            "resourceType": "Bundle",
            "total": 0,
            "entry": [{"resource": NOTE, "search": {"mode": "outcome"}}],
        },
    ],
)
def test_known_to_be_none_is_never_fetched(served, listener, nothing):
    answer = _ask(served, listener, prefetch=prefetch(labs=nothing))
    assert answer.status_code == 200 and listener.seen == []
    assert parts(served)["labs"] == ("whole", "prefetch")
    assert "could not be read" not in answer.json["cards"][0]["detail"]


@pytest.mark.rule("R48")
@pytest.mark.rule("R49")
@pytest.mark.parametrize("value", [OUTCOME, bundle([OUTCOME])])
def test_an_operation_outcome_is_not_asked_again_and_said(served, listener, value):
    answer = _ask(served, listener, prefetch=prefetch(labs=value))
    assert answer.status_code == 200 and listener.seen == []
    assert "Laboratory results could not be read" in answer.json["cards"][0]["detail"]
    assert parts(served)["labs"] == ("failed", "prefetch")


@pytest.mark.rule("R49")
def test_an_outcome_beside_matches_leaves_the_matches(world):
    world.cards(hookcall.request(prefetch=prefetch(vitals=bundle([*observations(SICK), NOTE]))))
    assert world.record()["status"] == "scored"


GARBAGE = [
    5,
    "x",
    True,
    [],
    [1],
    {},
    {"resourceType": "Binary"},
    {"resourceType": "Bundle", "entry": [5, "x", None]},
]


@pytest.mark.rule("B4")
@pytest.mark.rule("R50")
@pytest.mark.parametrize("value", GARBAGE)
def test_garbage_is_fetched_instead(served, listener, value):
    assert _ask(served, listener, prefetch=prefetch(vitals=value)).status_code == 200
    assert parts(served)["vitals"] == ("whole", "server")
    assert served.record()["probability"] == pytest.approx(hookcall.expected_risk())


@pytest.mark.rule("R46")
def test_keys_that_were_not_asked_for_are_passed_over(world):
    other = {"vitals2": bundle(observations(SICK)), "-user": patient(id="d1")}
    world.cards(hookcall.request(prefetch=prefetch() | other))
    assert world.record()["probability"] == pytest.approx(hookcall.expected_risk())


@pytest.mark.rule("R51")
@pytest.mark.parametrize(
    "given",
    [
        ...,
        {},
        {"patient": patient()},
        {"vitals": OUTCOME, "labs": OUTCOME},
        {"vitals": 5, "labs": "x"},
    ],
)
def test_no_observations_in_any_way_is_412(world, given):
    answer = world.post(hookcall.request(prefetch=given, fhirServer=...))
    assert answer.status_code == 412 and answer.json["resourceType"] == "OperationOutcome"


@pytest.mark.rule("R51")
def test_partial_prefetch_is_no_412(world):
    answer = world.post(hookcall.request(prefetch=prefetch(labs=...), fhirServer=...))
    assert answer.status_code == 200 and "Laboratory results" in answer.json["cards"][0]["detail"]


@pytest.mark.rule("R53")
@pytest.mark.parametrize("link", ["{}/r4/more?page=2", "/r4/more?page=2", "more?page=2"])
def test_a_next_link_is_followed_with_the_token(served, listener, link):
    listener.answers = {
        "/r4/more": _search([observation("2524-7", "mmol/L", 4.1)])
    } | listener.answers
    page = bundle(observations(SICK), link=[{"relation": "next", "url": link.format(listener.url)}])
    assert _ask(served, listener, prefetch=prefetch(vitals=page, labs=None)).status_code == 200
    assert listener.paths() == ["/r4/more?page=2"]
    assert listener.seen[0][1]["Authorization"] == "Bearer SECRET-TOKEN"
    assert served.record()["probability"] == pytest.approx(hookcall.expected_risk())


@pytest.mark.rule("C2")
@pytest.mark.rule("R53")
@pytest.mark.parametrize(
    "link",
    [
        "{other}/r4/more",
        "{own}/r4evil/more",
        "{own}/r4/../admin",
        "{own}/r4/%2e%2e/admin",
        "http://user@127.0.0.1/r4/x",
        "//evil/r4",
        "file:///etc/passwd",
        "{own}/r4/\\x",
        "{own}/r4/a b",
        "http://[::1",
    ],
)
def test_a_next_link_that_leaves_the_server_is_not_followed(served, listener, link):
    other = listener.url.replace("127.0.0.1", "localhost")
    page = bundle(
        observations(SICK),
        link=[{"relation": "next", "url": link.format(own=listener.url, other=other)}],
    )
    assert _ask(served, listener, prefetch=prefetch(vitals=page)).status_code == 200
    assert not any(
        "Authorization" in headers for _, headers in listener.seen if "more" in _ or "admin" in _
    )


@pytest.mark.rule("C3")
@pytest.mark.rule("R53")
def test_an_endless_next_ends(served, listener):
    page = json.dumps(
        bundle([], link=[{"relation": "next", "url": f"{listener.url}/r4/more"}])
    ).encode()
    listener.answers = {"/r4/more": (200, {}, page)} | listener.answers
    assert _ask(served, listener, prefetch=prefetch(labs=json.loads(page))).status_code == 200
    assert len(listener.seen) <= 20


@pytest.mark.rule("C2")
def test_a_redirect_is_not_followed(served, listener):
    listener.answers = {
        "/r4/Patient": (302, {"Location": f"{listener.url}/stolen"}, b"")
    } | listener.answers
    assert _ask(served, listener).status_code == 200
    assert "/stolen" not in listener.paths()


@pytest.mark.rule("C3", "G8")
@pytest.mark.rule("R31")
@pytest.mark.parametrize("kind", ["drip", "hang", "down", "huge", "bomb", "401", "429", "garbage"])
def test_a_bad_fhir_server_costs_little_time_and_no_card(build, served, listener, kind):
    served = build(fhir_base=[f"{listener.url}/r4"])
    bad = {
        "drip": drip,
        "hang": lambda handler: time.sleep(2),
        "huge": (200, {}, b" " * 3_000_000),
        "bomb": (200, {"Content-Encoding": "gzip"}, gzip.compress(b" " * 30_000_000)),
        "401": (401, {}, b""),
        "429": (429, {}, b""),
        "garbage": (200, {}, b"<html>"),
    }
    listener.answers = {"/r4": bad.get(kind)} if kind != "down" else listener.answers
    if kind == "down":
        listener.close()
    started = time.monotonic()
    answer = _ask(served, listener, prefetch=prefetch(labs=...))
    assert answer.status_code == 200 and time.monotonic() - started < 3
    assert "Laboratory results" in answer.json["cards"][0]["detail"]


def test_compressed_answers_are_read(served, listener):
    body = gzip.compress(json.dumps(bundle(observations(LABS))).encode())
    listener.answers = {"/r4/Observation": (200, {"Content-Encoding": "gzip"}, body)}
    assert _ask(served, listener, prefetch=prefetch(labs=...)).status_code == 200
    assert parts(served)["labs"] == ("whole", "server")


def test_without_a_token_a_protected_server_is_left_alone(served, listener):
    assert (
        _ask(served, listener, fhirAuthorization=..., prefetch=prefetch(labs=...)).status_code
        == 200
    )
    assert listener.seen == []


@pytest.mark.rule("C1")
@pytest.mark.parametrize("form", ["{0}/r4/", "{0}"])
def test_the_server_is_compared_as_a_whole(served, listener, form):
    answer = _ask(
        served, listener, fhirServer=form.format(listener.url), prefetch=prefetch(labs=...)
    )
    assert answer.status_code == (200 if form.endswith("/r4/") else 403)


BYPASSES = [
    "https://evil.example/r4",
    "https://fhir.example.org.evil.example/r4",
    "https://fhir.example.org@evil.example/r4",
    "https://fhir.example.org/r4/../x",
    "https://fhir.example.org/r4x",
    "https://fhir.example.org:444/r4",
    "http://fhir.example.org/r4",
    "https://fhir.example.org/r4?x",
    "https://fhir.example.org/r4#x",
    "https://fhir.example.org\\@evil/r4",
    "https://FHIR.example.org/r4",
    "https://fhir.example.org./r4",
    "//fhir.example.org/r4",
    "https://fhir.example.org/r4\n",
    "https://fhir.example.org/r4//",
    "file:///etc/passwd",
    "http://169.254.169.254/",
    "",
    " ",
]


@pytest.mark.rule("C1")
@pytest.mark.parametrize("server", BYPASSES)
def test_only_the_configured_server_is_a_server(world, server):
    body = hookcall.request(
        fhirServer=server, fhirAuthorization=hookcall.authorization(), prefetch=...
    )
    assert world.post(body).status_code in (400, 403, 412)


@pytest.mark.rule("B6")
@pytest.mark.rule("R56")
def test_a_token_for_another_patient_is_412(world):
    body = hookcall.request(fhirAuthorization=hookcall.authorization(patient="p2"))
    assert world.post(body).status_code == 412


@pytest.mark.rule("B6")
@pytest.mark.rule("R45")
def test_another_patient_in_prefetch_is_412(world):
    answer = world.post(hookcall.request(prefetch=prefetch(patient=patient(id="p2"))))
    assert answer.status_code == 412 and "cards" not in answer.json


@pytest.mark.rule("B5")
def test_observations_of_another_patient_count_for_nothing(world):
    world.cards(hookcall.request(prefetch=prefetch(labs=bundle(observations(LABS, patient="p2")))))
    assert world.record()["chart"]["rejected"] == {"patient": 2}
    assert world.record()["probability"] == pytest.approx(hookcall.expected_risk(lactate=0))


@pytest.mark.rule("C4", "F9")
@pytest.mark.rule("R57")
@pytest.mark.rule("R58")
def test_tokens_are_nowhere_afterwards(served, listener, tmp_path, capfd):
    token = served.token()
    _ask(served, listener)
    served.post(hookcall.request(fhirAuthorization=hookcall.authorization()), token=token)
    kept = (
        b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        + capfd.readouterr().err.encode()
    )
    assert b"SECRET-TOKEN" not in kept and token.encode() not in kept


VALUE = (
    st.none()
    | st.integers()
    | st.text(max_size=5)
    | st.lists(st.none(), max_size=2)
    | st.dictionaries(st.text(max_size=5), st.none())
)


@pytest.mark.rule("B4")
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(["patient", "vitals", "labs"]), st.data())
def test_any_mutation_of_prefetch_is_no_5xx(world, key, data):
    changed = prefetch()
    target = changed[key] if key == "patient" else changed[key]["entry"][0]["resource"]
    for _ in range(data.draw(st.integers(0, 3))):
        name = data.draw(st.sampled_from(sorted(target)))
        target[name] = data.draw(VALUE)
    if data.draw(st.booleans()):
        changed[key] = data.draw(VALUE)
    assert world.post(hookcall.request(prefetch=changed)).status_code in (200, 412)
