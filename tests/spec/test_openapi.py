"""The OpenAPI document is what is served: each route is in it, and nothing else."""

import re

import pytest
from jsonschema import Draft202012Validator

from runtime.settings_file import settings_from
from tests.support import contract
from tests.support.hookcall import FHIR, PUBLIC
from vigil import create_app


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The whole application with every page that can be configured, without a Redis."""
    folder = tmp_path_factory.mktemp("vigil")
    ehr = {"id": "ehr", "fhir_base": [FHIR], "hook_auth": "open", "smart_client_id": "vigil"}
    config = {"public_url": PUBLIC, "base_dir": str(folder), "ehr": [ehr]}
    token = folder / "metrics-token"
    token.touch(0o600)
    token.write_text("x" * 32)
    config |= {"metrics_token_file": "metrics-token"}
    return create_app(settings_from(config), "unix:///nowhere.sock")


def test_the_document_holds_every_route_and_no_other(app):
    """Services also answer where a client doubled a slash, which no document should teach."""
    served = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if "//" not in rule.rule
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    described = {
        (method.upper(), path)
        for path, item in contract.DOCUMENT["paths"].items()
        for method in item.keys() & {"get", "post", "put", "patch", "delete"}
    }
    assert described == served


def test_the_document_is_served_to_anybody(app):
    first = app.test_client().get("/openapi.json")
    assert (first.status_code, first.mimetype) == (200, "application/json")
    assert first.json == contract.DOCUMENT
    again = {"If-None-Match": first.headers["ETag"]}
    assert app.test_client().get("/openapi.json", headers=again).status_code == 304


def test_no_reference_leads_out_of_the_document_or_nowhere():
    def references(value):
        if isinstance(value, dict):
            yield from [value["$ref"]] if "$ref" in value else []
        inner = value.values() if isinstance(value, dict) else value
        if isinstance(value, dict | list):
            for one in inner:
                yield from references(one)

    for reference in references(contract.DOCUMENT):
        found = contract.DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def test_the_schema_serves_by_itself(app):
    with app.test_client().get("/static/cds-hooks.schema.json") as answer:
        served = answer.json
    Draft202012Validator.check_schema(served)
    assert served["$defs"].keys() == contract.DOCUMENT["components"]["schemas"].keys()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": 418}, "418"),
        ({"media": "text/plain"}, "text/plain"),
        ({"body": b'{"cards": [{"summary": "x"}]}'}, "'indicator' is a required property"),
        ({"body": b'{"cards": null}'}, "None is not of type 'array'"),
    ],
)
def test_an_answer_that_does_not_fit_fails(change, said):
    """What holds every test's answers can fail."""
    right = {
        "method": "POST",
        "path": "/cds-services/vigil-patient-view",
        "status": 200,
        "media": "application/json",
        "body": b'{"cards": []}',
    }
    contract.check(**right)
    with pytest.raises(Exception, match=said):
        contract.check(**right | change)
