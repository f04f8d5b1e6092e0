"""Stays of the 2012 challenge become FHIR charts that end now; a broken file is named with its
line.
"""

import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from demo.physionet import MEASURED, PhysioNetError, stays
from studies.data.physionet2012 import PARAMETERS

NOW = datetime(2026, 3, 29, 13, 30, tzinfo=UTC)
STAY = """Time,Parameter,Value
00:00,RecordID,132539
00:00,Age,54
00:00,Gender,0
00:00,Height,-1
00:00,ICUType,4
00:07,HR,73
00:07,NISysABP,147
00:07,NIDiasABP,65
00:07,SysABP,150
00:07,DiasABP,70
00:07,Temp,35.1
01:00,FiO2,0.4
01:00,SaO2,97
01:00,HR,80
01:00,HR,82
47:50,Creatinine,1.1
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "132539.txt").write_text(STAY)
    (tmp_path / "132540.txt").write_text(
        STAY.replace("Age,54", "Age,81").replace("Gender,0", "Gender,-1")
    )
    (tmp_path / "Outcomes-a.txt").write_text("RecordID,SAPS-I\n")
    return tmp_path


def values(patient):
    return {
        (
            o["code"]["coding"][0]["code"],
            part["code"]["coding"][0]["code"],
            part["valueQuantity"]["value"],
            part["valueQuantity"]["code"],
        )
        for o in patient.resources
        if o["resourceType"] == "Observation"
        for part in (o, *o.get("component", ()))
        if "valueQuantity" in part
    }


def test_a_folder_and_a_zip_give_the_same(folder, tmp_path):
    """Names in order, other files passed over, the limit kept."""
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in sorted(folder.glob("*.txt")):
            archive.write(file, f"set-a/{file.name}")
    read = stays(folder, NOW)
    assert [patient.id for patient in read] == ["icu-132539", "icu-132540"] and read == stays(
        tmp_path / "set.zip", NOW
    )
    assert len(stays(folder, NOW, limit=1)) == 1


def test_values_units_and_pairs(folder):
    """FiO2 becomes per cent, cuff and arterial line keep their pairs, two values of a minute
    keep their own ids.
    """
    first = stays(folder, NOW)[0]
    found = values(first)
    assert {
        ("8310-5", "8310-5", 35.1, "Cel"),
        ("3150-0", "3150-0", 40.0, "%"),
        ("2708-6", "2708-6", 97.0, "%"),
        ("2160-0", "2160-0", 1.1, "mg/dL"),
        ("85354-9", "8480-6", 147.0, "mm[Hg]"),
        ("85354-9", "8480-6", 150.0, "mm[Hg]"),
        ("8867-4", "8867-4", 80.0, "/min"),
        ("8867-4", "8867-4", 82.0, "/min"),
    } <= found
    ids = [resource["id"] for resource in first.resources]
    assert len(ids) == len(set(ids))


def test_the_last_value_is_ten_minutes_ago_and_nobody_has_a_name(folder):
    """Times are shifted as one; a record number stands for the name."""
    first, second = stays(folder, NOW)
    times = sorted(
        datetime.fromisoformat(r["effectiveDateTime"])
        for r in first.resources
        if r["resourceType"] == "Observation"
    )
    assert times[-1] == NOW - timedelta(minutes=10) and times[-1] - times[0] == timedelta(
        hours=47, minutes=43
    )
    person = first.resources[0]
    assert person["name"][0] == {"use": "official", "family": "ICU stay", "given": ["132539"]}
    assert (person["birthDate"], person["gender"], second.resources[0]["gender"]) == (
        "1972-01-01",
        "female",
        "unknown",
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("time;value\n", 1),
        (STAY + "48:00,HR\n", 18),
        (STAY + "48:xx,HR,80\n", 18),
        (STAY + "48:00,HR,eighty\n", 18),
        (STAY + "48:00,HR,nan\n", 18),
        (STAY + "48:71,HR,80\n", 18),
    ],
)
def test_a_broken_file_is_named_with_its_line(folder, text, line):
    """One clear error, no half chart."""
    (folder / "132540.txt").write_text(text)
    with pytest.raises(PhysioNetError, match=rf"132540\.txt, line {line}:"):
        stays(folder, NOW)


def test_not_a_text_not_a_zip_nothing_there(folder, tmp_path):
    """Each in one sentence."""
    (folder / "132540.txt").write_bytes(STAY.encode() + b"\xff\xfe")
    with pytest.raises(PhysioNetError, match="line 18: this is no text file"):
        stays(folder, NOW)
    (tmp_path / "empty").mkdir()
    for path, words in (
        (tmp_path / "empty", "holds no stay files"),
        (tmp_path / "nothing.zip", "no zip file that can be read"),
        (folder / "Outcomes-a.txt", "no zip file that can be read"),
    ):
        with pytest.raises(PhysioNetError, match=words):
            stays(path, NOW)


def test_damaged_archives_are_one_sentence(folder, tmp_path):
    """A byte changed within a packed stay, a password, a folder where a stay should be."""
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.write(folder / "132539.txt", "set-a/132539.txt")
    whole = archive.read_bytes()
    broken, locked = bytearray(whole), bytearray(whole)
    broken[60] ^= 0xFF
    for flags in (6, whole.index(b"PK\x01\x02") + 8):
        locked[flags] |= 1
    for content in (broken, locked, whole[:80]):
        archive.write_bytes(content)
        with pytest.raises(PhysioNetError, match="no zip file that can be read"):
            stays(archive, NOW)
    (folder / "132541.txt").mkdir()
    with pytest.raises(PhysioNetError, match="Is a directory"):
        stays(folder, NOW)


def test_the_published_folder_may_hold_the_archive(folder, tmp_path):
    """As `vigil train` takes it; and record numbers are numbers, not words."""
    published = tmp_path / "published"
    published.mkdir()
    with zipfile.ZipFile(published / "set-a.zip", "w") as archive:
        for number in (9, 10, 132539):
            archive.write(folder / "132539.txt", f"set-a/{number}.txt")
    (published / "Outcomes-a.txt").write_text("RecordID,SAPS-I\n")
    assert [patient.id for patient in stays(published, NOW, limit=2)] == ["icu-9", "icu-10"]


def test_an_impossible_age_is_unknown(folder):
    """Better no birth date than one in antiquity."""
    (folder / "132539.txt").write_text(STAY.replace("Age,54", "Age,2000"))
    assert "birthDate" not in stays(folder, NOW, limit=1)[0].resources[0]


def test_the_demo_and_training_read_the_same_parameters():
    """What a stay of the demonstration shows is what a model was trained on, and nothing is left
    out.
    """
    assert set(MEASURED) == set(PARAMETERS)


def test_the_published_files_are_read(shared):
    """The real thing: two dozen stays of set a, from the published folder."""
    read = stays(shared / "data" / "physionet2012", NOW)
    assert (
        len(read) == 24
        and read[0].id == "icu-132539"
        and all(len(patient.resources) > 50 for patient in read)
    )
