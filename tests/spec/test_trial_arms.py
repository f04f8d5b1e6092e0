"""What a call is answered in each phase and arm, and what its record says of it."""

from datetime import date, timedelta

import pytest
from click.testing import CliRunner

import vigil
from cdshooks.trials import trial_command
from tests.support.hookcall import CALM, World, bundle, observations, prefetch, request
from tests.support.trials import trial

CONTROL, INTERVENTION = {"control_share": 0.999}, {"control_share": 0.001}


def calm() -> dict:
    """A call whose values ask for nothing, and in which the test's model sees a medium risk."""
    return request(prefetch=prefetch(vitals=bundle(observations(CALM)), labs=None))


@pytest.fixture
def build(tmp_path):
    """Return a builder of Vigils in a trial."""
    return lambda plan, **ehr: World(tmp_path, trial=trial(tmp_path, **plan), **ehr)


def test_the_intervention_arm_is_shown_everything(build):
    world = build(INTERVENTION)
    (card,) = world.cards(calm())
    assert "risk" in card["summary"] and "links" in card
    record = world.record()
    assert record["trial"]["arm"] == "intervention" and not record["withheld"]


def test_the_control_arm_is_recorded_and_not_shown(build):
    """All that was computed stands in the record; the card is empty, as NEWS2 asks for nothing."""
    world = build(CONTROL)
    assert world.cards(calm()) == []
    record = world.record()
    assert (record["shown"], record["delivery"], record["withheld"]) == (False, "control arm", True)
    assert record["trial"] == {
        "protocol": "VIGIL-1",
        "approval": "EC 7",
        "randomised": "patient",
        "arm": "control",
        "by": "patient",
        "why": None,
    }
    assert record["level"] == "warning" and record["risks"][0]["band"] == "medium"


@pytest.mark.rule("G12")
def test_a_control_card_comes_again_as_it_was(build):
    """NEWS2 of the sick stays, at its level, without the model's part, also in a repeat and once
    the trial has stopped between the two.
    """
    world, body = build(CONTROL), request()
    (card,) = world.cards(body)
    assert card["indicator"] == "critical" and "NEWS2" in card["summary"]
    assert "withheld" in card["summary"] and "links" not in card and "%" not in card["summary"]
    (world.settings.trial_stop_path).write_text("stopped")
    world.now += timedelta(minutes=1)
    assert world.cards(body) == [card]
    assert world.record()["repeat"] and world.record()["trial"]["arm"] == "control"


def test_what_the_site_shows_from_a_level_holds_in_the_control_arm_too(build):
    """As if there were no model; no card is shown there that says nothing of NEWS2."""
    world = build(CONTROL, show_from="high")
    assert len(world.cards(request())) == 1
    given = prefetch(vitals=bundle([]), labs=None)
    assert world.cards(request(prefetch=given)) == []


def test_the_fallback_is_in_the_record(build):
    """An encounter is randomised where the call names one, else its patient."""
    world = build({"randomise": "encounter"})
    world.cards(calm())
    assert (world.record()["trial"]["randomised"], world.record()["trial"]["by"]) == (
        "encounter",
        "patient",
    )
    context = {"userId": "Practitioner/d1", "patientId": "p1", "encounterId": "e1"}
    world.cards(calm() | {"context": context})
    assert world.record()["trial"]["by"] == "encounter"


@pytest.mark.parametrize(
    ("plan", "why"),
    [({"starts": date(2098, 1, 1)}, "not begun"), ({"ends": date(2021, 1, 1)}, "ended")],
)
def test_outside_of_its_dates_everything_is_shown(build, plan, why):
    world = build(CONTROL | plan)
    assert world.cards(calm())
    assert (world.record()["trial"]["arm"], world.record()["trial"]["why"]) == (None, why)


def test_without_a_trial_the_record_says_so(tmp_path):
    world = World(tmp_path)
    world.cards(calm())
    assert world.record()["trial"] is None


