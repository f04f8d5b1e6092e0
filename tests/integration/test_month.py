"""A generated month of hook calls through the service, and what another policy would make of it."""

import json
import random
from datetime import timedelta

import pytest
from click.testing import CliRunner

import vigil
from cdshooks.delivering.explain import REASONS, sentences
from cdshooks.delivering.simulated import Simulation
from runtime import store
from runtime.audit.proof.export import lines
from runtime.settings import Policy
from tests.support import hookcall
from tests.support.hookcall import CALM, FEEDBACK, bundle, observation

PATIENTS, DAYS, CALLS = 6, 30, 360
CONFIG = """public_url = "http://localhost:8000"
[[ehr]]
id = "ehr"
fhir_base = ["https://fhir.example.org/r4"]
smart_client_id = "vigil"
"""
CODES = [None, "known", "limits", "data", "disagree"]


def called(world, chance, number, severity):
    """Call the hook for a patient whose vital signs are `severity` (0 to 1) on their way down."""
    rows = {
        "heart_rate": 62 + 60 * severity,
        "respiratory_rate": 14 + 14 * severity,
        "spo2": 98 - 10 * severity,
        "systolic": 125 - 40 * severity,
        "temperature": 36.8 + 2 * severity,
    }
    name = f"p{number}"
    taken = [
        observation(*CALM[variable][:2], round(value, 1), patient=name, hours=0)
        | {"effectiveDateTime": (world.now - timedelta(minutes=30)).isoformat()}
        for variable, value in rows.items()
    ]
    died = severity >= 1
    body = hookcall.request(
        context={"userId": f"Practitioner/d{chance.randrange(3)}", "patientId": name},
        prefetch={
            "patient": hookcall.patient(id=name) | ({"deceasedBoolean": True} if died else {}),
            "vitals": bundle(taken),
            "labs": bundle([]),
        },
    )
    return world.cards(body)


@pytest.fixture(scope="module")
def month(tmp_path_factory):
    """The world after a month, with a Redis that it filled."""
    folder = tmp_path_factory.mktemp("month")
    server, chance = store.embedded(folder / "redis"), random.Random(7)
    world = hookcall.World(folder, redis_url=server.url, interrupts_per_day=3)
    severity = [chance.random() / 2 for _ in range(PATIENTS)]
    start = world.now - timedelta(days=DAYS)
    for opened in range(CALLS):
        world.now = start + timedelta(days=DAYS) * opened / CALLS
        number = chance.randrange(PATIENTS)
        severity[number] = max(0.0, severity[number] + chance.gauss(0.02, 0.15))
        cards = called(world, chance, number, severity[number])
        if severity[number] >= 1:
            severity[number] = 0.1
        if cards and chance.random() < 0.3:
            reason = {"reason": {"code": code}} if (code := chance.choice(CODES)) else None
            said = {"card": cards[0]["uuid"], "outcome": "overridden", "overrideReason": reason}
            said["outcomeTimestamp"] = world.now.isoformat()
            assert world.post({"feedback": [said]}, path=FEEDBACK).status_code == 200
    yield world
    server.stop()


def log(world):
    """Yield the lines of the log, dated by the month's clock in place of the machine's."""
    at = ""
    for line in map(json.loads, lines(world.audit.path, 1, None)):
        at = line["body"].get("at", at)
        yield json.dumps(line | {"ts": at})


def simulated(world, **policy) -> Simulation:
    found = Simulation(Policy(**policy), world.settings.ehr[0].zone)
    found.read(log(world))
    assert found.unread == 0
    return found


def counts(burden):
    return burden.forms, burden.levels, burden.held, burden.feedback, burden.before_death


def test_the_policy_of_that_month_gives_that_month_again(month):
    """Call by call, with each dismissal, interruption and death: so another policy can be
    believed.
    """
    found = simulated(month, interrupts_per_day=3)
    assert counts(found.now) == counts(found.then)
    assert found.then.calls == CALLS and found.then.deaths
    assert set(found.then.held) >= {"quiet period", "snoozed: known", "deceased"}
    reasons = {record["delivery"] for record in month.audit.records(None, "hook")}
    assert reasons >= {"daily limit", "level risen", "new finding", "risk moved"}


def test_another_policy_has_another_burden(month):
    none = simulated(month, quiet_hours=0, snooze_known_hours=0).now
    long = simulated(month, quiet_hours=24, interrupts_per_day=0).now
    assert none.cards > simulated(month).now.cards > long.cards
    assert none.interrupts > long.interrupts
    assert none.per_100_patient_days > long.per_100_patient_days > 0
    assert none.per_user_and_shift > long.per_user_and_shift
    with_floor = [
        record
        for record in month.audit.records(None, "hook")
        if record["status"] != "deceased"
        and any(found[0] != "info" and found[1] != "risk" for found in record["findings"])
    ]
    assert long.forms["whole"] + long.forms["line"] >= len(with_floor) > 0


def test_the_commands_tell_it(month, tmp_path):
    """simulate from an export, all of it and its last days; explain of one call."""
    export, policy = tmp_path / "log.jsonl", tmp_path / "policy.toml"
    export.write_text("\n".join(log(month)))
    policy.write_text("quiet_hours = 24\n")

    def run(*more):
        arguments = ["delivery", "simulate", "--audit", str(export), "--policy", str(policy)]
        return CliRunner().invoke(vigil.main, [*arguments, *more])

    told = run()
    assert told.exit_code == 0, told.output
    assert told.output.startswith(f"{CALLS} calls on ")
    assert "cards per 100 patient-days" in told.output and "quiet period" in told.output
    assert "found a patient dead" in told.output and "overridden (known)" in told.output
    assert 0 < int(run("--days", "3").output.split()[0]) < CALLS / 9
    policy.write_text("quiet_hour = 24\n")
    assert "unknown key `quiet_hour`" in run().output
    policy.write_text("quiet_hours = -1\n")
    assert "`quiet_hours` must be from 0 to 72" in run().output


def test_a_decision_is_told_in_sentences(month, tmp_path):
    """Of each reason that the month knew; and each is the same when it is made again."""
    zone = month.settings.ehr[0].zone
    by_reason = {record["delivery"]: record for record in month.audit.records(None, "hook")}
    for reason, record in by_reason.items():
        told = "\n".join(sentences(record, zone))
        assert REASONS[reason] in told and told.endswith("from the record: the same.")
    record = by_reason["snoozed: known"]
    (tmp_path / "vigil.toml").write_text(CONFIG)
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "audit.sqlite").symlink_to(month.audit.path)
    arguments = ["delivery", "explain", record["assessment_id"], "--config"]
    run = CliRunner().invoke(vigil.main, [*arguments, str(tmp_path / "vigil.toml")])
    assert run.exit_code == 0 and "Dismissed as `known`: until" in run.output, run.output
    arguments[2] = "none"
    run = CliRunner().invoke(vigil.main, [*arguments, str(tmp_path / "vigil.toml")])
    assert run.exit_code == 1 and "no hook call" in run.output
