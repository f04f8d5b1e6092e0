"""The hook request: what is accepted, what is refused and how (CDS Hooks 2.0 "Calling a CDS
Service").
"""

import json
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdshooks.mend import mended
from tests.support import hookcall


def refused(world, body, status=400, **options):
    answer = world.post(body, **options)
    assert answer.status_code == status, answer.text
    assert answer.json["resourceType"] == "OperationOutcome"
    return answer


@pytest.mark.rule("R1")
@pytest.mark.rule("R23")
@pytest.mark.rule("R26")
def test_the_least_request_is_accepted(world):
    answer = world.post(hookcall.request(prefetch={"vitals": None, "labs": None}))
    assert answer.status_code == 200 and answer.mimetype == "application/json"


@pytest.mark.rule("B3")
@pytest.mark.rule("R23")
@pytest.mark.parametrize("member", ["hook", "hookInstance", "context"])
def test_a_missing_member_is_400(world, member):
    refused(world, hookcall.request(**{member: ...}))


@pytest.mark.rule("R23")
@pytest.mark.parametrize(
    "context", [{}, {"patientId": "p1"}, {"userId": "Practitioner/d1"}, [], "p1", None]
)
def test_a_missing_context_member_is_400(world, context):
    refused(world, hookcall.request(context=context))


@pytest.mark.rule("R24")
@pytest.mark.parametrize(
    "made", [str(uuid.uuid1()), str(uuid.uuid4()).upper(), "9cecd908-6b9e-11ef-ae9b-005056be2c3a"]
)
def test_any_uuid_is_a_hook_instance(world, made):
    world.cards(hookcall.request(hookInstance=made))


@pytest.mark.rule("B3")
@pytest.mark.rule("R24")
@pytest.mark.parametrize(
    "made",
    [
        "",
        "123",
        "d1577c69-dfbe-44ad-ba6d-3e05e953b2e",
        "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea\n",
        7,
        None,
    ],
)
def test_other_hook_instances_are_400(world, made):
    refused(world, hookcall.request(hookInstance=made))


@pytest.mark.rule("R55")
@pytest.mark.parametrize(
    "member",
    [
        {"token_type": "Basic"},
        {"access_token": ""},
        {"access_token": "a\r\nX: y"},
        {"access_token": 1},
    ],
)
def test_a_token_that_is_no_bearer_token_is_400(world, member):
    refused(world, hookcall.request(fhirAuthorization=hookcall.authorization(**member)))


@pytest.mark.rule("R56")
@pytest.mark.rule("B6")
@pytest.mark.parametrize(
    "patient", ["p1", "Patient/p1", "https://fhir.example.org/r4/Patient/p1", "", None]
)
def test_the_tokens_patient_may_come_as_a_reference_or_not_at_all(world, patient):
    world.cards(hookcall.request(fhirAuthorization=hookcall.authorization(patient=patient)))


@pytest.mark.rule("B6")
@pytest.mark.parametrize("patient", ["p2", "Patient/p2", "xPatient/p1", "Group/p1", "Patient/"])
def test_a_token_for_another_patient_is_412(world, patient):
    authorization = hookcall.authorization(patient=patient)
    refused(world, hookcall.request(fhirAuthorization=authorization), 412)


@pytest.mark.rule("R60")
def test_scopes_may_be_anything(world):
    scope = "Patient.Read (R4) Observation.Search (Vital Signs) (R4) patient/Observation.rs"
    world.cards(hookcall.request(fhirAuthorization=hookcall.authorization(scope=scope)))


# What a client of each version sends, as its text has it.
VERSIONS = {
    "1.0": {
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "fhirAuthorization": {
            "access_token": "some-opaque-fhir-access-token",
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "user/Patient.read user/Observation.read",
            "subject": "cds-service4",
        },
        "extension": {"cds-hooks-specification-version": "1.0", "fhir-version": "STU3"},
    },
    "2.0": {
        "fhirAuthorization": hookcall.authorization(scope="patient/*.read", patient="p1"),
        "extension": {"com.example.timestamp": "2017-11-27T22:13:25Z"},
    },
    "3.0": {
        "version": "3.0.0",
        "hookVersion": "1.0",
        "fhirAuthorization": hookcall.authorization(
            scope="patient/Patient.rs patient/Observation.rs?category=vital-signs", patient="p1"
        ),
        "context": {
            "userId": "PractitionerRole/d1",
            "patientId": "p1",
            "encounterId": "e1",
            "new": [{"a": {}}],
        },
        "extension": {"org.example.preferences": {"autolaunch": True, "languages": ["de"]}},
    },
}


@pytest.mark.rule("R28")
@pytest.mark.rule("R60")
@pytest.mark.parametrize("version", VERSIONS)
def test_clients_of_each_version_are_answered_alike(world, version):
    """And what is answered fits 2.0, as every answer in these tests has to."""
    usual = world.cards(hookcall.request())[0]
    given = world.cards(hookcall.request(**VERSIONS[version]))[0]
    assert (given["summary"], given["indicator"]) == (usual["summary"], usual["indicator"])
    assert given.keys() == usual.keys()


