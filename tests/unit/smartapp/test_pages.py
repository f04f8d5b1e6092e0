"""The explanation page, rendered from a made-up Assessment."""

import re
from dataclasses import replace
from datetime import UTC, date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Blueprint, Flask, render_template

from models.assess import assess
from models.patient.chart import LeftOut, PartState, Unusable
from models.reading.fhir import parse
from models.reading.reader import read_chart
from smartapp import pages
from smartapp.changing.difference import difference
from smartapp.measurements import measured
from smartapp.outcomes import bands_text
from smartapp.pages import headline
from smartapp.plots.course import risk_course
from smartapp.plots.news2 import news2_strip
from smartapp.record import Person
from tests.conftest import AT, bundle, observation, patient
from tests.support import assessments

ROOT = Path(__file__).resolve().parents[3]
PERSON = Person("O'Neil <b>, Ada", "1951-03-09", "female", "44-1")


@pytest.fixture
def render():
    """Return a renderer of the explanation page."""
    app = Flask("vigil", root_path=str(ROOT))
    blueprint = Blueprint("smartapp", "smartapp")
    pages.register_words(blueprint)
    for name in ("model_card", "guide"):
        blueprint.add_url_rule(f"/{name}", name, lambda: "")
    app.register_blueprint(blueprint)

    def page(assessment, chart, zone=UTC, **more):
        values = pages.explanation(chart, assessment, (), zone)
        values["measured"] = measured(chart, assessment)
        course = assessments.course()
        values["outcomes"] = tuple(
            replace(
                outcome,
                course=risk_course(course, outcome.risk.thresholds, assessment.at),
            )
            for outcome in values["outcomes"]
        )
        with app.test_request_context():
            return render_template(
                "pages/explanation.html",
                **values
                | {"person": PERSON, "age_years": assessment.age_years, "problems": ()}
                | {"comparison": None, "shown": "now"}
                | more,
            )

    return page


def test_the_page_says_whose_and_what(render):
    """Name, birth date, age, sex, MRN, risk, band, trend and the notice are all there; text is
    escaped.
    """
    page = render(assessments.assessment(), assessments.chart())
    for text in (
        "O&#39;Neil &lt;b&gt;, Ada",
        "1951-03-09",
        "(75 y)",
        "female",
        "44-1",
        "65 %",
        ">high<",
        "rising",
        "not a cleared medical device",
    ):
        assert text in page, text
    assert "<b>" not in page


@pytest.mark.rule("SMART-48")
def test_the_page_holds_nothing_that_the_policy_forbids(render):
    """No inline style or script, no address outside our own, and each plot has a title, a
    description and a table.
    """
    page = render(assessments.assessment(), assessments.chart())
    assert not re.search(r"\sstyle=|<style|javascript:|\son[a-z]+=|https?://(?!www\.w3)", page)
    assert re.findall(r'<script src="/static/(\w+)[.]js" defer>', page) == ["app", "marks"]
    plots = re.findall(r'<svg class="plot[^>]*role.*?</svg>', page, re.S)
    assert len(plots) == 1 + 15
    assert all("<title id=" in plot and "<desc id=" in plot for plot in plots)
    for drawing in re.findall("<svg[^>]*>", page):
        inner = 'viewBox="0 0 1000' in drawing
        assert inner or 'aria-hidden="true"' in drawing or 'role="img"' in drawing
    assert page.count(" as a table</") == len(plots)


def test_ids_and_headings_are_in_order(render):
    """Every id is there once, one h1 comes first, and no level is skipped."""
    page = render(assessments.assessment(), assessments.chart())
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))


@pytest.mark.parametrize(
    "status, words",
    [
        ("insufficient", "not enough data"),
        ("stale", "too old"),
        ("child", "is a child"),
        ("deceased", "has died"),
    ],
)
def test_without_a_number_the_page_says_why(render, status, words):
    """No risk, no waterfall, no model mark; the reasons, and that this does not mean a low risk."""
    page = render(
        assessments.assessment(status=status, reasons=("For this reason.",)), assessments.chart()
    )
    assert (
        words in page
        and "For this reason." in page
        and "does not mean that the risk is low" in page
    )
    assert "waterfall" not in page and 'class="seen"' not in page and "65 %" not in page


@pytest.mark.parametrize(
    "born, status, words",
    [("2017-02-01", "child", "made for adults"), (None, "age unknown", "age is not")],
)
def test_news2_without_any_part_is_not_drawn(render, born, status, words):
    """A child's vital signs are on the page: seven parts "unknown" and a score "between 0 and
    20" would be untrue.
    """
    chart = replace(assessments.chart(), birth_date=date.fromisoformat(born) if born else None)
    page = render(assessments.assessment(chart, status=status), chart)
    assert (
        "NEWS2: not given" in page
        and words in page
        and "between 0 and 20" not in page
        and "NEWS2 as a table" not in page
    )


