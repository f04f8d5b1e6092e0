"""`vigil validate` as a hospital runs it: the examples of the data's README, real FHIR, and
input that has to be refused.
"""

import csv
import io
import json
import random
import re
import zipfile
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

import studies
from studies.data.bulk import bulk_stays
from studies.data.layouts import read_stays, sources_2019
from studies.data.mapping import read_mapping
from studies.data.physionet2012 import PARAMETERS
from studies.data.physionet2019 import COLUMNS
from studies.data.stays import Stay, files
from studies.data.tables import table_stays
from tests.support import captures
from tests.support.hospital import LONG, WIDE, validate

README = (Path(studies.__file__).parents[1] / "docs" / "your-data.md").read_text("utf-8")
VITALS = {"hr": 80, "rr": 16, "sat": 96, "sys_cuff": 125, "temp": 37}
ITEMS = {
    "Heart Rate": 80,
    "Respiratory Rate": 16,
    "O2 saturation": 96,
    "Systolic": 125,
    "Temperature": 99,
}
PEOPLE = 12


def blocks(kind: str) -> list[str]:
    """Return the fenced blocks of a kind."""
    return re.findall(rf"```{kind}\n(.*?)```", README, re.DOTALL)


def command(number: int) -> list[str]:
    """Return the arguments of an example's command, without where it writes."""
    words = blocks("sh")[number].split()
    assert words[:2] == ["vigil", "validate"]
    return words[2 : words.index("--output")]


def table(path: Path, example: str, rows: list[dict]) -> None:
    """Write a CSV with exactly the columns of an example of the document, its rows first."""
    lines = example.strip().splitlines()
    text = io.StringIO()
    csv.DictWriter(text, lines[0].split(","), "").writerows(rows)
    path.write_text("\n".join(lines) + "\n" + text.getvalue())


def counts(folder: Path) -> dict:
    """Return what the validation counted for the first model."""
    return json.loads((folder / "out" / "validation.json").read_text())["models"][0]["counts"]


def ill(person: int) -> bool:
    return person % 3 == 0


def test_the_example_of_an_hourly_table_runs(tmp_path, monkeypatch):
    """Dates with a zone, two columns of one pressure, a time of death."""
    start, dice = datetime(2024, 5, 1, 8), random.Random(1)
    rows = [
        {
            "stay": person,
            "charted": start + timedelta(hours=hour),
            "age": 60 + person,
            "sex": "FM"[person % 2],
            "ward": "South",
            "died_at": start + timedelta(hours=30.5) if ill(person) else "",
        }
        | {name: value + 4 * ill(person) + dice.random() for name, value in VITALS.items()}
        for person in range(PEOPLE)
        for hour in range(24)
    ]
    table(tmp_path / "hourly.csv", blocks("csv")[0], rows)
    (tmp_path / "hourly.toml").write_text(blocks("toml")[0])
    monkeypatch.chdir(tmp_path)
    run = validate(tmp_path, *command(0))
    found = counts(tmp_path)
    assert "steps to worse pass" in run.output and "Physiological sense" in (
        tmp_path / "out" / "report.html"
    ).read_text("utf-8")
    # 4 died 30.5 h after the start, so hours 7 to 30 have the event; the 8 others stay 23 h and the
    # example's own stay 1 h.
    assert not run.exit_code and (found["stays"], found["event_stays"], found["patients"]) == (
        PEOPLE + 1,
        4,
        PEOPLE + 1,
    ), run.output
    assert (found["rows"] + sum(found["landmarks_without_number"].values()), found["events"]) == (
        4 * 30 + 8 * 23 + 1,
        4 * 24,
    )


