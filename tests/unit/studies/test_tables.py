"""A hospital's own table: whatever is usual is read right, and what is wrong is one sentence
with file and line.
"""

import gzip
from datetime import UTC, date, datetime, timedelta

import pyarrow
import pytest
from pyarrow import parquet

from studies.data.mapping import read_mapping
from studies.data.stays import ADMITTED, DataError
from studies.data.tables import table_stays
from tests.support.hospital import LONG, WIDE, read, told

HOURLY = "stay,hour,age,died,hr,temp\nA,1,66,0,80,37.5\nA,2,66,0,NA,\nB,1,70.4,1,120,null\nA,3,66,0,90,NaN\n"
STAYS = "stay,age,sex,status\nA,> 89,M,Alive\nB,45.5,Female,expired\n"
LISTED = "stay,offset,item,value,uom\nA,-90,HR,70,\nB,60,HR,130,\nA,60,Temp,98.6,degF\nA,150,HR,80,bpm\nA,150,Weight,70,kg\nB,120,Temp,39,C\n"


def test_a_row_an_hour(tmp_path):
    """Rows of a stay need not stand together; empty cells are missing, never zero."""
    one, two = read(tmp_path, HOURLY, WIDE)
    assert (one.record, one.start, one.chart.age(one.start)) == ("A", ADMITTED, 66)
    assert told(one) == [(1, "heart_rate", 80), (1, "temperature", 37.5), (3, "heart_rate", 90)]
    assert (
        one.labels == {"death": (False,) * 3}
        and two.labels == {"death": (True,)}
        and two.chart.age(two.start) == 70
    )
    assert (
        one.chart.readings[0].source == "table.csv:2"
        and one.chart.rejected == {}
        and one.groups == {"sex": "unknown"}
    )


def test_a_row_a_measurement_with_stays_in_a_second_file(tmp_path):
    """Offsets in minutes, units by row, words for sex and outcome; what was measured before
    admission is history.
    """
    one, two = read(tmp_path, LISTED, LONG, STAYS)
    assert told(one) == [(-1.5, "heart_rate", 70), (1, "temperature", 37), (2.5, "heart_rate", 80)]
    assert one.labels == {"death": (False, False)} and two.labels == {"death": (True, True)}
    assert [one.chart.age(one.start), two.chart.age(two.start)] == [90, 45] and [
        one.chart.sex,
        two.chart.sex,
    ] == ["male", "female"]


def test_dates_with_a_zone_and_a_birth_date(tmp_path):
    """The stay starts at its first row, or where the mapping names a start; local times become
    UTC.
    """
    mapping = WIDE.replace('time_unit = "hours"', 'time_zone = "Europe/Berlin"').replace(
        'age = "age"', 'birth_date = "age"'
    )
    rows = "stay,hour,age,died,hr,temp,in\nA,2024-05-31 14:30,1950-06-01,0,80,,2024-05-31T12:30\nA,2024-05-31T16:00:00+00:00,,0,81,,\n"
    (stay,) = read(tmp_path, rows, mapping)
    assert stay.start == datetime(2024, 5, 31, 12, 30, tzinfo=UTC) and told(stay) == [
        (0, "heart_rate", 80),
        (3.5, "heart_rate", 81),
    ]
    assert (
        stay.chart.birth_date == date(1950, 6, 1)
        and stay.chart.age(stay.start) == 73
        and stay.labels["death"] == (False,) * 3
    )
    (stay,) = read(tmp_path, rows, mapping.replace('id = "stay"', 'id = "stay"\nstart = "in"'))
    assert told(stay)[0][0] == 2 and len(stay.labels["death"]) == 5


def test_german_form(tmp_path):
    """Semicolons are seen by themselves; decimal commas, dates and a code page are said in the
    mapping.
    """
    mapping = 'decimal = ","\nencoding = "cp1252"\ndate_format = "%d.%m.%Y %H:%M"\n' + WIDE.replace(
        'time_unit = "hours"', 'time_zone = "UTC"'
    )
    mapping = mapping.replace("temp = ", '"Körpertemperatur" = ')
    rows = "stay;hour;age;died;hr;Körpertemperatur\r\n7;01.02.2024 03:00;66;0;80;37,5\r\n7;01.02.2024 05:00;66;0;90;38\r\n"
    (stay,) = read(tmp_path, rows, mapping, encoding="cp1252")
    assert [value for _, _, value in told(stay)] == [80, 37.5, 90, 38] and len(
        stay.labels["death"]
    ) == 2
    (stay,) = read(
        tmp_path, "stay;hour;age;died;hr;temp\n7;0,5;66,4;0;80;37,5\n", 'decimal = ","\n' + WIDE
    )
    assert told(stay) == [(0.5, "heart_rate", 80), (0.5, "temperature", 37.5)]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + HOURLY,
        HOURLY.replace("\n", "\r\n"),
        HOURLY.replace("\n", "\n\n"),
        HOURLY.rstrip(),
    ],
)
def test_forms_of_a_csv(tmp_path, text):
    """A byte order mark, Windows line ends, blank lines and a missing last line end change
    nothing.
    """
    assert list(map(told, read(tmp_path, text, WIDE))) == list(
        map(told, read(tmp_path, HOURLY, WIDE))
    )