def test_rejected_and_missing_are_listed(render):
    """What was not used is said with its reason and count."""
    page = render(assessments.assessment(), assessments.chart())
    assert "1 observation: in an unknown unit" in page and "2 observations: not final" in page
    assert "Glasgow coma score" in page and "36 %" in page and "too old, not used" in page


def test_what_changed_since_the_card():
    """Whether there are newer values, and the risk then and now, in one sentence."""
    earlier = assessments.chart(assessments.ROWS | {"lactate": [(30, 1.4)]})
    card = replace(assessments.assessment(earlier), at=assessments.AT - timedelta(hours=2))
    now = assessments.assessment()
    assert headline(card, now) == "Newer data since then: risk now 65 % (was 65 %)."
    none = headline(card, assessments.assessment(status="stale"))
    assert "no number can be given now (the card said 65 %)" in none
    assert headline(card, card) == "No newer data since then; the risk is still 65 %."


@pytest.mark.parametrize("when", [f"{AT:%Y-%m-%d}", "some day"])
def test_an_undated_value_is_no_newer_data(when):
    """It stands at the moment of reading, each time anew, and is the same value all the same; a
    second one is another.
    """
    doubtful = observation("systolic", 120, 6) | {"effectiveDateTime": when}

    def at(hours, *more):
        moment = AT + timedelta(hours=hours)
        document = parse(bundle([patient(), doubtful, *more]))
        return assess(read_chart(document.resources, "p1", moment), moment, ())

    assert headline(at(0), at(1)).startswith("No newer data")
    another = doubtful | {"id": "another", "valueQuantity": {"value": 70, "unit": "mmHg"}}
    found = difference(at(0), at(1, another), {})
    assert [one.label for one in found.values] == ["systolic pressure"]


def test_findings_stand_above_the_risk_with_time_and_source(render):
    """What makes it urgent comes first, each with its level in words and the time of its value; the
    response of the RCP follows. By what rule, and in which resource it stands, is told below.
    """
    page = render(assessments.assessment(), assessments.chart())
    found, risk = page.index("Critical findings"), page.index("Risk of death in hospital")
    assert found < page.index("Respiratory rate 27 /min") < page.index("RCP: ") < risk
    row = re.search(r"<li[^>]*>(?:(?!</li>).)*Respiratory rate 27 .*?</li>", page, re.S)[0]
    assert ">warning<" in row and "20 Nov 12:35" in row
    rule = re.search(r"<li>Respiratory rate 27 .*? RCP NEWS2 .*?</li>", page, re.S)[0]
    assert "20 Nov 12:35" in rule and "Observation/respiratory_rate-4" in rule


def test_of_many_findings_the_gravest_are_shown(render):
    """The rest stand behind an unfold that says how many there are and how grave; none is lost. The
    risks have a place of their own beside the list.
    """
    assessment = assessments.assessment()
    page = render(assessment, assessments.chart())
    listed = re.search(r'<section class="findings.*?</section>', page, re.S)[0]
    first, more = listed.split("<details")
    levels = re.findall(r'<li><span class="band (\w+)', listed)
    others = [one for one in assessment.findings if one.kind != "risk"]
    assert levels == [one.level for one in others] and first.count("<li>") == 3
    assert "2 more: 1 warning, 1 note" in more
    assert "High risk: 65 %" not in listed


def test_a_risk_that_alone_is_grave_is_in_the_list(render):
    """A heading says nothing that the list below it does not: a high risk without any other finding
    of its level stands there.
    """
    calm = assessments.chart({"heart_rate": [(1, 70)], "spo2": [(1, 98)], "systolic": [(1, 120)]})
    page = render(assessments.assessment(calm), calm)
    listed = re.search(r'<section class="findings.*?</section>', page, re.S)[0]
    assert "Critical findings" in listed and "High risk: 65 %" in listed


def test_what_is_written_in_a_chart_is_text_in_plots_too(render):
    """A value that can't be used stands in NEWS2's strip as it was written, without its marks
    counting as any.
    """
    time = assessments.AT - timedelta(minutes=30)
    odd = Unusable(time, "spo2", "bound", "<b>70</b> %", "Observation/s", None, 70.0)
    chart = replace(assessments.chart(), unusable=(odd,), reader=2)
    page = render(assess(chart, assessments.AT, ()), chart)
    assert "<b>" not in page and page.count("&lt;b&gt;70&lt;/b&gt; %") >= 3