def test_the_example_of_measurements_with_a_stays_file_runs(tmp_path, monkeypatch):
    """Offsets, words, two stays of one person; half an hour of history."""
    dice = random.Random(2)
    rows = [
        {
            "stayid": stay,
            "offset": hour * 60 - 30,
            "item": item,
            "result": value + 5 * ill(stay) * (item != "O2 saturation") + dice.random(),
            "uom": "degF" if item == "Temperature" else "",
        }
        for stay in range(PEOPLE)
        for hour in range(10)
        for item, value in ITEMS.items()
    ]
    stays = [
        {
            "stayid": stay,
            "person": stay // 2,
            "age": 60,
            "gender": "Female",
            "unittype": "MICU",
            "hospital": f"H{stay % 2}",
            "status": "Expired" if ill(stay) else "Alive",
        }
        for stay in range(PEOPLE)
    ]
    table(tmp_path / "measurements.csv", blocks("csv")[1], rows)
    table(tmp_path / "stays.csv", blocks("csv")[2], stays)
    vitals = [
        {"stayid": stay, "observationoffset": minutes, "heartrate": 90, "sao2": 95}
        for stay in range(PEOPLE)
        for minutes in (20, 500)
    ]
    table(tmp_path / "vitals.csv", blocks("csv")[3], vitals)
    (tmp_path / "measurements.toml").write_text(blocks("toml")[1])
    monkeypatch.chdir(tmp_path)
    run = validate(tmp_path, *command(1))
    found = counts(tmp_path)
    assert not run.exit_code and (found["rows"], found["patients"], found["events"]) == (
        PEOPLE * 8,
        PEOPLE // 2,
        4 * 8,
    ), run.output


def test_the_example_of_bulk_data_runs(tmp_path, monkeypatch):
    """Patients, Observations and outcomes with times."""
    from tests.conftest import AT, observation, patient

    names = ("heart_rate", "respiratory_rate", "spo2", "systolic", "temperature")
    seen = [
        observation(name, value + 3 * ill(person), hours, f"p{person}")
        for person in range(PEOPLE)
        for hours in range(20)
        for name, value in zip(names, (80, 16, 96, 120, 37), strict=True)
    ]
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "Patient.ndjson").write_text(
        "\n".join(json.dumps(patient(f"p{person}")) for person in range(PEOPLE))
    )
    (tmp_path / "export" / "Observation.ndjson").write_text("\n".join(map(json.dumps, seen)))
    died = [
        {"id": f"p{person}", "time": (AT + timedelta(hours=2)).isoformat()}
        for person in range(PEOPLE)
        if ill(person)
    ]
    table(tmp_path / "outcomes.csv", blocks("csv")[4], died)
    monkeypatch.chdir(tmp_path)
    run = validate(tmp_path, *command(2))
    assert (
        not run.exit_code
        and counts(tmp_path)["event_stays"] == 4
        and counts(tmp_path)["stays"] == PEOPLE
    ), run.output


def test_the_document_names_every_key():
    """A key that can be set is explained, and no other is."""
    from studies.data import mapping

    rows = re.findall(r"^\| (`.*?) \|", README[README.index("## Every key") :], re.MULTILINE)
    told, parent = set(), ""
    for name in (name for row in rows for name in re.findall(r"`([a-z_.]+)`", row)):
        parent = name.split(".")[0] if not name.startswith(".") else parent
        told.add(parent + name if name.startswith(".") else name)
    tables = {
        "columns": mapping.Columns,
        "stays": mapping.StaysFile,
        "long": mapping.Long,
        "sex": mapping.Sex,
        "outcome": mapping.Outcome,
        "more": mapping.More,
    }
    keys = {f"{name}.{key}" for name, kind in tables.items() for key in kind.__struct_fields__}
    assert told == keys | set(mapping.Mapping.__struct_fields__) - set(tables)


def ndjson(folder: Path, resources: list[dict]) -> Path:
    """Write resources as a bulk export."""
    folder.mkdir()
    for kind in ("Patient", "Observation"):
        (folder / f"{kind}.ndjson").write_text(
            "\n".join(json.dumps(found) for found in resources if found["resourceType"] == kind)
        )
    return folder


