"""`vigil call`: the card of a chart in a file, as the service would make it, and one sentence for
what is no chart.
"""

import json

import pytest
from click.testing import CliRunner

import vigil
from cdshooks.calling.chart_file import ChartFileError, chart_of, read_file
from cdshooks.calling.printed import printed
from demo.export import export
from tests.conftest import AT, WELL, bundle, observation, patient, table
from tests.support.contract import schema

MOMENT = f"{AT:%Y-%m-%dT%H:%M:%S%z}"


def run(*arguments) -> tuple[int, str]:
    result = CliRunner().invoke(vigil.main, ["call", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def resources(**more) -> list[dict]:
    return [patient(), *table(WELL), observation("lactate", 5.0, 1, **more)]


@pytest.fixture
def chart(tmp_path):
    path = tmp_path / "chart.json"
    path.write_text(json.dumps(bundle(resources())))
    return path


def test_the_card_of_a_bundle_reads_as_it_is_served(chart):
    """As of the newest value, unless a moment is named; text, and the JSON that a client gets."""
    code, text = run(chart)
    assert code == 0 and text.startswith("As of ") and "CRITICAL: Lactate 5.0 mmol/L" in text
    assert "**" not in text and "\\" not in text and "&" not in text
    code, text = run(chart, "--at", MOMENT, "--json")
    schema("Response").validate(json.loads(text))
    card = json.loads(text)["cards"][0]
    assert card["indicator"] == "critical" and "appContext" in card["links"][0]
    code, text = run(chart, "--at", MOMENT, "--json", "--profile", "oracle")
    assert "appContext" not in json.loads(text)["cards"][0]["links"][0]


def test_ndjson_a_folder_and_the_body_of_a_hook_call_are_the_same_chart(chart, tmp_path):
    """One resource a line, files of a bulk export, or what was prefetched."""
    _, expected = run(chart, "--at", MOMENT)
    lines = tmp_path / "chart.ndjson"
    lines.write_text("\n".join(map(json.dumps, resources())) + "\n")
    folder = tmp_path / "bulk"
    folder.mkdir()
    (folder / "Patient.ndjson").write_text(json.dumps(resources()[0]))
    (folder / "Observation.ndjson").write_text("\n".join(map(json.dumps, resources()[1:])))
    call = tmp_path / "call.json"
    person, *observations = resources()
    prefetched = {"patient": person, "vitals": bundle(observations), "labs": None}
    call.write_text(json.dumps({"prefetch": prefetched, "context": {"patientId": "p1"}}))
    for source in (lines, folder, call):
        assert run(source, "--at", MOMENT) == (0, expected), source


def test_a_transaction_names_its_own_patient(tmp_path):
    """As Synthea writes it: the subject is the `urn:uuid:` of the entry."""
    made = resources()
    for one in made[1:]:
        one["subject"] = {"reference": "urn:uuid:p1"}
    path = tmp_path / "chart.json"
    path.write_text(json.dumps(bundle(made)))
    assert "CRITICAL: Lactate 5.0 mmol/L" in run(path)[1]


def test_a_stay_of_a_table_and_a_demonstration_patient(tmp_path):
    """A table with its mapping, one stay of it, and a name of `vigil demo`."""
    export(tmp_path / "example", 3)
    table_of = (tmp_path / "example" / "stays.csv", "--mapping", tmp_path / "example/stays.toml")
    code, text = run(*table_of)
    assert code == 1 and "say with --patient which stay" in text and "example-0001" in text
    code, text = run(*table_of, "--patient", "example-0001")
    assert code == 0 and "NEWS2" in text
    code, text = run("sepsis", "--page", tmp_path / "page.html")
    assert code == 0 and "CRITICAL:" in text
    page = (tmp_path / "page.html").read_text()
    assert "Research software" in page and 'href="file://' in page and "Name not available" in page


def test_a_risk_that_no_single_value_moves_says_so(tmp_path):
    """In place of a list of others alone, which adds nothing up."""
    path = tmp_path / "chart.json"
    path.write_text(json.dumps(bundle([patient(), *table(WELL)])))
    text = " ".join(run(path)[1].split())
    assert ": no single value adds or takes a point." in text and "all others" not in text


def test_why_there_is_no_card_is_said(tmp_path):
    """Silence has a reason."""
    path = tmp_path / "chart.json"
    path.write_text(json.dumps(bundle([patient() | {"deceasedBoolean": True}, *table(WELL)])))
    assert "No card is shown: deceased." in run(path)[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "this is no JSON that can be read"),
        ("[]", "it names no patient"),
        (json.dumps(bundle([patient(), patient() | {"id": "p2"}])), "say with --patient whose"),
    ],
)
def test_what_is_no_chart_is_one_sentence(tmp_path, text, words):
    """With what to do."""
    path = tmp_path / "chart.json"
    path.write_text(text)
    with pytest.raises(ChartFileError, match=words):
        read_file(path)
    assert run(path)[0] == 1
    assert (
        run("nobody") == (1, run("nobody")[1]) and "none of the patients sepsis" in run("nobody")[1]
    )


def test_another_patients_values_stay_out():
    """Of several persons only the one asked for is read."""
    other = observation("lactate", 9.0, 1, id="other") | {"subject": {"reference": "Patient/p2"}}
    both = [*resources(), patient() | {"id": "p2"}, other]
    found = chart_of(both, "p1", "made").at(AT)
    assert [r.value for r in found.readings if r.variable == "lactate"] == [5.0]


def test_escapes_of_markdown_read_as_what_they_stand_for():
    """What a patient's chart wrote is text, on paper too."""
    card = {"indicator": "info", "summary": "s", "source": {"label": "Vigil"}}
    assert "- a_b <c> & d" in printed(card | {"detail": "**x**\n- a\\_b &lt;c&gt; &amp; d"})
