"""Our JSON Schema of CDS Hooks 2.0: the specification's own examples fit it, and what breaks one
MUST does not. That the cards of all tests fit it is tests.support.contract's.
"""

import copy
import json
import re
from pathlib import Path

import pytest
from jsonschema import ValidationError
from pytest import mark

from cdshooks.delivering import form
from tests.support import hookcall
from tests.support.contract import DOCUMENT, schema
from tests.support.rules import tables

SOURCE = {"label": "A service"}
CARD = {"summary": "One sentence.", "indicator": "info", "source": SOURCE}
RESOURCE = {"resourceType": "ServiceRequest", "id": "s1", "status": "draft"}
ACTION = {"type": "create", "description": "Order a lactate", "resource": RESOURCE}
SUGGESTION = {"label": "Order it", "uuid": "u1", "isRecommended": True, "actions": [ACTION]}
LINK = {"label": "Explain", "url": "https://vigil.example.org/launch", "type": "smart"}
REASON = {"code": "known", "system": "urn:x", "display": "Known"}
WHOLE = CARD | {
    "uuid": "c1",
    "detail": "**Why**",
    "suggestions": [SUGGESTION],
    "selectionBehavior": "at-most-one",
    "overrideReasons": [REASON],
    "links": [LINK | {"appContext": "x"}, LINK | {"type": "absolute"}],
    "extension": {"org.example.more": {"a": 1}},
}
SERVICE = {"hook": "patient-view", "id": "one", "description": "It says.", "title": "One"}
REQUEST = hookcall.request(fhirAuthorization=hookcall.authorization(), prefetch={"labs": None})
ITEM = {"card": "c1", "outcome": "overridden", "outcomeTimestamp": "2026-11-20T14:05:00.5Z"}
ACCEPTED = ITEM | {"outcome": "accepted", "acceptedSuggestions": [{"id": "u1"}]}
RIGHT = {
    "Discovery": {"services": [SERVICE]},
    "Service": SERVICE | {"prefetch": {"patient": "Patient/{{context.patientId}}"}},
    "PatientRequest": REQUEST,
    "Response": {"cards": [WHOLE], "systemActions": [ACTION]},
    "Card": WHOLE,
    "Feedback": {"feedback": [ITEM, ACCEPTED, ITEM | {"overrideReason": {"userComment": "No."}}]},
}
EXAMPLES = json.loads(Path(__file__).with_name("examples.json").read_text("utf-8"))["examples"]
GONE = object()
# rule, schema, where, what stands there instead
WRONG = [
    (mark.rule("R1"), "Card", "suggestions 0 actions 0 resource", json.dumps(RESOURCE)),
    (mark.rule("R2"), "Card", "detail", ""),
    (mark.rule("R2"), "Card", "source url", None),
    (mark.rule("R2"), "Card", "suggestions 0 actions 0 resource note", []),
    (mark.rule("R3"), "Card", "links", []),
    (mark.rule("R3"), "Card", "overrideReasons", None),
    (mark.rule("R9"), "Discovery", "services", GONE),
    (mark.rule("R9"), "Discovery", "services", {"one": SERVICE}),
    (mark.rule("R11"), "Service", "hook", GONE),
    (mark.rule("R12"), "Service", "id", GONE),
    (mark.rule("R12"), "Service", "id", "a/b"),
    (mark.rule("R13"), "Service", "description", GONE),
    (mark.rule("R15"), "Service", "prefetch", {}),
    (mark.rule("R32"), "Service", "prefetch patient", "Patient/{context.patientId}"),
    (mark.rule("R33"), "Service", "prefetch patient", "Patient/{{patientId}}"),
    (mark.rule("R34"), "Service", "prefetch patient", "Patient/{{context.patient.id}}"),
    (mark.rule("R42"), "Service", "prefetch labs", "Observation?date=ge{{today() - 90 days}}"),
    (mark.rule("R42"), "Service", "hookVersion", "1.0"),
    (mark.rule("R61"), "Response", "cards", GONE),
    (mark.rule("R62"), "Response", "cards", None),
    (mark.rule("R63"), "Response", "systemActions", []),
    (mark.rule("R64"), "Card", "summary", GONE),
    (mark.rule("R64"), "Card", "summary", "x" * 140),
    (mark.rule("R65"), "Card", "indicator", "hard-stop"),
    (mark.rule("R65"), "Card", "indicator", GONE),
    (mark.rule("R66"), "Card", "source", GONE),
    (mark.rule("R66"), "Card", "source label", GONE),
    (mark.rule("R67"), "Card", "source url", "/model-card"),
    (mark.rule("R68"), "Card", "source icon", "icon.png"),
    (mark.rule("R69"), "Card", "source topic", {"code": "x"}),
    (mark.rule("R70"), "Card", "detail", {"text": "x"}),
    (mark.rule("R71"), "Card", "uuid", 5),
    (mark.rule("R72"), "Card", "overrideReasons 0 display", GONE),
    (mark.rule("R72"), "Card", "overrideReasons 0 system", GONE),
    (mark.rule("R73"), "Card", "selectionBehavior", GONE),
    (mark.rule("R73"), "Card", "selectionBehavior", "all"),
    (mark.rule("R74"), "Card", "suggestions", GONE),
    (mark.rule("R75"), "Card", "suggestions 0 label", GONE),
    (mark.rule("R76"), "Card", "suggestions 0 uuid", 7),
    (mark.rule("R77"), "Card", "suggestions 1", SUGGESTION),
    (mark.rule("R78"), "Card", "suggestions 0 actions", []),
    (mark.rule("R79"), "Card", "suggestions 0 actions 0 type", "CREATE"),
    (mark.rule("R80"), "Card", "suggestions 0 actions 0 description", GONE),
    (mark.rule("R81"), "Card", "suggestions 0 actions 0 resource", GONE),
    (mark.rule("R81"), "Card", "suggestions 0 actions 0 resource resourceType", GONE),
    (mark.rule("R82"), "Card", "suggestions 0 actions 0", {"type": "update", "description": "x"}),
    (mark.rule("R83"), "Card", "suggestions 0 actions 0", {"type": "delete", "description": "x"}),
    (mark.rule("R83"), "Response", "systemActions 0", {"type": "delete", "resource": "s1"}),
    (mark.rule("R84"), "Card", "suggestions 0 actionSelectionBehavior", "any"),
    (mark.rule("R86"), "Card", "links 0 label", GONE),
    (mark.rule("R86"), "Card", "links 0 url", GONE),
    (mark.rule("R86"), "Card", "links 0 type", "launch"),
    (mark.rule("R87"), "Card", "links 0 url", "https://vigil.example.org/launch?a=1&iss=https://x"),
    (mark.rule("R88"), "Card", "links 1 appContext", "x"),
    (mark.rule("R89"), "Card", "links 0 autolaunchable", True),
    (mark.rule("R90"), "Card", "links 0 url", "launch"),
    (mark.rule("R98"), "Card", "extension", "x"),
    (mark.rule("R98"), "Card", "org.example.more", 1),
    (mark.rule("R23"), "PatientRequest", "hook", GONE),
    (mark.rule("R23"), "PatientRequest", "context", GONE),
    (mark.rule("R24"), "PatientRequest", "hookInstance", "one"),
    (mark.rule("R25"), "PatientRequest", "fhirServer", GONE),
    (mark.rule("R55"), "PatientRequest", "fhirAuthorization token_type", "bearer"),
    (mark.rule("R55"), "PatientRequest", "fhirAuthorization expires_in", GONE),
    (mark.rule("R114"), "PatientRequest", "context patientId", "Patient/p1"),
    (mark.rule("R115"), "PatientRequest", "context userId", "d1"),
    (mark.rule("R94"), "Feedback", "feedback", ITEM),
    (mark.rule("R95"), "Feedback", "feedback 0 card", GONE),
    (mark.rule("R95"), "Feedback", "feedback 0 outcome", "ignored"),
    (mark.rule("R95"), "Feedback", "feedback 0 outcomeTimestamp", "2026-11-20"),
    (mark.rule("R95"), "Feedback", "feedback 1 acceptedSuggestions", GONE),
    (mark.rule("R96"), "Feedback", "feedback 2 overrideReason", {}),
]


