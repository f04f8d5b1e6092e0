"""`vigil demo --export`: the same synthetic stays in both forms, always the same, and no more real
than they say.
"""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import vigil
from demo.export import OUTCOME, export
from demo.patients.cohort import invented_stays
from studies.data.bulk import bulk_stays
from studies.data.mapping import read_mapping
from studies.data.tables import table_stays

STAYS = 80


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("demo") / "example"
    run = CliRunner().invoke(vigil.main, ["demo", "--export", str(found), "--stays", str(STAYS)])
    assert run.exit_code == 0 and f"{STAYS} synthetic stays" in run.output, run.output
    return found


def table(folder):
    return list(table_stays(folder / "stays.csv", read_mapping(folder / "stays.toml")))


def test_both_forms_are_the_same_stays(folder):
    """Labels, age, sex, and every value that both hold."""
    bulk = list(bulk_stays(folder / "bulk", folder / "outcomes.csv", OUTCOME, 24))
    own = {stay.record: stay for stay in table(folder)}
    assert len(own) == len(bulk) == STAYS
    for stay in bulk:
        twin = own[stay.chart.patient]
        assert (stay.labels, stay.start, stay.chart.sex) == (
            twin.labels,
            twin.start,
            twin.chart.sex,
        )
        assert stay.chart.birth_date == twin.chart.birth_date
        values = {one[:3] for one in twin.chart.readings}
        assert values <= {one[:3] for one in stay.chart.readings} and not twin.chart.rejected


def test_the_same_number_of_stays_gives_the_same_files(folder, tmp_path):
    """By the seed, on any day; another seed gives others."""
    export(tmp_path / "again", STAYS)
    export(tmp_path / "other", STAYS, seed=2)
    for path in (path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder)
        assert (tmp_path / "again" / name).read_bytes() == path.read_bytes(), name
    assert (tmp_path / "other" / "stays.csv").read_bytes() != (folder / "stays.csv").read_bytes()


def test_the_files_say_that_they_are_synthetic(folder):
    """In words beside the data, and by the test tag in each Patient."""
    assert (folder / "README.txt").read_text().startswith("SYNTHETIC DATA.")
    patients = (folder / "bulk" / "Patient.ndjson").read_text().splitlines()
    assert all(json.loads(one)["meta"]["tag"][0]["code"] == "HTEST" for one in patients)


def test_a_folder_with_something_in_it_is_left_alone(folder):
    """One sentence, and nothing is written over."""
    run = CliRunner().invoke(vigil.main, ["demo", "--export", str(folder)])
    assert run.exit_code == 1 and "is not empty; name a new folder." in run.output


def test_a_number_of_stays_that_cannot_be_is_refused(tmp_path):
    """One sentence, and no folder."""
    words = ["demo", "--export", str(tmp_path / "none"), "--stays", "0"]
    run = CliRunner().invoke(vigil.main, words)
    assert run.exit_code == 1 and "--stays takes a number from 1 to 9999" in run.output
    assert not (tmp_path / "none").exists()


def test_the_vital_signs_tell_of_the_outcome_and_the_time_does_not():
    """Those who are transferred breathe faster at the end; in each day of the stay about the same
    share is transferred in the next.
    """
    stays = list(invented_stays(1500, 1))
    moved = [stay for stay in stays if stay.transferred]
    assert 0.3 < len(moved) / len(stays) < 0.5

    def last(chosen):
        rounds = ([r for _, r in stay.rounds if "respiratory_rate" in r][-1] for stay in chosen)
        return np.mean([r["respiratory_rate"] for r in rounds])

    assert last(moved) > last(stay for stay in stays if not stay.transferred) + 3
    shares = []
    for hour in (6, 30, 54):
        there = [s for s in stays if hours(s) > hour]
        shares.append(np.mean([bool(s.transferred) and hours(s) <= hour + 24 for s in there]))
    assert max(shares) - min(shares) < 0.05, shares


def hours(stay) -> float:
    first, last = stay.rounds[0][0], stay.transferred or stay.rounds[-1][0]
    return (last - first).total_seconds() / 3600
