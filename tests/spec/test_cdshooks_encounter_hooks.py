"""encounter-start and encounter-discharge, and vendors' triggers that ask the same (CDS Hooks
"encounter-start", "encounter-discharge" 1.0).
"""

import re
import uuid

import pytest
from click.testing import CliRunner

import vigil
from cdshooks.calling.hook_option import HOOKS as HOOKS_OF_CALL
from cdshooks.earlier import EarlierCalls
from cdshooks.replay import again, difference
from cdshooks.services import SERVICES
from models.fitted.registry import load_models
from models.patient.vocabulary import VARIABLES
from runtime import store
from tests.support import hookcall

START, DISCHARGE = "/cds-services/vigil-encounter-start", "/cds-services/vigil-encounter-discharge"
PATHS = {"encounter-start": START, "encounter-discharge": DISCHARGE}
HOOKS = sorted(PATHS)
EPIC = "com.epic.cdshooks.request.bpa-trigger-action"


def encounter(**members):
    """Return the Encounter of the call."""
    usual = {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "in-progress",
        "class": {"code": "IMP"},
        "subject": {"reference": "Patient/p1"},
        "location": [{"location": {"reference": "Location/3", "display": "Ward 3"}}],
    }
    return usual | members


def context(**members):
    usual = {"userId": "PractitionerRole/d1", "patientId": "p1", "encounterId": "e1"}
    return {name: value for name, value in (usual | members).items() if value is not ...}


def request(hook, **members):
    return hookcall.request(**{"hook": hook, "context": context()} | members)


def refused(world, hook, status=400, **members):
    answer = world.post(request(hook, **members), path=PATHS[hook])
    assert answer.status_code == status, answer.text
    assert answer.json["resourceType"] == "OperationOutcome"


def calm(**members):
    """Return a whole, normal set of observations an hour ago."""
    more = {"fio2": ("%", 21), "gcs": ("{score}", 15)}
    rows = hookcall.CALM | {name: (VARIABLES[name].loinc[0], *row) for name, row in more.items()}
    vitals = hookcall.bundle(hookcall.observations(rows))
    return hookcall.prefetch(**{"vitals": vitals, "labs": None} | members)


@pytest.fixture
def shipped(tmp_path):
    """A Vigil with the shipped models, to which a normal chart is a low risk."""
    return hookcall.World(tmp_path, models=load_models())


@pytest.mark.rule("R114")
@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("given", [..., None, "", "Encounter/e1", 5, "a" * 65])
def test_the_encounter_is_required_as_a_bare_id(world, hook, given):
    refused(world, hook, context=context(encounterId=given))


@pytest.mark.rule("R114")
@pytest.mark.parametrize("hook", HOOKS)
def test_the_patient_is_a_bare_id_here_too(world, hook):
    refused(world, hook, context=context(patientId="Patient/p1"))


@pytest.mark.rule("R115")
@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("user", ["Patient/p1", "RelatedPerson/r1", "d1", "Device/1", ""])
def test_only_staff_admits_and_discharges(world, hook, user):
    refused(world, hook, context=context(userId=user))


@pytest.mark.rule("R115")
@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(
    "user",
    ["Practitioner/d1", "PractitionerRole/d1", "https://fhir.example.org/r4/Practitioner/d1"],
)
def test_staff_may_be_named_by_role_or_absolutely(world, hook, user):
    assert world.cards(request(hook, context=context(userId=user)), path=PATHS[hook])


@pytest.mark.rule("R13")
@pytest.mark.rule("R32")
@pytest.mark.rule("R34")
def test_each_service_has_an_id_a_hook_and_words_of_its_own(world):
    """And templates of what its hook's context surely holds."""
    listed = world.client.get("/cds-services").json["services"]
    assert [one["hook"] for one in listed] == [
        "patient-view",
        "encounter-start",
        "encounter-discharge",
    ]
    for name in ("id", "title", "description"):
        assert len({one[name] for one in listed}) == len(listed)
    for one in listed:
        tokens = set(re.findall(r"\{\{(.*?)\}\}", "".join(one["prefetch"].values())))
        surely = {
            "context.patientId",
            *(["context.encounterId"] if "encounter" in one["hook"] else []),
        }
        assert tokens == surely


@pytest.mark.rule("R116")
def test_patient_view_asks_for_nothing_that_needs_an_encounter():
    (view, *others) = SERVICES
    assert "encounter" not in view.prefetch("p1") and view.hook == "patient-view"
    for service in others:
        assert service.prefetch("p1")["encounter"] == "Encounter/{{context.encounterId}}"


