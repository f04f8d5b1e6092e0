"""What a chart is said to be is the same at each place of a page and in its note, and as it is
written in the chart.
"""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from smartapp.door import PART
from tests.spec.test_smart_evidence import observed
from tests.support import small_ehr
from tests.support.small_ehr import LOINC, VITALS

UNWELL = "That does not mean that the patient is well"
CHILD = {"birthDate": f"{datetime.now(UTC).year - 9}-01-01"}


def places(bench) -> dict[str, str]:
    """Return the words of a page and of its parts, and the note as it would be copied."""
    browser = bench.browser()
    place = browser.sign_in()
    answers = {"page": browser.get(place).text}
    for name in ("changed", "trends", "summary"):
        answers[name] = browser.get(f"{place}{name}", headers={PART: "1"}).text
    texts = re.findall(r"<textarea[^>]*>(.*?)</textarea>", answers.pop("summary"), re.S)
    told = {name: unescape(re.sub(r"<[^>]+>", " ", text)) for name, text in answers.items()}
    told = {name: re.sub(r"\s+", " ", text) for name, text in told.items()}
    return told | dict(zip(("note", "markdown"), map(unescape, texts), strict=True))


def test_a_note_is_text_and_no_html(bench, ehr, monkeypatch):
    """A bound keeps its sign, and an apostrophe is one; Markdown writes the sign in its own way."""
    monkeypatch.setattr(small_ehr, "VITALS", {})
    ehr.more = [bound(ehr)]
    told = places(bench)
    assert not re.search(r"&\w+;|&#\d+;", told["note"]), told["note"]
    assert "SpO2 <70 % (3 points)" in told["note"] and "can't be used: <70 %" in told["note"]
    assert "SpO2 &lt;70 % (3 points)" in told["markdown"] and "&amp;" not in told["markdown"]


def bound(ehr) -> dict:
    """Return a saturation of which the chart says a bound alone."""
    hour_ago = datetime.fromtimestamp(ehr.now(), UTC) - timedelta(hours=1)
    value = {"value": 70, "comparator": "<", "unit": "%"}
    code = {"coding": [{"system": LOINC, "code": "59408-5"}]}
    return observed(1, code=code, valueQuantity=value, effectiveDateTime=hour_ago.isoformat())


@pytest.mark.parametrize(
    ("person", "vitals", "words"),
    [
        ({"deceasedBoolean": True}, VITALS, "The chart says that the patient has died"),
        (CHILD, VITALS, "No finding: how urgent a child is can't be told here"),
        ({}, {}, "Too little is known to say how urgent this is"),
        ({}, {"8867-4": (70, "/min")}, "No critical finding and no warning in what is known"),
    ],
)
def test_the_note_is_no_calmer_than_the_page(bench, ehr, monkeypatch, person, vitals, words):
    """Where nothing is urgent both say so in the same words; nobody who has died is not well."""
    monkeypatch.setattr(small_ehr, "VITALS", vitals)
    ehr.person = person
    told = places(bench)
    assert words in told["page"] and f"- {words}." in told["note"]
    assert (UNWELL in told["note"]) == ("deceasedBoolean" not in person)


def test_what_has_no_exact_time_is_given_none(bench, ehr):
    """The latest moment that it may be of is no time of day and no age, wherever it stands."""
    ehr.more = [observed(1, effectiveDateTime=f"{datetime.now(UTC):%Y-%m-%d}")]
    told = places(bench)
    written = r"4\.1 mmol/L \(no exact time\)"
    assert re.search(rf"{written}, as written critically high\.$", told["note"], re.M)
    rows = re.search(rf"lactate critical .*?{written} (\S+ \S+)", told["changed"])
    assert rows and "old" not in rows[1]
    finding = re.search(rf"{written}, as written critically high\. (\S+ \S+)", told["page"])
    assert finding and not re.search(r"\d\d:\d\d|\d \w{3}", finding[1])


def test_what_is_written_in_the_chart_keeps_its_capitals(bench, ehr):
    """A unit in small letters may be another one."""
    ehr.more = [observed(1, status="preliminary", effectiveDateTime=datetime.now(UTC).isoformat())]
    told = places(bench)
    for name in ("page", "trends", "note"):
        assert "n the chart, can't be used: 4.1 mmol/L (not final): lactate" in told[name], name
        assert "mmol/l" not in told[name]


def test_an_observation_that_says_two_things_is_linked_by_what_it_says(bench, ehr):
    """Two links of a page with one name lead to one place (WCAG 2.4.4)."""
    now = datetime.now(UTC).isoformat()
    parts = [
        {
            "code": {"coding": [{"system": LOINC, "code": code}]},
            "valueQuantity": {"value": value, "unit": "mm[Hg]"},
        }
        for code, value in (("8480-6", 0), ("8462-4", 0))
    ]
    code = {"coding": [{"system": LOINC, "code": "85354-9"}]}
    panel = observed(1, code=code, component=parts, effectiveDateTime=now)
    ehr.more = [{name: value for name, value in panel.items() if name != "valueQuantity"}]
    browser = bench.browser()
    page = browser.get(browser.sign_in()).text
    found: dict[str, set[str]] = {}
    for address, label, words in re.findall(
        r'<a class="to-evidence" href="([^"]*)"[^>]*?(?:aria-label="([^"]*)")?>(.*?)</a>', page
    ):
        found.setdefault(label or words, set()).add(address)
    assert len(found) > 10 and [name for name, to in found.items() if len(to) > 1] == []


@pytest.mark.parametrize(
    ("born", "words"),
    [(None, "The patient's age is not known"), ("1951-03-09", "None of its parts is known now")],
)
def test_a_score_that_is_not_given_has_one_reason(bench, ehr, monkeypatch, born, words):
    """And where nothing could be read, that nothing changed is said of what is known."""
    monkeypatch.setattr(small_ehr, "VITALS", {})
    ehr.person = {"birthDate": born}
    told = places(bench)
    assert f"NEWS2: not given {words}" in told["page"]
    assert "Of what is known no finding is new or graver" in told["changed"]