def test_measurements_are_in_the_order_of_what_matters(render):
    """What is grave comes first, then what adds most to the risk; what hardly changed, passes no
    limit and adds little is folded, and what was not measured named.
    """
    chart = assessments.chart(assessments.ROWS | {"weight": [(20, 70)], "albumin": [(20, 3.9)]})
    found = measured(chart, assessments.assessment(chart))
    levels = [row.level for row in found.rows]
    order = ["critical", "warning", "info"]
    assert levels == sorted(levels, key=order.index) and "info" in levels
    calm = [row.trend.variable for row in found.leading if row.level == "info"]
    assert calm.index("bun") < calm.index("sodium") < calm.index("wbc")
    assert {row.trend.variable for row in found.folded} == {"weight", "albumin", "haemoglobin"}
    page = render(assessments.assessment(chart), chart)
    assert "3 more that hardly changed" in page
    assert "Glasgow coma score" in " ".join(found.absent["not in the chart"])


@pytest.mark.parametrize(("hours", "ticks"), [(12, 5), (48, 5), (168, 8)])
def test_measurements_of_another_range_of_time(hours, ticks):
    """Each range has its readings and few ticks; what lies before it is said to."""
    chart = assessments.chart(assessments.ROWS | {"crp": [(100, 12)]})
    found = measured(chart, assessments.assessment(chart), hours)
    shown = {row.trend.variable for row in found.rows}
    assert ("crp" in shown) == (hours == 168) and ("haemoglobin" in shown) == (hours > 12)
    assert len(found.ticks) == ticks
    assert ("C-reactive protein" in found.absent.get("measured before that", ())) == (hours < 168)


def test_what_was_not_read_of_a_range_is_said(render):
    """A chart that was read back to thirty hours says so where it is asked for more."""
    since = assessments.AT - timedelta(hours=30)
    parts = {"vitals": PartState("cut", since), "labs": PartState("failed")}
    chart = replace(assessments.chart(), parts=parts)
    assessment = assessments.assessment(chart)
    assert measured(chart, assessment).since == {"Vital signs": since, "Laboratory results": None}
    assert measured(chart, assessment, 12).since == {"Laboratory results": None}
    page = render(assessment, chart)
    assert (
        "Vital signs were read back to" in page and "Laboratory results could not be read" in page
    )


def test_a_child_is_judged_by_no_adults_limits():
    """No value of a child's is drawn as grave."""
    chart = assessments.chart(born=date(2017, 2, 1))
    found = measured(chart, assessments.assessment(chart, status="child"))
    assert not any(row.trend.calm or row.trend.grave for row in found.rows)


def test_without_a_finding_the_page_is_no_all_clear(render):
    """A calm chart is told as what is known, not as a patient who is well; an empty one as too
    little to say.
    """
    calm = {"heart_rate": [(1, 70)], "respiratory_rate": [(1, 14)], "systolic": [(1, 120)],
            "spo2": [(1, 98)], "temperature": [(1, 36.8)], "oxygen_flow": [(1, 0)],
            "acvpu": [(1, 0)]}  # fmt: skip
    for rows, words in ((calm, "No critical finding and no warning"), ({}, "Too little is known")):
        chart = assessments.chart(rows)
        page = render(assessments.assessment(chart, status="insufficient"), chart)
        assert words in page and "does not mean that the patient is well" in page


def test_what_is_not_used_is_named(render):
    """A value that can't be used stands there as it was written, with the reason, and its variable
    is said to be unknown; what was left out has a name.
    """
    time = assessments.AT - timedelta(minutes=30)
    refused = Unusable(time, "spo2", "bound", "<70 %", "Observation/s", None, 70.0)
    older = Unusable(time - timedelta(hours=9), "lactate", "unit", "3 K/mm3", "Observation/l")
    chart = replace(
        assessments.chart(),
        unusable=(older, refused),
        left_out=(LeftOut("fetal heart rate", "patient", 2),),
    )
    page = render(assessments.assessment(chart), chart)
    rows = re.findall(r"<tr><th scope=\"row\">(?:oxygen saturation|lactate).*?</tr>", page, re.S)
    first, second = (row for row in rows if "only a bound" in row or "unknown unit" in row)
    assert "&lt;70 %" in first and "unknown now" in first and "Observation/s" in first
    assert "3 K/mm3" in second and "unknown now" not in second
    assert "fetal heart rate: about another patient, or nobody (2 observations)" in page


def test_a_time_that_the_chart_does_not_say_is_not_invented(render):
    """A value of some day is read as late as it may be, but no page shows that as when it was
    taken; its source stands there all the same.
    """
    latest = assessments.AT - timedelta(minutes=1)
    vague = Unusable(latest, "heart_rate", "time", "151 /min", "Observation/v")
    chart = replace(assessments.chart(), unusable=(vague,))
    page = render(assessments.assessment(chart), chart)
    assert "20 Nov 14:04" not in page and "<td>not exact</td>" in page
    row, *_, rule = re.findall(r"<li[^>]*>(?:(?!</li>).)*151 /min.*?</li>", page, re.S)
    assert "Observation/v" in rule and "<time" not in row + rule


