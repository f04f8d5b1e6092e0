"""Phases and arms: who is shown what, the same on every host, foreseen by nobody, stopped at once."""

import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from runtime.audit.log import Audit
from runtime.secretfile import SecretFileError
from runtime.settings import Ehr, Settings, Trial
from runtime.settings_file import settings_from
from runtime.trials.announced import announced
from runtime.trials.arm import CONTROL, INTERVENTION, Arm, Subject, arm_of
from runtime.trials.key import trial_key
from runtime.trials.phase import phase_of
from runtime.trials.running import Running
from runtime.trials.stop import stopped
from tests.support.trials import KEY, trial

AT = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
DAY = AT.date()
BASE = "https://fhir.example.org/r4"


def planned(**members) -> Trial:
    usual = {"protocol": "VIGIL-1", "approval": "EC 7", "randomise": "patient", "key_file": "k"}
    dates = {"starts": date(2026, 1, 1), "ends": date(2026, 12, 31)}
    return Trial(**usual | dates | members)


def settings(folder, **members) -> Settings:
    record = {"id": "e", "fhir_base": [BASE], "smart_client_id": "v"}
    top = {"public_url": "http://localhost:1", "base_dir": str(folder), "ehr": [record]}
    return settings_from(top | {"trial": trial(folder, **members)})


def run(folder, **members) -> Running:
    known = settings(folder, **members)
    return Running(known.trial, known, Audit(known.audit_path))


def one(patient="p1", **more) -> Subject:
    return Subject("e", patient, **more)


@pytest.mark.parametrize("share", [0.5, 0.2])
@pytest.mark.parametrize("by", ["patient", "encounter", "unit"])
def test_the_arms_are_as_large_as_planned(by, share):
    """Of 20,000 ids as an EHR numbers them, within five standard deviations."""
    ids = [str(number) for number in range(20_000)]
    subjects = [Subject("e", i, i, i) for i in ids]
    plan = planned(randomise=by, control_share=share)
    arms = Counter(arm_of(plan, KEY, subject, DAY, None) for subject in subjects)
    assert set(arms) == {Arm(CONTROL, by), Arm(INTERVENTION, by)}
    spread = (20_000 * share * (1 - share)) ** 0.5
    assert abs(arms[Arm(CONTROL, by)] - 20_000 * share) < 5 * spread


def test_an_arm_hangs_on_key_protocol_ehr_and_id_alone():
    """Always the same for these, whoever asks and when; another for half of the ids with any one
    changed: it can't be guessed from another trial, hospital or key.
    """
    ids = [one(f"p{n}") for n in range(1000)]

    def arms(plan, key, subjects, day=DAY):
        return [arm_of(plan, key, subject, day, None).name for subject in subjects]

    usual = arms(planned(), KEY, ids)
    assert usual == arms(planned(approval="EC 8"), KEY, ids, date(2026, 12, 31))
    others = [
        arms(planned(), bytes(32), ids),
        arms(planned(protocol="VIGIL-2"), KEY, ids),
        arms(planned(), KEY, [subject._replace(ehr="f") for subject in ids]),
    ]
    for other in others:
        assert 400 < sum(a != b for a, b in zip(usual, other, strict=True)) < 600


def test_one_arm_is_known_by_heart():
    """So that no change of code deals a running trial anew."""
    arms = [arm_of(planned(), KEY, one(f"p{n}"), DAY, None).name for n in range(12)]
    assert "".join(arm[0] for arm in arms) == "ccicciiiiiic"


@pytest.mark.parametrize("by", ["unit", "encounter"])
def test_what_a_call_does_not_say_falls_back_to_the_patient(by):
    """And the arm says so."""
    plan = planned(randomise=by)
    assert arm_of(plan, KEY, one(), DAY, None).by == "patient"
    assert arm_of(plan, KEY, one(**{by: "x"}), DAY, None).by == by
    assert arm_of(plan, KEY, one(), DAY, None).name == arm_of(planned(), KEY, one(), DAY, None).name


def test_outside_of_its_time_a_trial_allocates_nobody():
    """First and last day belong to it."""
    plan, day = planned(starts=DAY, ends=DAY), timedelta(days=1)
    assert arm_of(plan, KEY, one(), DAY, None).name
    assert arm_of(plan, KEY, one(), DAY - day, None) == Arm(None, why="not begun")
    assert arm_of(plan, KEY, one(), DAY + day, None) == Arm(None, why="ended")
    assert arm_of(plan, KEY, one(), DAY, "harm") == Arm(None, why="stopped")


def test_a_day_is_one_of_the_ward(tmp_path):
    """At 14:05 UTC it is tomorrow in Auckland."""
    trials = run(tmp_path, ends=DAY)
    ward = Ehr(id="e", fhir_base=(BASE,), time_zone="Pacific/Auckland")
    assert trials.arm(one(), ward, AT) == Arm(None, why="ended")
    assert trials.arm(one(), Ehr(id="e", fhir_base=(BASE,)), AT).name


EHR = Ehr(id="e", fhir_base=(BASE,))


def test_a_stop_is_seen_by_every_process_at_once_and_recorded_once(tmp_path):
    """The first reason stands; nobody starts anything again."""
    first, second = run(tmp_path), run(tmp_path)
    assert first.arm(one(), EHR, AT).name and second.arm(one(), EHR, AT).name
    made = second.stop("harm seen", "DSMB", AT)
    assert first.arm(one(), EHR, AT) == Arm(None, why="stopped")
    assert first.stop("again", "somebody", AT + timedelta(hours=1)) == made
    (record,) = first._audit.records(type="trial")
    assert (record["action"], record["reason"], record["by"]) == ("stop", "harm seen", "DSMB")
    assert (record["protocol"], record["approval"]) == ("VIGIL-1", "EC 7")