def test_real_bundles_as_bulk_data(tmp_path, shared):
    """Synthea's and the vendors' charts are read without an error; they are too sparse for a
    number, which is said in one sentence.
    """
    for source in ("synthea", "epic", "oracle", "us-core"):
        found = captures.resources(shared / "data" / "fhir" / source)
        export, outcomes = ndjson(tmp_path / source, found), tmp_path / f"{source}.csv"
        outcomes.write_text(f"id\n{captures.patients(found)[0]}\n")
        stays = list(bulk_stays(export, outcomes, "death", 24))
        assert stays and all(stay.chart.readings for stay in stays)
    run = validate(tmp_path, tmp_path / "synthea", "--outcomes", tmp_path / "synthea.csv")
    assert run.exit_code and "deterioration needs rows with and without" in run.stderr


def refused() -> dict[str, tuple[dict[str, bytes], list[str], str]]:
    """Return by name: files to write, arguments, and what the one sentence says."""
    wide, junk = "stay,hour,age,died,hr,temp\nA,1,66,0,80,37\n", bytes(range(256)) * 20
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("p1.psv", "Age|Gender|ICULOS|SepsisLabel|HR\n60|1|1|0|80\n" * 50)
    table, second = ["t.csv", "--mapping", "m.toml"], {"m.toml": LONG.encode()}
    return {
        "an empty folder": ({"f/.keep": b""}, ["f"], "f: neither the 2012 layout"),
        "a lone table": ({"t.csv": wide.encode()}, ["t.csv"], "needs --mapping"),
        "an empty table": (
            {"t.csv": b"", "m.toml": WIDE.encode()},
            table,
            "t.csv, line 1: there is no column",
        ),
        "binary in place of text": (
            {"t.csv": junk, "m.toml": WIDE.encode()},
            table,
            "t.csv: can't be read",
        ),
        "binary in place of a mapping": ({"t.csv": wide.encode(), "m.toml": junk}, table, "m.toml"),
        "a cut line": (
            {"t.csv": (wide + "A,2,66").encode(), "m.toml": WIDE.encode()},
            table,
            "t.csv, line 3: expected 6 cells",
        ),
        "one class only": ({"t.csv": wide.encode(), "m.toml": WIDE.encode()}, table, "t.csv: "),
        "no stays file": (
            {"t.csv": b"stay,offset,item,value,uom\nA,1,HR,80,\n"} | second,
            table,
            "stays.csv: can't be read",
        ),
        "half a zip": ({"x.zip": packed.getvalue()[:-30]}, ["x.zip"], "x.zip: can't be read"),
        "a zip of nothing": ({"x.zip": b""}, ["x.zip"], "x.zip: can't be read"),
        "a broken row of 2019": ({"x.zip": packed.getvalue()}, ["x.zip"], "x.zip, p1.psv, line 3"),
        "binary in place of psv": ({"f/p1.psv": junk}, ["f"], "p1.psv: can't be read"),
        "2012 without its column": (
            {"set-c/1.txt": b"", "Outcomes-c.txt": b"RecordID,SOFA\n1,2\n"},
            ["set-c"],
            "Outcomes-c.txt, line 1",
        ),
        "an empty file of 2012": (
            {"set-c/1.txt": b"", "Outcomes-c.txt": b"RecordID,In-hospital_death\n1,1\n"},
            ["set-c"],
            "1.txt, line 1",
        ),
        "bulk without outcomes": ({"f/Observation.ndjson": b"{}"}, ["f"], "a CSV of outcomes"),
        "bulk with broken JSON": (
            {
                "f/Observation.ndjson": b'{"a": 1}\n{',
                "f/Patient.ndjson": b'{"resourceType": "Patient", "id": "1"}',
                "o.csv": b"id\n1\n",
            },
            ["f", "--outcomes", "o.csv"],
            "Observation.ndjson, line 2: this is no JSON object",
        ),
    }