def test_packed_parquet_and_a_folder_of_parts(tmp_path):
    """The same stays from .csv.gz, from Parquet with real types, and from a folder of both
    halves.
    """
    whole = [(s.record, told(s), s.labels) for s in read(tmp_path, HOURLY, WIDE)]
    mapping = read_mapping(tmp_path / "mapping.toml")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(HOURLY.encode()))
    cells = [line.split(",") for line in HOURLY.splitlines()[1:]]
    number = {"NA": None, "": None, "null": None, "NaN": None}
    columns = {
        name: [number.get(c, c) for c in column]
        for name, column in zip(
            HOURLY.splitlines()[0].split(","), zip(*cells, strict=True), strict=True
        )
    }
    typed = {
        name: column if name == "stay" else [None if c is None else float(c) for c in column]
        for name, column in columns.items()
    }
    parquet.write_table(pyarrow.table(typed), tmp_path / "t.parquet")
    (tmp_path / "parts").mkdir()
    head, *rows = HOURLY.splitlines()
    for part, lines in (("1.csv", rows[:2]), ("2.csv", rows[2:])):
        (tmp_path / "parts" / part).write_text("\n".join([head, *lines]))
    for name in ("t.csv.gz", "t.parquet", "parts"):
        found = list(table_stays(tmp_path / name, mapping))
        assert [(s.record, told(s), s.labels) for s in found] == whole, name
    assert found[1].chart.readings[0].source == "2.csv:2"


@pytest.mark.parametrize(
    ("unit", "cells"),
    [
        ("seconds", ["-1800", "3600", "9000"]),
        ("minutes", ["-30", "60", "150"]),
        ("hours", ["-0.5", "1", "2.5"]),
        ("days", ["-0.0208333", "0.0416667", "0.1041667"]),
        ("duration", ["-1 days +23:30:00", "0 days 01:00:00", "2:30:00.0"]),
        ("duration", ["-1 day, 23:30:00", "1:00:00", "0 days 02:30:00.000000000"]),
    ],
)
def test_every_unit_of_time_gives_the_same_stay(tmp_path, unit, cells):
    """Half an hour before admission, and one and two and a half hours after it."""
    rows = "".join(f'A,"{cell}",66,0,{80 + n},\n' for n, cell in enumerate(cells))
    mapping = WIDE.replace('"hours"', f'"{unit}"')
    (stay,) = read(tmp_path, "stay,hour,age,died,hr,temp\n" + rows, mapping)
    assert [round(hour, 3) for hour, _, _ in told(stay)] == [-0.5, 1, 2.5]
    assert stay.start == ADMITTED and stay.labels == {"death": (False, False)}


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_duration_column_of_parquet(tmp_path, unit):
    """It carries its own unit, so the mapping says no other; before admission it is negative."""
    hours = [timedelta(minutes=-30), timedelta(hours=26, minutes=15)]
    table = {"stay": ["A"] * 2, "hour": pyarrow.array(hours, pyarrow.duration(unit))}
    table |= {"age": [60, 60], "died": [True, True], "hr": [80, 90], "temp": [37.5, None]}
    parquet.write_table(pyarrow.table(table), tmp_path / "t.parquet")
    (tmp_path / "m.toml").write_text(WIDE.replace('"hours"', '"duration"'))
    (stay,) = table_stays(tmp_path / "t.parquet", read_mapping(tmp_path / "m.toml"))
    assert sorted({hour for hour, _, _ in told(stay)}) == [-0.5, 26.25]
    for other, words in (('"hours"', 'mapping has to say time_unit = "duration"'), ("", "dur")):
        line = f"time_unit = {other}" if other else ""
        (tmp_path / "m.toml").write_text(WIDE.replace('time_unit = "hours"', line))
        with pytest.raises(DataError, match=words):
            list(table_stays(tmp_path / "t.parquet", read_mapping(tmp_path / "m.toml")))