def changed(value, where, put):
    """Return a copy in which one member is replaced, added or, for GONE, removed."""
    whole = found = copy.deepcopy(value)
    *steps, last = [int(step) if step.isdigit() else step for step in where.split()]
    for step in steps:
        found = found[step]
    if put is GONE:
        del found[last]
    elif isinstance(found, list) and last == len(found):
        found.append(put)
    else:
        found[last] = put
    return whole


@mark.parametrize("name", RIGHT)
def test_a_whole_one_fits(name):
    schema(name).validate(RIGHT[name])


@mark.parametrize(
    "given", EXAMPLES, ids=[f"{given['section']} {given['schema']}" for given in EXAMPLES]
)
def test_the_specifications_own_examples_fit(given):
    schema(given["schema"]).validate(given["example"])


@mark.parametrize(
    ("name", "where", "put"),
    [pytest.param(*row, marks=proves, id=f"{proves.args[0]} {row[1]}") for proves, *row in WRONG],
)
def test_what_breaks_a_rule_does_not_fit(name, where, put):
    assert schema(name).is_valid(RIGHT[name])
    assert not schema(name).is_valid(changed(RIGHT[name], where, put))


def test_every_rule_that_the_schema_cites_has_a_case_that_breaks_it():
    """Rules that only allow something can't be broken; nor can what another rule's case breaks."""
    cited = set(
        re.findall(r"R\d+", " ".join(re.findall(r'"\$comment": "([^"]*)"', json.dumps(DOCUMENT))))
    )
    levels = {rule.number: rule.level for rule in tables()["cds-hooks"]}
    assert cited <= set(levels)
    must = {number for number in cited if "MUST" in levels[number]}
    assert must <= {proves.args[0] for proves, *_ in WRONG} | {"R26", "R45", "R52", "R116"}


@mark.rule("R64")
def test_a_card_that_does_not_fit_fails_the_test_that_sees_it(world, monkeypatch):
    """Not only tests that ask for it: the test client itself looks (tests.support.contract)."""
    long = {"summary": "x" * 140, "suggestions": [], "selectionBehavior": "any"}
    monkeypatch.setattr(form.cards, "card", lambda *_, **__: WHOLE | long)
    with pytest.raises(ValidationError, match="is too long"):
        world.post(hookcall.request())