@pytest.mark.parametrize("case", refused())
def test_what_cannot_be_read_is_one_sentence_and_nothing_written(tmp_path, monkeypatch, case):
    """Exit code 1, one line with the file, no traceback, no file."""
    files, arguments, words = refused()[case]
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    run = validate(tmp_path, *arguments)
    assert run.exit_code == 1 and words in run.stderr.splitlines()[-1]


def test_a_published_set_written_as_a_table_gives_the_same_stays(tmp_path, shared):
    """Real stays of 2012 and 2019 come out of the table as they come out of their own layout:
    readings, labels, age, sex, rejections.
    """
    for name, make in (("physionet2012/set-a.zip", write_2012), ("physionet2019", write_2019)):
        published = list(islice(read_stays(shared / "data" / name), 40))
        folder = tmp_path / name.replace("/", "-")
        folder.mkdir()
        own = list(
            table_stays(
                make(folder, shared / "data" / name, published), read_mapping(folder / "m.toml")
            )
        )
        assert [stay.labels for stay in own] == [stay.labels for stay in published]
        for one, two in zip(own, published, strict=True):
            assert [r[:3] for r in one.chart.readings] == [
                r[:3] for r in two.chart.readings
            ] and one.chart.rejected == two.chart.rejected
            assert (one.record, one.start, one.chart.age(one.start), one.chart.sex) == (
                two.record,
                two.start,
                two.chart.age(two.start),
                two.chart.sex,
            )


def variables(of: dict[str, tuple[str, str]]) -> str:
    """Return the table [variables] of a mapping."""
    return "[variables]\n" + "".join(
        f'{column} = {{variable = "{name}", unit = "{unit}"}}\n'
        for column, (name, unit) in of.items()
    )


def write_2012(folder: Path, path: Path, stays: list[Stay]) -> Path:
    """Write stays of 2012 as measurements with a stays file."""
    texts = dict(
        zip(
            (stay.record for stay in stays), (text for _, text in files(path, ".txt")), strict=False
        )
    )
    rows = ["id,minutes,item,value"]
    for record, text in texts.items():
        for line in text.splitlines()[1:]:
            clock, item, value = line.split(",")
            rows.append(f"{record},{int(clock[:2]) * 60 + int(clock[3:])},{item},{value}")
    (folder / "t.csv").write_text("\n".join(rows))
    about = [
        f"{s.record},{s.chart.age(s.start) or ''},{s.chart.sex or ''},{s.labels['death'][0]},2880"
        for s in stays
    ]
    (folder / "s.csv").write_text("\n".join(["id,age,sex,died,end", *about]))
    (folder / "m.toml").write_text(
        'shape = "long"\ntime_unit = "minutes"\nstays = {file = "s.csv"}\nlong = {variable = "item", value = "value"}\n'
        '[columns]\nid = "id"\ntime = "minutes"\nage = "age"\nsex = "sex"\nend = "end"\n'
        '[outcome]\nname = "death"\ncolumn = "died"\n' + variables(PARAMETERS)
    )
    return folder / "t.csv"


def write_2019(folder: Path, path: Path, stays: list[Stay]) -> Path:
    """Write stays of 2019 as one table with a row an hour."""
    source = sources_2019(path)[0]
    texts = [text.splitlines() for _, text in islice(files(source, ".psv"), len(stays))]
    lines = ["record|" + texts[0][0]] + [
        f"{stay.record}|{line}"
        for stay, text in zip(stays, texts, strict=True)
        for line in text[1:]
    ]
    (folder / "t.csv").write_text("\n".join(lines))
    (folder / "m.toml").write_text(
        'time_unit = "hours"\n[columns]\nid = "record"\ntime = "ICULOS"\nage = "Age"\nsex = "Gender"\n[sex]\nmale = [1]\nfemale = [0]\n'
        '[outcome]\nname = "sepsis"\ncolumn = "SepsisLabel"\nhorizon_hours = 6\n'
        + variables(COLUMNS)
    )
    return folder / "t.csv"
