"""`vigil serve` on a disk that is full, its log included."""

import json
import uuid

import pytest
import requests

from runtime.audit.log import Audit
from tests.bench import request as call
from tests.support.chained import chain
from tests.support.served import Served
from tests.support.small_disk import fill

EHR = """
[[ehr]]
id = "bench"
fhir_base = ["{}"]
hook_issuer = "{}"
hook_jwks_file = "keys.json"
"""
CALLS = 30


def ask(server):
    """Call the hook with a token of its own; return status and body."""
    body = call.body(20) | {"hookInstance": str(uuid.uuid4())}
    headers = {"Authorization": f"Bearer {call.token(server.url)}"}
    answer = requests.post(server.hook, json=body, headers=headers, timeout=30)
    return answer.status_code, answer.json()


@pytest.mark.rule("G5")
def test_a_full_disk_costs_no_card_and_no_record(small):
    """Callers are checked, cards come, and every card's record is in the chain afterwards."""
    (small / "keys.json").write_text(json.dumps({"keys": [call.KEY.as_dict(private=False)]}))
    server = Served(small, EHR.format(call.FHIR, call.ISSUER))
    try:
        assert ask(server)[0] == 200
        fill(small)
        answers = [ask(server) for _ in range(CALLS)]
        assert [status for status, _ in answers] == [200] * CALLS
        assert all(body["cards"] for _, body in answers)
        (small / "ballast").unlink()
    finally:
        server.stop()
    audit = Audit(small / "data" / "audit.sqlite")
    hooks = list(audit.records(type="hook"))
    told = [card["uuid"] for record in hooks for card in record["cards"]]
    assert len(hooks) == CALLS + 1 and chain(audit).broken_at is None
    assert {card["uuid"] for _, body in answers for card in body["cards"]} <= set(told)
    assert next(audit.records(type="reserve"))["records"] == CALLS