@pytest.mark.parametrize("cell", ["3.5", "02:30", "1 week", "2000 days 00:00:00"])
def test_what_is_no_duration_is_told(tmp_path, cell):
    """A bare number has no unit, 02:30 may be minutes, and no stay lasts five years."""
    rows = f"stay,hour,age,died,hr,temp\nA,{cell},66,0,80,\n"
    with pytest.raises(DataError, match="line 2: hour has to be a duration since admission"):
        read(tmp_path, rows, WIDE.replace('"hours"', '"duration"'))


def test_a_row_that_sums_up_its_hour_counts_at_the_end_of_it(tmp_path):
    """Nothing of the hour is known within it, the outcome of the row neither; the stay still
    begins with the first row, and lasts to the end of the last.
    """
    late = "known_after_minutes = 60\n" + WIDE
    rows = "stay,hour,age,died,hr,temp\nA,0,66,0,80,\nA,1,66,0,81,\nA,2,66,1,82,\n"
    (stay,) = read(tmp_path, rows, late)
    assert told(stay) == [(1, "heart_rate", 80), (2, "heart_rate", 81), (3, "heart_rate", 82)]
    assert stay.labels == {"death": (False, False, True)}
    dates = rows.replace("A,", "A,2024-01-01T0").replace(",66", ":00,66")
    (stay,) = read(tmp_path, dates, late.replace('time_unit = "hours"', 'time_zone = "UTC"'))
    assert stay.start.hour == 0 and [hour for hour, _, _ in told(stay)] == [1, 2, 3]
    assert stay.labels == {"death": (False, False, True)}


def test_only_the_table_that_says_so_is_known_later(tmp_path):
    """A further table keeps its own times, or has its own wait."""
    (tmp_path / "more.csv").write_text("stay,hour,temp\nA,0.5,38\n")
    rows = "stay,hour,age,died,hr\nA,0,66,0,80\nA,1,66,0,81\n"
    more = '[[more]]\nfile = "more.csv"\n{}variables = {{temp = {{variable = "temperature", unit = "Cel"}}}}\n'
    hourly = "known_after_minutes = 60\n" + WIDE[: WIDE.index("temp =")]
    for own, wanted in (("", 0.5), ("known_after_minutes = 15\n", 0.75)):
        (stay,) = read(tmp_path, rows, hourly + more.format(own))
        assert (wanted, "temperature", 38) in told(stay) and (2, "heart_rate", 81) in told(stay)


def test_moments_and_whole_numbers_of_parquet(tmp_path):
    """Nanoseconds, and an id that became a fraction beside an empty cell, are what they were."""
    moments = pyarrow.array(
        [datetime(2024, 1, 1, 8), datetime(2024, 1, 1, 10)], pyarrow.timestamp("ns", "UTC")
    )
    table = pyarrow.table(
        {
            "stay": [7.0, 7.0],
            "hour": moments,
            "age": [60, 60],
            "died": [True, True],
            "hr": [80, 90],
            "temp": [37.5, None],
        }
    )
    parquet.write_table(table, tmp_path / "table.parquet")
    (tmp_path / "m.toml").write_text(WIDE.replace('time_unit = "hours"', ""))
    (stay,) = table_stays(tmp_path / "table.parquet", read_mapping(tmp_path / "m.toml"))
    assert (
        stay.record == "7"
        and stay.start.hour == 8
        and stay.labels["death"] == (True, True)
        and len(stay.chart.readings) == 3
    )


def test_two_columns_of_one_variable_and_words_for_values(tmp_path):
    """Invasive and cuff pressure are both readings; letters of ACVPU are named in the mapping."""
    mapping = (
        WIDE
        + 'art = {variable = "systolic", unit = "mmHg"}\ncuff = {variable = "systolic", unit = "kPa"}\n'
    )
    mapping += 'avpu = {variable = "acvpu", unit = "{score}", words = {A = 0, v = 2}}\n'
    (stay,) = read(
        tmp_path,
        "stay,hour,age,died,hr,temp,art,cuff,avpu\nA,1,66,0,,,120,15,V\nA,2,66,0,,,,,Asleep\n",
        mapping,
    )
    assert told(stay) == [
        (1, "acvpu", 2),
        (1, "systolic", 112.5093),
        (1, "systolic", 120),
    ] and stay.chart.rejected == {"value": 1}