@pytest.mark.parametrize("user", ["Practitioner/d1", "Practitioner/d2"])
def test_a_silent_phase_shows_cards_to_the_named_alone(tmp_path, user):
    """Also what NEWS2 asks for is held back: such a service was approved as such."""
    world = World(tmp_path, mode="silent", open_to=["Practitioner/d1"])
    named = user == "Practitioner/d1"
    cards = world.cards(request(context={"userId": user, "patientId": "p1"}))
    assert len(cards) == named
    record = world.record()
    assert (record["mode"], record["shown"]) == ("silent", named)
    assert named or record["delivery"] == "silent mode"


def command(folder, *arguments):
    """Run `vigil trial` on the configuration of a folder."""
    config = folder / "vigil.toml"
    config.write_text(
        'public_url = "http://localhost:1"\n[[ehr]]\nid = "ehr"\nsmart_client_id = "v"\n'
        'fhir_base = ["https://fhir.example.org/r4"]\n[trial]\nprotocol = "VIGIL-1"\n'
        'approval = "EC 7"\nrandomise = "patient"\nkey_file = "trial-key"\n'
        "starts = 2020-01-01\nends = 2099-12-31\ncontrol_share = 0.999\nmost_patients = 50\n"
    )
    first, *rest = map(str, arguments)
    result = CliRunner().invoke(vigil.main, ["trial", first, "--config", str(config), *rest])
    return result.exit_code, result.output


def test_the_command_stops_a_running_service_and_tells_how_it_stands(tmp_path):
    """Status counts calls, patients and cards by arm; after the stop the next call is whole."""
    plan = trial(tmp_path, most_patients=50, **CONTROL)
    world = World(tmp_path, trial=plan)
    world.cards(calm())
    code, text = command(tmp_path, "status")
    assert code == 0 and "protocol VIGIL-1, approval EC 7" in text and ": running" in text
    assert "patients allocated on this host: 1 of at most 50" in text
    code, text = command(tmp_path, "stop", "--reason", "harm seen", "--by", "DSMB")
    assert code == 0 and "by DSMB: harm seen" in text
    assert world.cards(calm()) and world.record()["trial"]["why"] == "stopped"
    code, text = command(tmp_path, "stop", "--reason", "again", "--by", "X")
    assert code == 0 and "by DSMB: harm seen" in text
    assert "stopped (harm seen)" in command(tmp_path, "status")[1]


def test_status_counts_by_arm():
    """Of this protocol alone."""
    kept = {"protocol": "P", "randomised": "encounter", "why": None}
    calls = [("control", "p1", "encounter"), ("control", "p1", "patient"), (None, "p2", None)]
    records = [
        {"ehr": "e", "patient": p, "shown": arm is None, "trial": kept | {"arm": arm, "by": by}}
        for arm, p, by in calls
    ]
    records[2]["trial"]["why"] = "ended"
    others = [{"trial": None}, {}, records[0] | {"trial": kept | {"protocol": "Q"}}]
    assert list(trial_command._by_arm([*records, *others], "P")) == [
        "control: 2 calls, 1 patients, 0 cards, 1 calls by patient since they lacked the unit "
        "asked for",
        "none: ended: 1 calls, 1 patients, 1 cards",
    ]


def test_balance_counts_and_names_nobody(tmp_path):
    """A list too short, which would tell an arm, is refused; the key is not printed."""
    key = (trial(tmp_path), (tmp_path / "trial-key").read_text())[1]
    ids = tmp_path / "ids"
    ids.write_text("\n".join(f"p{n}" for n in range(2000)))
    code, text = command(tmp_path, "balance", ids, "--ehr", "ehr")
    assert code == 0 and "2000 ids: " in text and "Expected 1998" in text
    assert key not in text and "p7" not in text
    ids.write_text("p1\n" * 200)
    code, text = command(tmp_path, "balance", ids, "--ehr", "ehr")
    assert code == 1 and "100 different ids" in text


def test_a_key_that_is_gone_costs_no_card(build, tmp_path):
    """A worker that is started again after the key went shows everybody all."""
    world = build(CONTROL)
    (tmp_path / "trial-key").unlink()
    (card,) = world.cards(calm())
    assert "risk" in card["summary"]
    assert world.record()["trial"]["why"] == "no key"
