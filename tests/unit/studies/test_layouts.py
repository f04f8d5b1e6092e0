"""Published layouts: what is read, what is rejected, and one clear error that names file and
line.
"""

import random
import zipfile

import pytest

from studies.data.layouts import parts_2012, read_stays, sources_2019
from studies.data.stays import ADMITTED, DataError

HEAD = "HR|O2Sat|Temp|SBP|FiO2|Age|Gender|Unit1|Unit2|ICULOS|SepsisLabel"
STAY_2012 = "Time,Parameter,Value\n00:00,RecordID,1\n00:00,Age,67\n00:00,Gender,0\n00:00,ICUType,3\n01:30,HR,88\n02:00,Temp,0\n02:10,FiO2,0.4\n"


@pytest.fixture
def part(tmp_path):
    """A 2012 part of one stay."""
    (tmp_path / "set-a").mkdir()
    (tmp_path / "set-a" / "1.txt").write_text(STAY_2012)
    (tmp_path / "Outcomes-a.txt").write_text(
        "RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death\n1,6,1,5,-1,1\n"
    )
    return tmp_path


def test_a_2012_stay_is_read_with_its_label_and_groups(part):
    """Hours become times, fractions per cent; an impossible temperature is rejected and counted."""
    (stay,) = read_stays(part)
    assert [
        (r.variable, r.value, (r.time - ADMITTED).total_seconds()) for r in stay.chart.readings
    ] == [("heart_rate", 88.0, 5400.0), ("fio2", 40.0, 7800.0)]
    assert stay.labels == {"death": (True,) * 48} and stay.groups == {
        "sex": "female",
        "unit": "medical ICU",
    }
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
    (tmp_path / "p1.psv").write_text(
        f"{HEAD}\n80|97|NaN|120|NaN|66.2|1|0|1|2|0\n95|93|38.4|NaN|-50|66.2|1|0|1|3|1\n"
    )
    (stay,) = read_stays(tmp_path)
    assert stay.labels == {"sepsis": (False, False, True)} and stay.groups == {
        "sex": "male",
        "unit": "surgical ICU",
        "set": "unknown",
    }
    hours = sorted({(r.time - ADMITTED).total_seconds() / 3600 for r in stay.chart.readings})
    assert hours == [2, 3] and stay.chart.rejected == {"range": 1}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("p1.psv", f"{HEAD}\n80|97\n", "p1.psv, line 2: expected 11 numbers"),
        ("p1.psv", f"{HEAD}\n80|97|NaN|120|NaN|66|1|0|1|2|7\n", "line 2"),
        ("p1.psv", "HR|O2Sat\n80|97\n", "line 1: expected the columns"),
        ("p1.psv", "", "line 1"),
        ("p1.psv", f"{HEAD}\n", "p1.psv: there is no row"),
        (
            "p1.psv",
            f"{HEAD}\n80|97|NaN|120|NaN|66|1|0|1|2|0\n80|97|NaN|120|NaN|66|1|0|1|2|0\n",
            "line 3: .*ICULOS greater",
        ),
        ("p1.psv", f"{HEAD}\n80|97|NaN|120|NaN|66|1|0|1|inf|0\n", "line 2"),
        ("p1.psv", f"{HEAD}\n80|97|NaN|120|NaN|66|1|0|1|1e9|0\n", "line 2"),
        ("p1.psv", f"{HEAD}|HR\n", "line 1: expected the columns"),
        ("p1.psv", "Age|Gender|ICULOS|SepsisLabel\n66|1|1|0\n", "line 1: expected the columns"),
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


def test_the_order_of_columns_marks_and_line_ends_do_not_matter(tmp_path):
    """Columns are found by name; a byte order mark, Windows line ends and blank last lines
    change nothing.
    """
    row = dict(
        zip(
            HEAD.split("|"),
            ["80", "97", "NaN", "120", "0.4", "66.2", "1", "0", "1", "2", "0"],
            strict=True,
        )
    ) | {"Extra": "3"}
    turned = dict(reversed(row.items()))
    (tmp_path / "p1.psv").write_text(
        "\ufeff" + "|".join(turned) + "\r\n" + "|".join(turned.values()) + "\r\n\r\n", "utf-8"
    )
    (stay,) = read_stays(tmp_path)
    assert {r.variable: r.value for r in stay.chart.readings} == {
        "heart_rate": 80,
        "spo2": 97,
        "systolic": 120,
        "fio2": 40,
    }


