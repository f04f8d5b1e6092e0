"""What if, over a launch: exact against the models, nothing written, and no input that breaks it
(E5, E7).
"""

import html
import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from models.assess import assess
from models.patient.chart import Chart
from models.supposing.hypothetical import hypothetical
from runtime.audit.log import AuditError
from tests.spec.test_smart_evidence import observed
from tests.support.launch_bench import PUBLIC, Bench
from tests.support.trials import trial

SODIUM = {
    "code": {"coding": [{"system": "http://loinc.org", "code": "2951-2"}]},
    "valueQuantity": {"value": 129, "unit": "mmol/L"},
}
ALONE, RESULT = {"Vigil-Part": "1"}, {"Vigil-Part": "result"}


class Launched:
    """A browser that has opened the page of a session, and asks what if."""

    def __init__(self, bench: Bench):
        self.bench, self.browser = bench, bench.browser()
        self.place = self.browser.sign_in()
        self.page = self.browser.get(self.place)

    def form(self, **headers) -> str:
        answer = self.browser.get(f"{self.place}what_if", headers=headers or ALONE)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, headers=RESULT, **values):
        return self.browser.client.post(
            f"{self.place}what_if", base_url=PUBLIC, data=values, headers=headers
        )

    def tried(self, **values) -> str:
        answer = self.post(**values)
        assert answer.status_code == 200, answer.text
        return html.unescape(answer.text)

    @property
    def shown(self) -> dict:
        """Return the record of the page."""
        return next(r for r in pages(self.bench) if r["route"] == "explanation")


def pages(bench) -> list[dict]:
    """Return the records of pages, oldest first."""
    return [*bench.audit.records(type="page")][::-1]


@pytest.fixture
def launched(bench):
    return Launched(bench)


def figures(page: str) -> list[str]:
    """Return the figures of the risks in a result, and the points of NEWS2 by part."""
    points = re.findall(r'</td><td class="n">(\S+)(?: ◂)?</td><td class="n">', page)
    return [*re.findall(r'<span class="figure">([^<]+)', page), *points]


def test_the_result_is_what_the_models_say_of_the_hypothetical_chart(launched):
    """Risks and NEWS2 are those of `assess` on the chart of the page with the values charted."""
    given = {"heart_rate": "88", "spo2": "97", "lactate": "1.1", "temperature": ""}
    chart = Chart.from_json(launched.shown["chart"])
    at = datetime.fromisoformat(launched.shown["at"])
    values = {"heart_rate": 88.0, "spo2": 97.0, "lactate": 1.1, "temperature": None}
    told = assess(hypothetical(chart, at, values), at, launched.bench.models)
    real = assess(chart, at, launched.bench.models)
    page = launched.tried(**given)
    order = [risk.outcome for risk in real.risks]
    risks = sorted(told.risks, key=lambda risk: order.index(risk.outcome))
    points = ["?" if one.points is None else str(one.points) for one in told.news2.parts]
    assert figures(page) == [*(risk.figure for risk in risks), *points]
    for risk in real.risks:
        assert f"(real {risk.figure})" in page
    assert f"{told.news2.figure} (real {real.news2.figure.removeprefix('NEWS2 ')})" in page


def test_every_figure_says_that_it_is_hypothetical(launched):
    """The word stands on each box that holds a figure."""
    page = launched.tried(heart_rate="88")
    boxes = page.split("<section ")[1:]
    assert len(boxes) == 3
    assert all(re.match(r'class="hypothetical.*?<p class="tag">Hypothetical</p>', b, re.S) for b in boxes)  # fmt: skip


def test_what_is_not_changed_is_no_hypothesis(launched):
    """A form that is sent as it came tries nothing."""
    form = launched.form()
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)" min', form))
    assert fields["heart_rate"] == "128" and fields["lactate"] == ""
    assert "Nothing is changed" in launched.tried(**fields)
    assert '<section class="hypothetical' not in launched.tried(**fields)