@pytest.mark.rule("R117")
@pytest.mark.rule("R118")
@pytest.mark.parametrize("hook", HOOKS)
def test_it_may_fire_several_times_for_one_encounter(world, hook):
    """Each with a hookInstance and user of its own is answered and recorded for itself."""
    first, second = (
        world.cards(request(hook, context=context(userId=user)), path=PATHS[hook])
        for user in ("Practitioner/d1", "Practitioner/d2")
    )
    assert first[0]["uuid"] != second[0]["uuid"] and world.record()["user"] == "Practitioner/d2"


@pytest.mark.rule("R117")
def test_an_admission_is_told_what_lacks(shipped):
    rows = {name: row for name, row in hookcall.CALM.items() if name != "temperature"}
    sent = calm(vitals=hookcall.bundle(hookcall.observations(rows)))
    (card,) = shipped.cards(request("encounter-start", prefetch=sent), path=START)
    assert card["summary"].startswith("To chart now for a first NEWS2: air or oxygen, ")
    assert card["indicator"] == "info" and shipped.record()["question"] == "admission"
    assert shipped.cards(request("encounter-start", prefetch=calm()), path=START) == []
    assert shipped.record()["delivery"] == "nothing lacks at admission"


@pytest.mark.rule("R118")
def test_a_discharge_is_told_what_speaks_against_it(shipped):
    (card,) = shipped.cards(request("encounter-discharge"), path=DISCHARGE)
    assert card["summary"].startswith("Before discharge: NEWS2 ")
    assert "To settle before discharge" in card["detail"] and card["links"]
    assert card["source"]["topic"]["code"] == "discharge"
    assert shipped.cards(request("encounter-discharge", prefetch=calm()), path=DISCHARGE) == []
    record = shipped.record()
    assert (record["shown"], record["delivery"]) == (False, "nothing against discharge")


@pytest.mark.rule("B4")
def test_a_discharge_without_laboratory_results_is_not_silent(shipped):
    """They could not be asked for; at the opening of a chart they are said too."""
    (card,) = shipped.cards(
        request("encounter-discharge", prefetch=calm(labs=...), fhirServer=hookcall.FHIR),
        path=DISCHARGE,
    )
    assert "Laboratory results were not sent" in card["summary"]


@pytest.mark.parametrize("trigger", ["26", 26, " 26 ", "27", 27])
def test_epics_triggers_ask_what_a_hook_of_their_own_would(world, trigger):
    """They arrive as patient-view, with or without an encounter."""
    number = str(trigger).strip()
    hook = {"26": "encounter-start", "27": "encounter-discharge"}[number]
    (native,) = world.cards(request(hook), path=PATHS[hook])
    (card,) = world.cards(hookcall.request(extension={EPIC: trigger}))
    assert {**card, "uuid": "", "links": ""} == {**native, "uuid": "", "links": ""}
    assert (world.record()["trigger"], world.record()["hook"]) == (number, "patient-view")


@pytest.mark.rule("R27")
@pytest.mark.parametrize(
    ("extension", "trigger"),
    [
        ({EPIC: "60"}, "60"),
        ({EPIC: "29"}, "29"),
        ({EPIC: 5}, "5"),
        ({EPIC: "x"}, None),
        ({EPIC: "1234567"}, None),
        ({EPIC: 27.5}, None),
        ({EPIC: True}, None),
        ({EPIC: [27]}, None),
        ({EPIC: None}, None),
        ([27], None),
        ("27", None),
        (None, None),
    ],
)
def test_any_other_trigger_is_the_opening_of_a_chart(world, extension, trigger):
    (card,) = world.cards(hookcall.request(extension=extension))
    assert not card["summary"].startswith("Before discharge")
    assert (world.record()["trigger"], world.record()["question"]) == (trigger, "")


@pytest.mark.parametrize("hook", HOOKS)
def test_class_and_unit_are_recorded(world, hook):
    sent = hookcall.prefetch(encounter=encounter())
    world.cards(request(hook, prefetch=sent), path=PATHS[hook])
    assert (world.record()["encounter_class"], world.record()["unit"]) == ("IMP", "Ward 3")


def test_an_encounter_that_patient_view_was_sent_is_read_too(world):
    world.cards(hookcall.request(prefetch=hookcall.prefetch(encounter=encounter())))
    assert world.record()["unit"] == "Ward 3"
    world.cards(hookcall.request())
    assert (world.record()["encounter_class"], world.record()["unit"]) == (None, None)