def test_2019_is_found_however_it_is_kept(tmp_path):
    """A folder, nested folders, a zip, a folder of several zips; what a Mac leaves beside is no
    data.
    """
    text = f"{HEAD}\n80|97|NaN|120|NaN|66.2|1|0|1|2|0\n"
    for folder, names in (("A", ["p1", "p2"]), ("B/deeper", ["p3"])):
        (tmp_path / "sets" / folder).mkdir(parents=True)
        for name in names:
            (tmp_path / "sets" / folder / f"{name}.psv").write_text(text)
            (tmp_path / "sets" / folder / f"._{name}.psv").write_bytes(b"\x00\x05")
    (tmp_path / "zips").mkdir()
    for number in (1, 2):
        with zipfile.ZipFile(tmp_path / "zips" / f"{number}.zip", "w") as archive:
            archive.writestr(f"training/p{number}.psv", text)
            archive.writestr(f"__MACOSX/training/._p{number}.psv", "x")
    assert [s.record for s in read_stays(tmp_path / "sets")] == ["p1", "p2", "p3"]
    assert [s.record for s in read_stays(tmp_path / "zips")] == ["p1", "p2"] and len(
        sources_2019(tmp_path / "zips")
    ) == 2
    assert [s.record for s in read_stays(tmp_path / "zips" / "1.zip")] == ["p1"]
    (tmp_path / "zips" / "again.zip").write_bytes((tmp_path / "zips" / "1.zip").read_bytes())
    with pytest.raises(DataError, match="record p1 is there twice"):
        list(read_stays(tmp_path / "zips"))


def test_2012_is_found_however_it_is_kept(part):
    """Several sets in a folder, one set named alone, a zip beside its folder; a set without
    outcomes is said.
    """
    (part / "set-c").mkdir()
    (part / "set-c" / "2.txt").write_text(
        "\ufeff" + STAY_2012.replace("\n", "\r\n") + "\r\n", "utf-8"
    )
    with pytest.raises(DataError, match="set-c is there, but Outcomes-c.txt is not"):
        list(read_stays(part))
    with pytest.raises(DataError, match=r"set-c is there, but .*Outcomes-c.txt is not"):
        list(read_stays(part / "set-c"))
    (part / "Outcomes-c.txt").write_text(
        "RecordID, SAPS-I , In-hospital_death\r\n 2 , -1, 0 \r\n3,-1,1\r\n\r\n"
    )
    assert [(s.record, s.labels["death"][0]) for s in read_stays(part)] == [
        ("1", True),
        ("2", False),
    ]
    with zipfile.ZipFile(part / "set-c.zip", "w") as archive:
        archive.writestr("set-c/2.txt", STAY_2012)
    for path in (part / "set-c", part / "set-c.zip"):
        assert parts_2012(path) == [(path, part / "Outcomes-c.txt")] and [
            s.record for s in read_stays(path)
        ] == ["2"]
    assert [data.name for data, _ in parts_2012(part)] == ["set-a", "set-c"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Outcomes-a.txt, line 1: expected the columns"),
        (
            "RecordID,SOFA\n1,1\n",
            "Outcomes-a.txt, line 1: expected the columns RecordID and In-hospital_death",
        ),
        ("RecordID,In-hospital_death\n1,-1\n", "Outcomes-a.txt, line 2"),
        ("RecordID,In-hospital_death\n1,1\n1,0\n", "Outcomes-a.txt, line 3"),
        ("RecordID,In-hospital_death\n1,1\n2\n", "Outcomes-a.txt, line 3"),
        ("RecordID,In-hospital_death\n7,1\n", r"1\.txt: Outcomes-a.txt has no record 1"),
    ],
)
def test_broken_outcomes_are_named(part, text, words):
    """No record is left out in silence, and no missing outcome is taken for survival."""
    (part / "Outcomes-a.txt").write_text(text)
    with pytest.raises(DataError, match=words):
        list(read_stays(part))


@pytest.mark.parametrize(
    "line",
    ["99:99,HR,80", "-1:00,HR,80", "01:00,HR", "01:00,HR,80,1", "xx,HR,80", "01:00,HR,eighty"],
)
def test_a_broken_line_of_2012_is_named(part, line):
    """Clock, parameter and number, or one sentence."""
    (part / "set-a" / "1.txt").write_text(STAY_2012 + line)
    with pytest.raises(DataError, match=r"1\.txt, line 9: expected `HH:MM"):
        list(read_stays(part))
    (part / "set-a" / "1.txt").write_text("HR,80\n")
    with pytest.raises(DataError, match=r"1\.txt, line 1: expected"):
        list(read_stays(part))


def test_a_zip_with_any_byte_changed_or_cut_is_read_or_refused(tmp_path):
    """Whatever happens to a zip on its way, it is the same stays or a DataError, never another
    exception.
    """
    text = f"{HEAD}\n" + "".join(
        f"80|97|NaN|120|NaN|66.2|1|0|1|{hour}|0\n" for hour in range(1, 30)
    )
    path, dice = tmp_path / "x.zip", random.Random(7)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("p1", "p2"):
            archive.writestr(f"t/{name}.psv", text)
    whole = path.read_bytes()
    expected = [stay.chart.readings for stay in read_stays(path)]
    refused = 0
    for _ in range(400):
        changed = bytearray(whole)
        changed[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
        path.write_bytes(changed if dice.random() < 0.8 else changed[: dice.randrange(len(whole))])
        try:
            assert [s.chart.readings for s in read_stays(path)] in (
                expected,
                expected[:1],
                expected[1:],
            )
        except DataError as error:
            refused += 1
            assert str(path) in str(error) or str(tmp_path) in str(error)
    assert refused > 200