def test_without_a_script_it_is_a_form_that_answers_with_a_page(launched):
    """POST, so that no value is in an address (E7); the fields keep what was typed, and a button
    resets one.
    """
    page = launched.form(Accept="text/html")
    assert (
        "<html" in page and '<form id="what-if" method="post"' in page and ">Show</button>" in page
    )
    assert "<h1>What if</h1>" in page
    answer = launched.post({}, heart_rate="91", spo2="99").text
    assert "<html" in answer and '<p class="tag">Hypothetical</p>' in answer
    assert re.search(r'name="heart_rate" value="91"', answer)
    again = launched.post({}, heart_rate="91", spo2="99", reset="heart_rate").text
    assert re.search(r'name="heart_rate" value="128"', again)
    assert re.search(r'name="spo2" value="99"', again)


@pytest.mark.rule("E7")
def test_nothing_is_written_but_the_names(launched, ehr, logged):
    """Not a request goes to the EHR, no value to the audit, log or store, and the page that follows
    has the chart's.
    """
    before, kept = len(ehr.requests), dict(launched.bench.store.data)
    launched.tried(heart_rate="93.7", lactate="7.77")
    assert len(ehr.requests) == before
    assert launched.bench.store.data.keys() == kept.keys()
    record = pages(launched.bench)[-1]
    assert (record["route"], record["tried"]) == ("what_if", ["heart_rate", "lactate"])
    text = json.dumps(pages(launched.bench)) + json.dumps(logged())
    assert "93.7" not in text and "7.77" not in text
    launched.browser.get(launched.place)
    charts = [r["chart"]["readings"] for r in pages(launched.bench) if "chart" in r]
    assert len(charts) == 2 and all(reading[3] != "hypothetical" for c in charts for reading in c)


def test_a_slider_is_recorded_once_a_minute(launched):
    """The same names again are not recorded anew; other names are, and the same after a minute."""
    start = launched.bench.time = datetime.now(UTC)

    def tried(**values):
        launched.tried(**values)
        return [r["tried"] for r in pages(launched.bench) if r["route"] == "what_if"]

    assert tried(heart_rate="90") == tried(heart_rate="91") == [["heart_rate"]]
    assert tried(spo2="90") == [["heart_rate"], ["spo2"]]
    launched.bench.time = start + timedelta(seconds=61)
    assert tried(spo2="89")[-2:] == [["spo2"], ["spo2"]]


WRONG = ["999", "-3", "nan", "inf", "1e2", "12_0", "٣٧", "abc", "<b>", "1" * 5000, "0x10", "12,,5", "\ud800"]  # fmt: skip


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_a_value_that_cant_be_used_is_said_and_the_others_count(launched, text):
    """A clear sentence, the other fields tried, nothing echoed as markup, never a 500."""
    text = text.encode("utf-8", "surrogatepass")
    page = launched.tried(heart_rate=text, spo2="85")
    assert "Heart rate was not used:" in page and "Not used: heart rate." in page
    assert len(figures(page)) == 9 and "<b>" not in page
    whole = launched.post({}, heart_rate=text, spo2="85")
    assert whole.status_code == 200 and 'aria-invalid="true"' in whole.text
    assert 'name="spo2" value="85"' in whole.text and len(whole.text) < 60_000


def test_scores_have_whole_values(launched):
    page = launched.tried(gcs="13.5", acvpu="1.5")
    assert page.count("it has whole values only") == 2
    assert "Not used" in page and "Nothing is changed" in page


def test_ten_thousand_fields_cost_a_sentence(launched):
    """Fields that the form does not have are counted; a body beyond all measure is a page, too."""
    page = launched.tried(**{f"f{n}": "1" for n in range(10_000)}, heart_rate="90")
    assert "10000 fields that are not of this form were passed over." in page
    assert len(figures(page)) == 9 and len(page) < 40_000
    answer = launched.post(heart_rate="9" * launched.bench.settings.max_body_bytes)
    assert answer.status_code == 413 and "The form is too large" in answer.text


def test_oxygen_and_consciousness_follow_their_sisters(launched):
    """A flow makes the inspired oxygen, a level the coma score, and the result says so."""
    page = launched.tried(oxygen_flow="4", acvpu="2")
    assert "Inspired oxygen follows: 36 % (from oxygen flow 4.0 L/min)." in page
    assert "Glasgow coma score follows: 13 (from ACVPU voice)." in page