def test_what_is_no_number_is_rejected_and_counted(tmp_path, capsys):
    """As in a chart: a bound, a word, the impossible and the untimed count nowhere, and are
    said.
    """
    rows = "stay,hour,age,died,hr,temp\nA,1,66,0,80,37\nA,2,66,0,>200,haemolysed\nA,3,66,0,1_000,370\nA,,66,0,75,36\nA,4,66,0,inf,\n"
    (stay,) = read(tmp_path, rows, WIDE)
    assert told(stay) == [(1, "heart_rate", 80), (1, "temperature", 37)]
    assert stay.chart.rejected == {"bound": 1, "value": 3, "range": 1, "time": 2}
    list(table_stays(tmp_path / "table.csv", read_mapping(tmp_path / "mapping.toml")))
    assert "hr (heart_rate): 1 values read; rejected 1 only a bound" in capsys.readouterr().err


def test_labels_of_rows_and_of_a_time(tmp_path):
    """A column of each row labels the hours from then on; a time labels the horizon before it,
    and ends the stay.
    """
    (stay,) = read(
        tmp_path,
        "stay,hour,age,died,hr,temp\nA,1,66,0,80,\nA,3,66,yes,80,\nA,4,66,True,80,\n",
        WIDE,
    )
    assert stay.labels["death"] == (False, False, True, True)
    timed = WIDE.replace('column = "died"', 'time = "died"\nhorizon_hours = 2')
    one, two = read(
        tmp_path,
        "stay,hour,age,died,hr,temp\nA,1,66,,80,\nA,9,66,6,80,\nB,1,66,,80,\nB,4,66,,80,\n",
        timed,
    )
    assert (
        one.labels["death"] == (False, False, False, True, True)
        and two.labels["death"] == (False,) * 4
    )
    (stay,) = read(
        tmp_path,
        "stay,hour,age,died,hr,temp,out\nA,1,66,0,80,,3\nA,9,66,0,80,,\n",
        WIDE.replace("[outcome]", 'end = "out"\n[outcome]'),
    )
    assert stay.labels["death"] == (False,) * 3


def test_stays_of_unknown_outcome_or_without_rows_are_said(tmp_path, capsys):
    """A missing outcome is never taken for survival: the stay is left out and counted."""
    second = STAYS + "C,50,F,\nD,50,F,Alive\n"
    assert [
        stay.record for stay in read(tmp_path, LISTED + "C,60,HR,80,\nE,60,HR,80,\n", LONG, second)
    ] == ["A", "B"]
    list(table_stays(tmp_path / "table.csv", read_mapping(tmp_path / "mapping.toml")))
    said = capsys.readouterr().err
    assert (
        "1 rows are of stays that the stays file does not name" in said
        and "1 of 3 stays are left out" in said
    )
    assert "1 of 4 stays of the stays file have no row" in said


def test_patients_and_groups(tmp_path):
    """Stays of one patient are drawn together; every named column becomes a group."""
    mapping = WIDE.replace('age = "age"', 'age = "age"\npatient = "person"\ngroups = ["ward"]')
    stays = read(
        tmp_path,
        "stay,hour,age,died,hr,temp,person,ward\nA,1,66,0,80,,P,North\nB,1,66,0,80,,P,\n",
        mapping,
    )
    assert [s.chart.patient for s in stays] == ["P", "P"] and [s.groups["ward"] for s in stays] == [
        "North",
        "unknown",
    ]


MORE = """
[[more]]
file = "vitals.csv"
time = "minutes"
variables = {pulse = {variable = "heart_rate", unit = "/min"}}
[[more]]
file = "gases.csv"
id = "encounter"
long = {variable = "test", value = "result"}
variables = {pH = {variable = "ph", unit = "[pH]"}}
"""


def test_further_tables_of_either_shape(tmp_path):
    """Vital signs in one file, laboratory values in others; each reading says where it stood,
    and wrong rows name their own file.
    """
    (tmp_path / "vitals.csv").write_text("stay,minutes,pulse\nA,90,77\nB,600,\n")
    (tmp_path / "gases.csv").write_text(
        "encounter,offset,test,result\nA,30,pH,7.31\nA,240,Lactate,4\n"
    )
    one, two = read(tmp_path, LISTED, LONG + MORE, STAYS)
    assert {"vitals.csv:2", "gases.csv:2", "table.csv:2"} <= {r.source for r in one.chart.readings}
    assert (
        [value for _, name, value in told(one) if name == "ph"] == [7.31]
        and len(one.labels["death"]) == 4
        and len(two.labels["death"]) == 10
    )
    (tmp_path / "gases.csv").write_text("encounter,offset,test,result\nA,soon,pH,7.31\n")
    with pytest.raises(DataError, match=r"gases.csv, line 2: offset has to be a number of minutes"):
        read(tmp_path, LISTED, LONG + MORE, STAYS)
    (tmp_path / "gases.csv").unlink()
    with pytest.raises(DataError, match=r"gases.csv: can't be read"):
        read(tmp_path, LISTED, LONG + MORE, STAYS)


