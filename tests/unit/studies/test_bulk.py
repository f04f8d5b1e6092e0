"""FHIR bulk NDJSON: read as a hook reads, cut into stays, labelled by a CSV of outcomes."""

import gzip
import json
from datetime import timedelta

import pytest

from studies.data.bulk import bulk_stays, is_bulk, read_events
from studies.data.stays import DataError
from tests.conftest import AT, observation, patient


def written(folder, observations, people=None, name="Observation.ndjson"):
    """Write an export; an Observation is a dict or a line."""
    people = people or [patient()]
    (folder / "Patient.ndjson").write_text("".join(json.dumps(person) + "\n" for person in people))
    lines = "".join(
        (found if isinstance(found, str) else json.dumps(found)) + "\n" for found in observations
    )
    (folder / name).write_bytes(
        gzip.compress(lines.encode()) if name.endswith(".gz") else lines.encode()
    )
    return folder


def outcomes(folder, text):
    """Write outcomes.csv."""
    (folder / "outcomes.csv").write_text(text)
    return folder / "outcomes.csv"


def labels(stays):
    """Return the labels as digits."""
    return ["".join(str(int(label)) for label in stay.labels["death"]) for stay in stays]


def test_readings_become_stays_where_nothing_comes_for_three_days(tmp_path):
    """A stay runs from its first to its last reading; without times the last stay has the
    outcome.
    """
    hours = [300, 299, 297, 100, 98]
    folder = written(
        tmp_path,
        [observation("heart_rate", 80 + h / 100, h) for h in hours],
        name="Observation.000.ndjson",
    )
    stays = list(bulk_stays(folder, outcomes(tmp_path, "id\nPatient/p1\n"), "death", 24))
    assert [s.record for s in stays] == ["p1 1", "p1 2"] and [s.chart.patient for s in stays] == [
        "p1",
        "p1",
    ]
    assert stays[0].start == AT - timedelta(hours=300) and len(stays[0].chart.readings) == 3
    assert (
        labels(stays) == ["000", "11"]
        and stays[0].groups == {"sex": "female"}
        and stays[0].chart.age(AT) == 70
    )
    assert labels(bulk_stays(folder, outcomes(tmp_path, "id\n p2 \n"), "death", 24)) == [
        "000",
        "00",
    ]


def test_a_time_labels_the_hours_before_it(tmp_path):
    """The event belongs to the stay in which it was, or which it followed within the horizon;
    each stay may have its own.
    """
    folder = written(
        tmp_path,
        [observation("heart_rate", 80 + h, h) for h in (200, 195, 100, 96)],
        name="1.Observation.ndjson.gz",
    )

    def at(*hours):
        return outcomes(
            tmp_path,
            "id,time\n" + "".join(f"p1,{(AT - timedelta(hours=h)).isoformat()}\n" for h in hours),
        )

    assert labels(bulk_stays(folder, at(97.5), "death", 1)) == ["00000", "01"]
    assert labels(bulk_stays(folder, at(194), "death", 2)) == ["00011", "0000"]
    assert labels(bulk_stays(folder, at(197, 90), "death", 3)) == ["11", "0000"]
    assert labels(bulk_stays(folder, at(92, 90), "death", 5)) == ["00000", "0011111"]
    assert labels(bulk_stays(folder, at(500), "death", 5)) == ["00000", "0000"]


def test_what_a_hook_would_reject_is_rejected(tmp_path, capsys):
    """Status, code, unit, time, the future and other patients; each is counted, and a line of
    wrong shape costs only itself.
    """
    odd = observation("heart_rate", 80, 3) | {"valueQuantity": "eighty"}
    found = [
        observation("heart_rate", 80, 4),
        observation("heart_rate", 90, 2, status="entered-in-error"),
        observation("systolic", 120, 2, patient_id="p9"),
        observation("temperature", 37, 2, effectiveDateTime="2099-01-01T00:00:00Z"),
        observation("heart_rate", 90, 2, effectiveDateTime="2026-03-29"),
        odd,
        "",
    ]
    (stay,) = bulk_stays(written(tmp_path, found), outcomes(tmp_path, "id\np1\n"), "death", 24)
    assert [r.value for r in stay.chart.readings] == [80] and stay.chart.rejected == {
        "status": 1,
        "future": 1,
        "time": 1,
    }
    said = capsys.readouterr().err
    assert "1 Observations are about nobody" in said and "1 lines are no valid FHIR" in said


@pytest.mark.parametrize(
    ("lines", "people", "csv", "words"),
    [
        (["{"], None, "id\np1\n", r"Observation.ndjson, line 1: this is no JSON object"),
        (
            [observation("heart_rate", 80), '{"resourceType": "Obs'],
            None,
            "id\np1\n",
            r"Observation.ndjson, line 2",
        ),
        ([""], None, "id\np1\n", r"there is no Observation of these patients"),
        (
            [observation("heart_rate", 80)],
            None,
            "patient\np1\n",
            r"outcomes.csv, line 1: there is no column id",
        ),
        (
            [observation("heart_rate", 80)],
            None,
            "id,time\np1,2026-03-29\n",
            r"outcomes.csv, line 2: time has to be",
        ),
        (
            [observation("heart_rate", 80)],
            None,
            "id,time\np1,\n",
            r"outcomes.csv, line 2: time has to be",
        ),
        ([observation("heart_rate", 80)], None, "id\n", r"outcomes.csv: there is no row"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, lines, people, csv, words):
    """File and line, for the export and for the outcomes."""
    with pytest.raises(DataError, match=words):
        list(bulk_stays(written(tmp_path, lines, people), outcomes(tmp_path, csv), "death", 24))


def test_damaged_and_missing_files_are_named(tmp_path):
    """Half a .gz, and an export without patients."""
    written(
        tmp_path,
        [observation("heart_rate", 80 + h / 100, h) for h in range(1, 400)],
        name="Observation.ndjson.gz",
    )
    whole = (tmp_path / "Observation.ndjson.gz").read_bytes()
    (tmp_path / "Observation.ndjson.gz").write_bytes(whole[: len(whole) // 2])
    assert is_bulk(tmp_path) and not is_bulk(tmp_path / "Patient.ndjson")
    with pytest.raises(DataError, match=r"Observation.ndjson.gz.*can't be read"):
        list(bulk_stays(tmp_path, outcomes(tmp_path, "id\np1\n"), "death", 24))
    (tmp_path / "Patient.ndjson").unlink()
    with pytest.raises(DataError, match=r"there is no Patient.ndjson"):
        list(bulk_stays(tmp_path, outcomes(tmp_path, "id\np1\n"), "death", 24))


def test_a_patient_may_have_several_events(tmp_path):
    """All rows of a patient count."""
    events = read_events(
        outcomes(tmp_path, "id,time\np1,2026-03-29T10:00:00Z\np1,2026-03-30 10:00:00+01:00\n")
    )
    assert [time.hour for time in events["p1"]] == [10, 9]