@pytest.mark.rule("R27")
@pytest.mark.rule("R28")
@pytest.mark.rule("R98")
@pytest.mark.parametrize(
    "value", ["x", 5, None, [1, {"a": []}], {"com.epic.cdshooks.request.bpa-trigger-action": "23"}]
)
def test_extensions_and_unknown_members_are_passed_over(world, value):
    context = {"userId": "Practitioner/d1", "patientId": "p1", "new": value}
    world.cards(hookcall.request(extension=value, somethingNew=value, context=context))


@pytest.mark.rule("B3")
@pytest.mark.rule("R29")
@pytest.mark.parametrize("hook", ["order-sign", "Patient-View", "", 5])
def test_another_hook_is_400(world, hook):
    refused(world, hookcall.request(hook=hook))


@pytest.mark.rule("B3")
@pytest.mark.rule("R114")
@pytest.mark.parametrize(
    "patient", ["Patient/p1", "", "p1/../p2", "p1?x=1", "a" * 65, "p 1", 12, None]
)
def test_the_patient_is_a_bare_id(world, patient):
    refused(world, hookcall.request(context={"userId": "Practitioner/d1", "patientId": patient}))


@pytest.mark.rule("R114")
def test_the_encounter_is_a_bare_id(world):
    refused(
        world,
        hookcall.request(
            context={"userId": "Practitioner/d1", "patientId": "p1", "encounterId": "Encounter/1"}
        ),
    )


@pytest.mark.rule("R115")
@pytest.mark.parametrize(
    "user",
    [
        "Practitioner/d1",
        "PractitionerRole/a.b-1",
        "Patient/p1",
        "RelatedPerson/r",
        "https://fhir.example.org/r4/Practitioner/d1",
        "http://localhost:8080/PractitionerRole/7",
    ],
)
def test_users_of_four_types_are_accepted(world, user):
    world.cards(hookcall.request(context={"userId": user, "patientId": "p1"}))


@pytest.mark.rule("R115")
@pytest.mark.parametrize(
    "user",
    [
        "d1",
        "Device/1",
        "Practitioner/",
        "Practitioner/d1/x",
        "https://fhir.example.org/r4/Device/1",
        "https://fhir.example.org/ r4/Practitioner/d1",
        "fhir.example.org/Practitioner/d1",
        "",
        4,
    ],
)
def test_other_users_are_400(world, user):
    refused(world, hookcall.request(context={"userId": user, "patientId": "p1"}))


@pytest.mark.rule("R116")
@pytest.mark.rule("B3")
@pytest.mark.parametrize("encounter, known", [("e1", "e1"), ("", None), (None, None)])
def test_an_encounter_is_not_needed_and_may_come(world, encounter, known):
    """An empty text is as absent: some clients fill every member of the context."""
    world.cards(hookcall.request())
    context = {"userId": "Practitioner/d1", "patientId": "p1", "encounterId": encounter}
    world.cards(hookcall.request(context=context))
    assert world.record()["encounter"] == known


@pytest.mark.rule("B3")
def test_an_empty_server_is_as_absent(world):
    """The caller's own record is then the one that its token says."""
    world.cards(hookcall.request(fhirServer=""))
    assert world.record()["ehr"] == "ehr"


MALFORMED = {
    "empty": b"",
    "not json": b"{",
    "array": b"[]",
    "text": b'"x"',
    "null": b"null",
    "trailing comma": b'{"hook": "patient-view",}',
    "utf-16": json.dumps({"hook": "patient-view"}).encode("utf-16"),
    "broken utf-8": b'{"hook": "\xff\xfe"}',
    "deep": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000,
}


@pytest.mark.rule("B2")
@pytest.mark.rule("R29")
@pytest.mark.rule("R30")
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_bodies_are_400(world, name):
    refused(world, MALFORMED[name])


INSERTED = {
    "duplicate": b'"hook": "patient-view",',
    "duplicate prefetch": b'"prefetch": {"labs": null},',
    "duplicate in extension": b'"extension": {"a": 1, "a": 2},',
    "NaN": b'"extension": {"a": NaN},',
    "infinity": b'"extension": {"a": -Infinity},',
    "overflow": b'"extension": {"a": 1e400},',
    "long integer": b'"extension": {"a": ' + b"9" * 401 + b"},",
    "very long integer": b'"extension": {"a": ' + b"9" * 5000 + b"},",
    "depth 65": b'"extension": ' + b"[" * 65 + b"]" * 65 + b",",
    "depth 5000": b'"extension": ' + b"[" * 5000 + b"]" * 5000 + b",",
}


@pytest.mark.rule("B2")
@pytest.mark.rule("R29")
@pytest.mark.parametrize("name", INSERTED)
def test_json_that_readers_disagree_on_is_400(world, name):
    body = json.dumps(hookcall.request()).encode()
    refused(world, b"{" + INSERTED[name] + body[1:])


