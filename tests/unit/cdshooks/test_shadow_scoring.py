"""A shadow model: scored after the answer has left, recorded beside the champion, shown to nobody,
and never in anybody's way.
"""

import threading
import time
from dataclasses import replace

import pytest

from cdshooks.trials import shadow_scoring
from cdshooks.trials.shadow_report import NONE, report
from models.fitted.booster import ModelError
from models.fitted.model import Model
from tests.support.hookcall import World, bundle, model, prefetch, request


def shadow(**facts) -> Model:
    """A second version whose risk is the champion's, unless a fact says otherwise."""
    champion = model()
    made = replace(
        champion,
        id=replace(champion.id, version="2.0.0", sha256="1" * 64),
        manifest=champion.manifest | facts,
    )
    made.__dict__["predictor"] = champion.predictor
    return made


def until(what):
    """Return a true value of `what` once there is one; generous, since a thread brings it."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.01)
    return pytest.fail("it never came")


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Nothing is gathered here, so that each record comes by itself."""
    monkeypatch.setattr(shadow_scoring, "GATHER_SECONDS", 0)


def recorded(world, kind="shadow") -> list[dict]:
    return list(world.audit.records(type=kind))


def test_it_is_scored_once_the_answer_has_left_and_not_before(tmp_path, monkeypatch):
    """The answer's way holds its own record and no shadow; that begins when the server closes the
    answer, which it does after the last byte.
    """
    events = []
    world = World(tmp_path, shadows=(shadow(),))
    append = world.audit.append_all
    monkeypatch.setattr(
        world.audit,
        "append_all",
        lambda records: (events.extend(kind for kind, _ in records), append(records))[1],
    )
    offer = shadow_scoring.Shadows._offer
    monkeypatch.setattr(
        shadow_scoring.Shadows, "_offer", lambda *given: (events.append("closed"), offer(*given))
    )
    answer = world.post(request())
    assert answer.status_code == 200 and answer.json["cards"]
    events.append("answered")
    answer.close()
    until(lambda: recorded(world))
    assert events == ["hook", "answered", "closed", "shadow"]


def test_its_record_stands_beside_the_champion_s(tmp_path):
    """Same assessment id, both models, both risks; no patient, no chart, and no card."""
    world = World(tmp_path, shadows=(shadow(calibration={"slope": 1.0, "intercept": 1.0}),))
    answer = world.post(request())
    answer.close()
    (found,) = until(lambda: recorded(world))
    call = world.record()
    assert found["assessment_id"] == call["assessment_id"] == answer.json["cards"][0]["uuid"]
    assert found["model"] == {"name": "test", "version": "2.0.0", "sha256": "1" * 64}
    assert found["champion"]["probability"] == call["risks"][0]["probability"]
    assert found["champion"]["model"]["version"] == "1.0.0"
    assert found["score"] == pytest.approx(found["champion"]["score"] + 1)
    assert found["probability"] > found["champion"]["probability"] and found["band"] == "high"
    assert found["dropped"] == 0 and not {"patient", "chart", "cards"} & set(found)
    assert world.audit.find_assessment(found["assessment_id"])["hook"] == "patient-view"


class Faulty:
    """A predictor that gives no number."""

    def score(self, row):
        raise ModelError("no number")


def test_one_that_fails_costs_a_line_and_no_other_shadow(tmp_path):
    """The card is there, and the next shadow has its record."""
    bad = shadow()
    bad.__dict__["predictor"] = Faulty()
    world = World(tmp_path, shadows=(bad, shadow()))
    answer = world.post(request())
    answer.close()
    assert answer.json["cards"] and until(lambda: recorded(world))
    assert len(recorded(world)) == 1


@pytest.mark.rule("G13")
def test_where_no_number_is_due_or_no_shadow_stands_nothing_is_scored(tmp_path):
    """A chart with too little data has no risk to compare, and a repeat was compared already."""
    world = World(tmp_path, shadows=(shadow(),))
    world.post(request(prefetch=prefetch(vitals=bundle([]), labs=None))).close()
    body = request()
    for _ in range(2):
        world.post(body).close()
    until(lambda: recorded(world))
    assert world.record()["repeat"] and len(recorded(world)) == 1


def test_a_call_that_is_being_answered_goes_first_and_what_is_too_much_is_counted(
    tmp_path, monkeypatch
):
    """While calls are answered nothing is scored; the queue holds two here, three are passed over,
    and the next record says so. What waited is written together.
    """
    monkeypatch.setattr(shadow_scoring, "LONGEST_QUEUE", 2)
    busy, waits = threading.Event(), threading.Event()
    busy.set()
    world = World(tmp_path)
    batches, append = [], world.audit.append_all
    monkeypatch.setattr(
        world.audit, "append_all", lambda rows: (batches.append(len(rows)), append(rows))[1]
    )
    unseen = shadow_scoring.Shadows(
        (shadow(),), world.audit, lambda: (waits.set(), busy.is_set())[1]
    )
    unseen._offer(_job())
    assert waits.wait(20)
    for _ in range(5):
        unseen._offer(_job())
    assert not recorded(world)
    busy.clear()
    until(lambda: len(recorded(world)) == 3)
    assert batches == [1, 2]
    # The newest first: the call that was in the works tells of the three, or the two after it.
    assert sum(one["dropped"] for one in recorded(world)) == 3


def test_a_log_in_trouble_takes_no_shadow(tmp_path, monkeypatch):
    """The reserve on disk is for records that cards wait for (G5)."""
    world = World(tmp_path)
    unseen = shadow_scoring.Shadows((shadow(),), world.audit, lambda: False)
    good = world.audit.state()
    monkeypatch.setattr(world.audit, "state", lambda: replace(good, status="reserve"))
    unseen._offer(_job())
    monkeypatch.undo()
    unseen._offer(_job())
    assert until(lambda: recorded(world))[0]["dropped"] == 1


def _job():
    from models.assess import assess
    from models.reading.fhir import parse
    from models.reading.reader import read_chart
    from tests.support.hookcall import AT, SICK, observations, patient

    resources = [r for one in (patient(), *observations(SICK)) for r in parse(one).resources]
    chart = read_chart(resources, "p1", AT)
    return "a-1", chart, assess(chart, AT, (model(),)), 2.0


def risk(band, probability, version="1.0.0"):
    return {
        "band": band,
        "probability": probability,
        "model": {"name": "test", "version": version, "sha256": "0"},
    }


def test_the_report_compares_a_pair_of_versions():
    """Agreement of bands, differences in percentage points, alerts of each, what was passed over."""
    pairs = [("low", 0.1, "low", 0.12), ("low", 0.2, "medium", 0.4), ("high", 0.9, "high", 0.88)]
    records = [
        risk(b, q, "2.0.0") | {"outcome": "death", "champion": risk(a, p), "dropped": 2}
        for a, p, b, q in pairs
    ]
    text = report([*records, records[0] | {"champion": None}])
    assert "death: champion test 1.0.0, shadow test 2.0.0: 3 charts" in text
    assert "same band: 2 of 3 (66.7 %)" in text and "mean +6.67, median +2.00" in text
    assert "from -2.00 to +20.00" in text
    assert "alerts (above low): champion 1 of 3 (33.3 %), shadow 2 of 3 (66.7 %)" in text
    assert "high: champion 1 of 3 (33.3 %), shadow 1 of 3" in text
    assert "champion no champion, shadow test 2.0.0: 1 charts" in text
    assert "passed over, since there was no time for them: 8" in text
    assert report([]) == NONE