HEAD = "stay,hour,age,died,hr,temp\n"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("", r"table.csv, line 1: there is no column stay"),
        (HEAD, r"table.csv: there is no row below"),
        ("stay,hour,age,died,hr\nA,1,66,0,80\n", r"table.csv, line 1: there is no column temp"),
        (
            "stay,hour,age,died,hr,temp,hr\nA,1,66,0,80,,1\n",
            r"line 1: there is more than one column hr",
        ),
        (
            HEAD + "A,1,66,0,80,37\nA,2,66,0,8\n",
            r"table.csv, line 3: expected 6 cells, as in line 1, and found 5",
        ),
        (
            HEAD + "A,1,66,0,80,37\nA,two,66,0,80,37\n",
            r"table.csv, line 3: hour has to be a number of hours",
        ),
        (HEAD + "A,1e9,66,0,80,37\n", r"line 2: hour has to be a number of hours"),
        (HEAD + "A,2024-01-01 10:00,66,0,80,37\n", r"line 2: hour has to be a number of hours"),
        (HEAD + ",1,66,0,80,37\n", r"line 2: stay is empty"),
        (HEAD + "A,1,old,0,80,37\n", r"line 2: age has to be an age"),
        (
            HEAD + "A,1,66,maybe,80,37\n",
            r"line 2: died holds a word that means nothing yet; .* outcome.yes or outcome.no",
        ),
        (HEAD + 'A,1,66,0,80,"37,5"\n', r'line 2: temp is a number with a \',\'; .* decimal = ","'),
        (
            HEAD + 'A,1,66,0,80,"37\nA,2,66,0,80,37\n',
            r"table.csv, after line 1: can't be read \(unexpected end of data\)",
        ),
        (HEAD + "A,1,66,0,,\n", r"table.csv: there is no value that can be read"),
        (
            HEAD + "".join(f"A,{h},66,0,80,98.6\n" for h in range(1, 25)),
            r"not one of 24 values of temp can be temperature: 24 outside",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, rows, words):
    """File, line and column are named; what the cell holds is not."""
    with pytest.raises(DataError, match=words):
        read(tmp_path, rows, WIDE)


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (
            "stay,age,sex,status\nA,60,M,Alive\nA,61,M,Alive\n",
            r"stays.csv, line 3: stay is there for the second time",
        ),
        (
            "stay,age,sex,status\nA,60,1,Alive\n",
            r"stays.csv, line 2: sex holds a word .* sex.male, sex.female or sex.unknown",
        ),
        ("stay,age,sex,status\nA,60,M,dead\n", r"stays.csv, line 2: status holds a word"),
        ("stay,age,sex\nA,60,M\n", r"table.csv, line 1: there is no column status"),
        ("id,age,sex,status\nA,60,M,Alive\n", r"stays.csv, line 1: there is no column stay"),
    ],
)
def test_a_wrong_stays_file_is_named(tmp_path, second, words):
    """Its own name and line; a column that is in neither file is missed in the table."""
    with pytest.raises(DataError, match=words):
        read(tmp_path, LISTED, LONG, second)


def test_damaged_files_are_named(tmp_path):
    """Binary in place of text, half a .gz, a Parquet file that is none, and a stays file that is
    not there.
    """
    read(tmp_path, HOURLY, WIDE)
    mapping = read_mapping(tmp_path / "mapping.toml")
    packed = gzip.compress((HOURLY + "A,3,66,0,90,37\n" * 20000).encode())
    damaged = {
        "a.csv": bytes(range(256)) * 40,
        "b.csv.gz": packed[: len(packed) // 2],
        "c.parquet": b"PAR1" + bytes(99),
        "d.csv.gz": b"no",
    }
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=rf"{name}.*can't be read"):
            list(table_stays(tmp_path / name, mapping))
    (tmp_path / "long.toml").write_text(LONG)
    with pytest.raises(DataError, match=r"stays.csv: can't be read"):
        list(table_stays(tmp_path / "table.csv", read_mapping(tmp_path / "long.toml")))