IN_A_NOTE = {
    "half an emoji": b'"seen \\ud83d"',
    "the other half": b'"\\uDE00 seen"',
    "two first halves and a whole": b'"\\ud83d\\ud83d\\ude00"',
    "not UTF-8": b'"\xe9"',
    "a raw tab and line": b'"a\tb\nc"',
    "too large a number": b"1e400",
    "a very long number": b"9" * 5000,
    "NaN": b"NaN",
    "infinity": b"-Infinity",
    "a key twice": b'{"a": 1, "a": 2}',
    "depth 70": b"[" * 70 + b"]" * 70,
}


def with_note(note, place="prefetch"):
    """Return a request with one more Observation in `vitals` that has this note, or with the note
    in an extension of the envelope.
    """
    body = hookcall.request()
    entry = hookcall.observation("8867-4", "/min", 99) | {"note": [{"text": "HERE"}]}
    if place == "prefetch":
        body["prefetch"]["vitals"]["entry"].append({"resource": entry})
    else:
        body["extension"] = {"note": "HERE"}
    return json.dumps(body).encode().replace(b'"HERE"', note)


@pytest.mark.rule("B2")
@pytest.mark.parametrize("name", IN_A_NOTE)
def test_inside_prefetch_a_bad_entry_costs_only_itself(world, name):
    """The same in the envelope is 400."""
    first, *_ = world.cards(with_note(IN_A_NOTE[name]))
    assert first["summary"]
    refused(world, with_note(IN_A_NOTE[name], "extension"))


def test_a_text_that_only_looks_bad_is_left_alone(world):
    """An escaped backslash before `ud83d`, and `NaN` inside a text, are text."""
    for note in (b'"\\\\ud83d"', b'"NaN and -Infinity"', b'"\\ud83d\\ude00"'):
        world.cards(with_note(note))
        world.cards(with_note(note, "extension"))


@pytest.mark.rule("B7")
def test_a_body_that_is_no_json_is_given_up_in_linear_time():
    """Looked at twice from each place on, each of these would take hours."""
    for text in (b'"' + b"a" * 1_000_000, b'"\\' * 300_000, b'"a' * 300_000, b"N" * 1_000_000):
        assert len(mended(text)) >= len(text) // 3


@pytest.mark.rule("B2")
def test_a_prefetch_key_written_twice_is_400(world):
    body = json.dumps(hookcall.request()).encode()
    refused(
        world,
        body.replace(b'"prefetch": {', b'"prefetch": {"labs": {"resourceType": "Bundle"}, ', 1),
    )


@pytest.mark.parametrize(
    "name",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/fhir+json",
        "application/json+fhir",
        "application/vnd.example+json",
        None,
    ],
)
def test_json_media_types_are_read(world, name):
    assert world.post(hookcall.request(), content_type=name).status_code == 200


@pytest.mark.rule("R29")
@pytest.mark.parametrize(
    "name", ["text/plain", "application/xml", "application/x-www-form-urlencoded"]
)
def test_other_media_types_are_415(world, name):
    refused(world, hookcall.request(), 415, content_type=name)


@pytest.mark.rule("B1")
@pytest.mark.rule("R29")
def test_compressed_and_large_bodies_are_refused(world):
    refused(world, hookcall.request(), 415, Content_Encoding="gzip")
    refused(world, b" " * (world.settings.max_body_bytes + 1), 413)


@pytest.mark.rule("B8")
def test_errors_never_echo_the_request(world):
    canary = "CANARY-4711"
    for body in (
        hookcall.request(hook=canary),
        hookcall.request(hookInstance=canary),
        hookcall.request(context={"userId": canary, "patientId": canary}),
        hookcall.request(**{canary: 1, "context": canary}),
        {canary: canary},
        canary.encode(),
    ):
        answer = world.post(body)
        assert answer.status_code == 400 and canary not in answer.text


@pytest.mark.rule("B7")
def test_the_largest_strings_cost_no_time(world):
    long = "a" * 1_000_000
    refused(
        world,
        hookcall.request(hook=long, hookInstance=long, context={"userId": long, "patientId": long}),
    )


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)
ONE_WORLD = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.rule("B2")
@ONE_WORLD
@given(st.binary(max_size=200))
def test_any_bytes_are_a_client_error(world, body):
    assert world.post(body).status_code == 400


@ONE_WORLD
@given(JSON)
def test_any_json_is_a_client_error(world, body):
    assert world.post(body).status_code == 400


@pytest.mark.rule("B3")
@ONE_WORLD
@given(
    st.sampled_from(
        [
            "hook",
            "hookInstance",
            "context",
            "fhirServer",
            "fhirAuthorization",
            "prefetch",
            "extension",
        ]
    ),
    JSON,
)
def test_any_member_never_breaks_the_service(world, name, value):
    assert world.post(hookcall.request(**{name: value})).status_code in (200, 400, 403, 412)