def test_what_is_real_is_told_as_it_stands_in_the_chart(bench, ehr):
    """Too old, unusable, or of the same minutes: a nurse sees beside what the value is tried."""
    now = datetime.now(UTC)
    late = {"effectiveDateTime": (now - timedelta(hours=30)).isoformat()}
    ehr.more = [observed(1, **late), observed(2, **SODIUM, effectiveDateTime=f"{now:%Y-%m-%d}")]
    launched = Launched(bench)
    page = launched.tried(lactate="2", sodium="140", heart_rate="90")
    assert "lactate 2.0 mmol/L (real 4.1 mmol/L, too old)" in page
    assert "sodium 140 mmol/L (in the chart, can't be used: 129 mmol/L (no exact time))" in page
    assert "Of the same minutes the chart has sodium 129 mmol/L (no exact time)" in page
    assert "Of the same minutes" not in launched.tried(heart_rate="90")


def test_findings_that_come_and_go_are_named(launched):
    page = launched.tried(lactate="5.5", respiratory_rate="16")
    comes, goes = page.split("Findings that would go")
    assert "actate 5.5 mmol/L" in comes.split("Findings that would come")[1]
    assert "Respiration" in goes or "espiratory rate 27" in goes


def test_what_is_missing_is_told_for_each_risk(launched):
    """Of a chart of five vital signs one sentence names what would narrow the interval most."""
    form = html.unescape(launched.form())
    assert "What one missing result would do" in form
    assert re.search(r"<strong>[\w (),]+ would narrow the interval of death in hospital most</strong>", form)  # fmt: skip
    assert form.count("<caption>Hypothetical: ") == 2 and "no advice to draw blood" in form


def test_with_too_few_vital_signs_it_says_what_a_number_needs(bench, ehr, monkeypatch):
    """What is needed is marked, and with it the risk is told."""
    vitals = {"8867-4": (128, "/min"), "59408-5": (91, "%")}
    monkeypatch.setattr("tests.support.small_ehr.VITALS", vitals)
    launched = Launched(bench)
    assert "Risk not calculated" in launched.page.text
    form = launched.form()
    assert "With 1 more of the vital signs" in form and form.count(">needed</span>") == 3
    assert "What one missing result would do" not in form
    page = launched.tried(respiratory_rate="30")
    assert "no number in reality" in page and len(figures(page)) == 9
    assert "Still no risk." in launched.tried(lactate="3")


@pytest.mark.parametrize(
    ("born", "dead", "words"),
    [
        ("2019-05-05", False, "years old; NEWS2 is made for"),
        ("1950-05-05", True, "the chart says that the patient has died"),
        (None, False, "the patient's age is not known"),
    ],
)
def test_where_it_means_nothing_it_is_not_offered(bench, ehr, born, dead, words):
    """Of a child, the dead and a patient of unknown age it says why, and posts change nothing."""
    ehr.person = {"birthDate": born, "deceasedBoolean": dead}
    launched = Launched(bench)
    form = launched.form()
    assert words in html.unescape(form) and "<form" not in form
    assert "Not offered here" in launched.tried(heart_rate="90")


def test_in_a_control_arm_news2_alone_is_tried(tmp_path, ehr):
    """Neither a risk nor what is missing for one is told; NEWS2 is."""
    launched = Launched(Bench(tmp_path, ehr, trial=trial(tmp_path, control_share=0.999)))
    form, page = launched.form(), launched.tried(spo2="97", lactate="9")
    assert "What one missing result" not in form and "study protocol" in page
    assert "% (" not in re.sub(r"\s+", " ", page).split("NEWS2")[0] and len(figures(page)) == 7
    assert "Risk of" not in page and "NEWS2" in page


def test_without_the_page_there_is_nothing_to_change(bench):
    """A part whose page was not shown says to load it; without a session there is none."""
    browser = bench.browser()
    place = browser.sign_in()
    assert browser.get(f"{place}what_if").status_code == 409
    assert bench.browser().get(f"{place}what_if").status_code == 401


def test_it_is_recorded_or_not_shown(launched, monkeypatch):
    """An audit that can't be written keeps the result back (G1)."""

    def fail(*_):
        raise AuditError("full")

    monkeypatch.setattr(launched.bench.audit, "append", fail)
    assert launched.post(heart_rate="90").status_code == 503