@pytest.mark.rule("B6")
@pytest.mark.parametrize("hook", HOOKS)
def test_an_encounter_of_another_patient_is_412(world, hook):
    other = encounter(subject={"reference": "Patient/p2"})
    refused(world, hook, 412, prefetch=hookcall.prefetch(encounter=other))


@pytest.mark.rule("B4")
@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("sent", [None, 5, [], {"resourceType": "OperationOutcome"}, "x"])
def test_an_encounter_that_cannot_be_read_costs_no_card(world, hook, sent):
    assert world.cards(request(hook, prefetch=hookcall.prefetch(encounter=sent)), path=PATHS[hook])


@pytest.fixture
def redis_url(tmp_path):
    """A Redis of its own."""
    server = store.embedded(tmp_path / "redis")
    yield server.url
    server.stop()


@pytest.mark.rule("G12")
def test_one_hook_instance_at_several_services_is_answered_by_each(tmp_path, redis_url):
    """A client may fire all its services at once with one hookInstance: each has its own first
    answer and its own repeat, on this host and on another.
    """
    shared = str(uuid.uuid4())
    calls = {path: request(hook, hookInstance=shared) for hook, path in PATHS.items()}
    calls[hookcall.SERVICE] = hookcall.request(hookInstance=shared)
    hosts = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        hosts.append(hookcall.World(tmp_path / name, redis_url=redis_url))
    first, again, there = (
        {path: host.cards(body, path=path) for path, body in calls.items()}
        for host in (hosts[0], *hosts)
    )
    assert first == again == there and len({cards[0]["uuid"] for cards in first.values()}) == 3
    repeats = [(record["hook"], record["repeat"]) for record in hosts[0].audit.records(6, "hook")]
    assert len(set(repeats)) == 6


@pytest.mark.rule("G12")
def test_no_service_awaits_the_answer_of_another(world, redis_url, monkeypatch):
    """Only an equal call at the same hook does."""

    def waits(_):
        raise TimeoutError

    earlier = EarlierCalls(world.audit, store.connect(redis_url), shared=False)
    with monkeypatch.context() as patched:
        patched.setattr("cdshooks.earlier.time.sleep", waits)
        for service in SERVICES:
            assert earlier.find(service.hook, "h") is None
        with pytest.raises(TimeoutError):
            earlier.find("patient-view", "h")


@pytest.mark.rule("G12")
def test_another_question_is_no_repeat(world):
    """The same patient-view call as another trigger asks something else."""
    body = hookcall.request()
    (view,) = world.cards(body)
    (discharge,) = world.cards(body | {"extension": {EPIC: "27"}})
    assert view["uuid"] != discharge["uuid"] and world.record()["repeat"] is False


@pytest.mark.parametrize("hook", HOOKS)
def test_a_recorded_answer_is_the_same_again(shipped, hook):
    """With its question, by the shipped models; without it the findings would differ."""
    rows = {name: row for name, row in hookcall.SICK.items() if name != "temperature"}
    sent = calm(vitals=hookcall.bundle(hookcall.observations(rows)))
    shipped.cards(request(hook, prefetch=sent), path=PATHS[hook])
    record = shipped.record()
    assert difference(record, again(record, load_models())) == ""
    assert difference(record, again(record | {"question": ""}, load_models()))


@pytest.mark.rule("R93")
@pytest.mark.parametrize("hook", HOOKS)
def test_feedback_has_an_address_at_each_service(world, hook):
    (card,) = world.cards(request(hook), path=PATHS[hook])
    item = {"card": card["uuid"], "outcome": "accepted", "outcomeTimestamp": "2026-11-20T14:06:00Z"}
    answer = world.post({"feedback": [item]}, path=f"{PATHS[hook]}/feedback")
    assert answer.status_code == 200 and world.record("feedback")["card"] == card["uuid"]


@pytest.mark.parametrize(
    ("hook", "words"),
    [("encounter-discharge", "Before discharge: "), ("encounter-start", "To chart now")],
)
def test_vigil_call_answers_each_hook(hook, words):
    assert [service.hook for service in SERVICES] == list(HOOKS_OF_CALL)
    told = CliRunner().invoke(vigil.main, ["call", "sparse", "--hook", hook])
    assert told.exit_code == 0 and words in told.output