@pytest.mark.parametrize("damage", ["garbage", "no folder"])
def test_a_stop_file_that_can_not_be_read_stops(tmp_path, damage):
    """Where it is not known whether a trial was stopped, everybody is shown everything."""
    (tmp_path / "shared").mkdir()
    trials = run(tmp_path, stop_file="shared/stop")
    assert trials.arm(one(), EHR, AT).name
    if damage == "garbage":
        (tmp_path / "shared" / "stop").write_text("")
    else:
        (tmp_path / "shared").rmdir()
    assert trials.arm(one(), EHR, AT) == Arm(None, why="stopped")
    assert "can't be read" in stopped(tmp_path / "shared" / "stop")


def test_the_most_patients_stop_a_trial_for_all(tmp_path):
    """Three are allocated, as often as they come; the fourth stops it, and for the three too."""
    trials = run(tmp_path, most_patients=3)
    for _ in range(2):
        assert all(trials.arm(one(f"p{n}"), EHR, AT).name for n in range(3))
    assert trials.arm(one("p4"), EHR, AT) == Arm(None, why="stopped")
    assert trials.arm(one("p1"), EHR, AT) == Arm(None, why="stopped") and trials.enrolled == 3
    assert next(trials._audit.records(type="trial"))["by"] == "stop rule"


def test_workers_count_together(tmp_path):
    """Whatever comes at once, no more are allocated than planned."""
    workers = [run(tmp_path, most_patients=10) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        arms = list(pool.map(lambda n: workers[n % 4].arm(one(f"p{n}"), EHR, AT).name, range(60)))
    assert sum(arm is not None for arm in arms) <= 10 == workers[0].enrolled


def test_a_count_that_fails_leaves_the_arm_as_it_is(tmp_path, monkeypatch):
    """A full disk deals nobody anew."""
    trials = run(tmp_path, most_patients=3)
    before = trials.arm(one(), EHR, AT)

    def full(*_):
        raise sqlite3.OperationalError("disk full")

    monkeypatch.setattr(trials._enrolled, "admit", full)
    assert trials.arm(one(), EHR, AT) == before and trials.arm(one("p9"), EHR, AT).name


def test_an_ehr_that_takes_no_part_has_no_arm(tmp_path):
    other = Ehr(id="other", fhir_base=(BASE,))
    assert run(tmp_path, ehrs=["e"]).arm(one(), other, AT) is None
    assert run(tmp_path).arm(one(), other, AT).name


def test_what_is_kept_names_no_patient(tmp_path):
    """Neither the count nor the stop (F10)."""
    trials = run(tmp_path, most_patients=1)
    trials.arm(one("CANARY-1"), EHR, AT)
    trials.arm(one("CANARY-2"), EHR, AT)
    for path in (tmp_path / "var").glob("trial*"):
        assert b"CANARY" not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (b"AAAA", 0o600, "holds 3 bytes; it needs 32"),
        (b"not base64!", 0o600, "no base64"),
        (None, 0o644, "readable by others"),
    ],
)
def test_a_key_is_private_and_whole(tmp_path, content, mode, words):
    """Who can read it can foresee every arm (F6)."""
    trial(tmp_path)
    path = tmp_path / "trial-key"
    path.write_bytes(content or path.read_bytes())
    path.chmod(mode)
    with pytest.raises(SecretFileError, match=words):
        trial_key(path)


def test_a_silent_phase_is_open_to_those_who_are_named():
    """By reference, relative or absolute in this EHR's own base, or as issuer and subject."""
    names = ("Practitioner/1", f"{BASE}/Practitioner/2", "https://idp.example.org|7")
    ehr = msgspec.structs.replace(EHR, mode="silent", open_to=names)
    for user in (*names, f"{BASE}/Practitioner/1", "Practitioner/2"):
        assert phase_of(ehr, user).open, user
    for user in (None, "", "Practitioner/12", "https://other.example.org/Practitioner/1"):
        phase = phase_of(ehr, user)
        assert not phase.open and phase.silent == "silent mode"
    assert phase_of(EHR, None).silent is None
    assert phase_of(msgspec.structs.replace(EHR, mode="shadow"), names[0]).silent == "shadow mode"


def test_a_start_says_who_is_shown_less(tmp_path):
    """A line for each silent EHR, and one for the trial, also once it was stopped."""
    known = settings(tmp_path)
    silent = tuple(
        msgspec.structs.replace(EHR, id=mode, mode=mode) for mode in ("live", "silent", "shadow")
    )
    lines = list(announced(msgspec.structs.replace(known, ehr=silent)))
    assert [line.split()[:3] for line in lines[:2]] == [
        ["SILENT:", "ehr", "`silent`"],
        ["SILENT:", "ehr", "`shadow`"],
    ]
    assert "protocol VIGIL-1, approval EC 7" in lines[2] and "50 % by patient" in lines[2]
    (tmp_path / "var").mkdir()
    Running(known.trial, known, Audit(known.audit_path)).stop("enough", "DSMB", AT)
    assert "stopped: enough" in list(announced(known))[-1]
