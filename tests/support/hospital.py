"""A small invented hospital, written out in each way in which data come to `vigil validate`."""

import contextlib
import io
from pathlib import Path

from click.testing import CliRunner, Result

from studies.data.mapping import read_mapping
from studies.data.stays import Stay
from studies.data.tables import table_stays
from vigil import main

WIDE = """
time_unit = "hours"
[columns]
id = "stay"
time = "hour"
age = "age"
[outcome]
name = "death"
column = "died"
[variables]
hr = {variable = "heart_rate", unit = "/min"}
temp = {variable = "temperature", unit = "Cel"}
"""
LONG = """
shape = "long"
time_unit = "minutes"
[columns]
id = "stay"
time = "offset"
age = "age"
sex = "sex"
[stays]
file = "stays.csv"
[long]
variable = "item"
value = "value"
unit = "uom"
[outcome]
name = "death"
column = "status"
yes = ["Expired"]
no = ["Alive"]
[variables]
HR = {variable = "heart_rate", unit = "/min"}
Temp = {variable = "temperature"}
"""


def read(
    folder: Path,
    table: str,
    mapping: str,
    second: str = "",
    name: str = "table.csv",
    encoding: str = "utf-8",
) -> list[Stay]:
    """Write the files and return the stays."""
    (folder / "mapping.toml").write_text(mapping, "utf-8")
    (folder / name).write_bytes(table.encode(encoding))
    if second:
        (folder / "stays.csv").write_text(second, "utf-8")
    with contextlib.redirect_stderr(io.StringIO()):
        return list(table_stays(folder / name, read_mapping(folder / "mapping.toml")))


def told(stay: Stay) -> list[tuple[float, str, float]]:
    """Return the readings as (hours since the start, variable, value)."""
    return [
        ((r.time - stay.start).total_seconds() / 3600, r.variable, r.value)
        for r in stay.chart.readings
    ]


def validate(folder: Path, *arguments: str | Path) -> Result:
    """Run the real command, and look whether an error is one sentence and writes nothing."""
    output = folder / "out"
    run = CliRunner().invoke(
        main, ["validate", *map(str, arguments), "--draws", "5", "--output", str(output)]
    )
    if run.exit_code:
        said = [line for line in run.stderr.splitlines() if line.startswith("Error: ")]
        assert run.exit_code == 1 and isinstance(run.exception, SystemExit) and len(said) == 1, (
            run.output
        )
        assert not output.exists(), "a refused run wrote something"
    else:
        assert {path.name for path in output.iterdir()} >= {"validation.json", "report.html"}
    return run
