"""The explanation page, rendered from a made-up Assessment."""

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Blueprint, Flask, render_template

from smartapp import pages
from smartapp.plots import risk_course, waterfall
from smartapp.record import Person
from tests.support import assessments

ROOT = Path(__file__).resolve().parents[3]
PERSON = Person("O'Neil <b>, Ada", "1951-03-09", "female", "44-1")


@pytest.fixture
def render():
    """Return a renderer of the explanation page."""
    app = Flask("vigil", root_path=str(ROOT))
    blueprint = Blueprint("smartapp", "smartapp")
    pages.register_words(blueprint)
    blueprint.add_url_rule("/model-card", "model_card", lambda: "")
    app.register_blueprint(blueprint)

    def page(assessment, chart, **more):
        values = pages.explanation(chart, assessment, ())
        if assessment.lead:
            course = assessments.course()
            values |= {
                "waterfall": waterfall(assessment.lead),
                "course": course,
                "course_plot": risk_course(course, assessment.lead.thresholds, assessment.at),
            }
        with app.test_request_context():
            return render_template(
                "pages/explanation.html",
                **values
                | {"person": PERSON, "problems": (), "comparison": None, "shown": "now"}
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
    assert re.findall(r"<script[^>]*>", page) == ['<script src="/static/app.js" defer>']
    plots = re.findall(r'<svg class="plot.*?</svg>', page, re.S)
    assert len(plots) == 3 + 15
    assert all(
        'role="img"' in plot and "<title id=" in plot and "<desc id=" in plot for plot in plots
    )
    assert page.count("<details>") == len(plots)


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
    [("2017-02-01", "child", "made for adults"), (None, "insufficient", "age is not")],
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
    """Newer values and the risk then and now are named."""
    earlier = assessments.chart(assessments.ROWS | {"lactate": [(30, 1.4)]})
    card = replace(assessments.assessment(earlier), at=assessments.AT - timedelta(hours=2))
    found = pages.compare(card, assessments.assessment())
    assert [(c.label, c.before, c.after) for c in found.changes] == [
        ("lactate", "1.4 mmol/L", "3.9 mmol/L")
    ]
    assert found.headline == "Newer data since then: risk now 65 % (was 65 %)."
    none = pages.compare(card, assessments.assessment(status="stale"))
    assert "no number can be given now (the card said 65 %)" in none.headline
    same = pages.compare(card, card)
    assert (same.changes, same.headline) == (
        (),
        "No newer data since then; the risk is still 65 %.",
    )