def test_all_times_are_the_wards_own(render):
    """The zone is named once, and texts, tables and axes speak in it."""
    page = render(assessments.assessment(), assessments.chart(), ZoneInfo("Asia/Kolkata"))
    assert re.search(r"Times are in <span[^>]*>Asia/Kolkata<", page)
    assert "20 Nov 19:35" in page and "14:05" not in re.sub(r'"[^"]*"', "", page)


def test_every_outcome_has_one_form(render):
    """Each has figure, band, interval, trend, and a waterfall and course of its own."""
    assessment = assessments.assessment()
    second = replace(assessments.risk(), outcome="other", label="another outcome")
    page = render(replace(assessment, risks=(*assessment.risks, second)), assessments.chart())
    for label in ("death in hospital", "another outcome"):
        box = re.search(rf"Risk of {label}:.*?</section>", page, re.S)[0]
        assert all(words in box for words in ("65 %", ">high<", "rising", "high from 30 %"))
        assert f"What raises and lowers the risk of {label}" in page
        assert f"Risk of {label} over the last 48 hours" in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("risk", "high", "words"),
    [
        (0.0929, 0.0932, "high from just above 9.3 %"),
        (0.0932, 0.0929, "high from 9.3 %"),
        (0.0911, 0.0932, "high from 9.3 %"),
        (0.3216, 0.3224, "high from just above 32 %"),
    ],
)
def test_a_threshold_never_contradicts_the_band(risk, high, words):
    """A medium risk of 9.3 % does not stand beside "high from 9.3 %"."""
    made = replace(assessments.risk(), probability=risk, thresholds={"medium": 0.01, "high": high})
    assert bands_text(made) == f"medium from 1.0 %, {words}"


def test_the_models_habit_is_marked(render):
    """Where the model lowers the risk for what NEWS2 counts, plot and table say so."""
    risk = assessments.risk()
    told = risk.explanation
    lowers = next(share for share in told.shares if share.points < 0)

    def tell(share):
        return replace(told.tell(share), note="the model's habit" if share == lowers else "")

    odd = replace(told, tell=tell)
    assessment = assessments.assessment()
    risks = (replace(risk, explain=lambda: odd),)
    page = render(replace(assessment, risks=risks), assessments.chart())
    assert page.count("model&#39;s habit") + page.count("model's habit") >= 2


def test_a_record_number_is_not_called_an_mrn(render):
    """An identifier without a type is told as what it is."""
    person = Person("Okafor, Ada", record_number="2002")
    page = render(assessments.assessment(), assessments.chart(), person=person)
    assert "<dt>Record number</dt><dd>2002</dd>" in page and "MRN" not in page


@pytest.mark.parametrize(
    ("status", "words"),
    [("child", "how urgent a child is can't be told"), ("deceased", "the patient has died")],
)
def test_who_is_not_assessed_gets_no_calm_heading(render, status, words):
    """A child's and a dead patient's page begin with why nothing is found."""
    born = date(2017, 2, 1) if status == "child" else date(1951, 3, 9)
    chart = replace(assessments.chart({}, born=born), deceased=status == "deceased")
    page = render(assessments.assessment(chart, status=status), chart)
    heading = re.search(r"<h1[^>]*>(.*?)</h1>", page, re.S)[1].replace("&#39;", "'")
    assert words in heading and "No critical finding" not in page


def test_a_context_that_is_not_known_is_marked(render):
    """Beside the value of a reading whose site or method nobody here knows stands that it is so."""
    chart = assessments.chart()
    odd = tuple(r._replace(known=r.variable != "lactate") for r in chart.readings)
    chart = replace(chart, readings=odd)
    page = render(assessments.assessment(chart), chart)
    assert page.count("context not known") == 1
    assert "context not known" in re.search(r'row">lactate</th>.*?</tr>', page, re.S)[0]


def test_a_value_stands_as_charted_with_the_models_unit_beside_it(render):
    """Lists and findings tell both; NEWS2's strip keeps to the unit that its table is in."""
    chart = assessments.chart()
    odd = {"creatinine": "141 umol/L", "temperature": "101.7 degF"}
    readings = tuple(r._replace(written=odd.get(r.variable, "")) for r in chart.readings)
    chart = replace(chart, readings=readings)
    assessment = assessments.assessment(chart)
    page = render(assessment, chart)
    assert "141 umol/L (1.60 mg/dL)" in page and "101.7 degF (38.7 °C)" in page
    strip = news2_strip(assessment.news2, assessment.inputs)
    assert {row.label: row.value for row in strip.rows}["Temperature"] == "38.7 °C"
