"""Published layouts: what is read, what is rejected, and one clear error that names file and line."""

import zipfile

import pytest

from models.offline.data.layouts import read_stays
from models.offline.data.stays import ADMITTED, DataError

HEAD = "HR|O2Sat|Temp|SBP|FiO2|Age|Gender|Unit1|Unit2|ICULOS|SepsisLabel"
STAY_2012 = "Time,Parameter,Value\n00:00,RecordID,1\n00:00,Age,67\n00:00,Gender,0\n00:00,ICUType,3\n01:30,HR,88\n02:00,Temp,0\n02:10,FiO2,0.4\n"


@pytest.fixture
def part(tmp_path):
    """A 2012 part of one stay."""
    (tmp_path / "set-a").mkdir()
    (tmp_path / "set-a" / "1.txt").write_text(STAY_2012)
    (tmp_path / "Outcomes-a.txt").write_text("RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death\n1,6,1,5,-1,1\n")
    return tmp_path


def test_a_2012_stay_is_read_with_its_label_and_groups(part):
    """Hours become times, fractions per cent; an impossible temperature is rejected and counted."""
    (stay,) = read_stays(part)
    assert [(r.variable, r.value, (r.time - ADMITTED).total_seconds()) for r in stay.chart.readings] == [
        ("heart_rate", 88.0, 5400.0), ("fio2", 40.0, 7800.0)]  # fmt: skip
    assert stay.labels == {"death": (True,) * 48} and stay.groups == {"sex": "female", "unit": "medical ICU"}
    assert stay.chart.rejected == {"range": 1} and stay.chart.age(ADMITTED) == 67


def test_a_zip_reads_like_its_folder(part):
    """The published zip and the unpacked folder are one data set."""
    whole = list(read_stays(part))
    with zipfile.ZipFile(part / "set-a.zip", "w") as archive:
        archive.write(part / "set-a" / "1.txt", "set-a/1.txt")
    (part / "set-a" / "1.txt").unlink()
    (part / "set-a").rmdir()
    assert [s.labels for s in read_stays(part)] == [s.labels for s in whole]
    assert next(read_stays(part / "set-a.zip")).chart.readings == whole[0].chart.readings


def test_a_2019_stay_is_read_hour_by_hour(tmp_path):
    """A row's values count at the end of its hour; rows before the first have its label."""
    (tmp_path / "p1.psv").write_text(f"{HEAD}\n80|97|NaN|120|NaN|66.2|1|0|1|2|0\n95|93|38.4|NaN|-50|66.2|1|0|1|3|1\n")
    (stay,) = read_stays(tmp_path)
    assert stay.labels == {"sepsis": (False, False, True)} and stay.groups == {"sex": "male", "unit": "surgical ICU"}
    hours = sorted({(r.time - ADMITTED).total_seconds() / 3600 for r in stay.chart.readings})
    assert hours == [2, 3] and stay.chart.rejected == {"range": 1}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("p1.psv", f"{HEAD}\n80|97\n", "p1.psv, line 2: expected 11 numbers"),
        ("p1.psv", f"{HEAD}\n80|97|NaN|120|NaN|66|1|0|1|2|7\n", "line 2"),
        ("p1.psv", "HR|O2Sat\n80|97\n", "line 1: expected the columns"),
        ("p1.psv", "", "line 1"),
        ("nothing.csv", "a,b\n", "neither the 2012 layout"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path, name, text, words):
    """Truncated, foreign or empty input: one sentence, no traceback."""
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=words):
        list(read_stays(tmp_path))


def test_a_truncated_line_and_lost_data_of_2012_are_named(part):
    """A cut line names its file and number; outcomes without their data are said."""
    (part / "set-a" / "1.txt").write_text("Time,Parameter,Value\n00:00,RecordID,1\n07:3")
    with pytest.raises(DataError, match=r"1\.txt, line 3"):
        list(read_stays(part))
    (part / "set-a" / "1.txt").unlink()
    (part / "set-a").rmdir()
    with pytest.raises(DataError, match="neither set-a nor set-a.zip"):
        list(read_stays(part))


def test_a_damaged_zip_is_an_error(tmp_path):
    """A zip that is cut off is said, not half read."""
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 nothing more")
    with pytest.raises(DataError):
        list(read_stays(tmp_path / "x.zip"))
