"""`vigil feedback report`: what counts as a card, an answer, a repeat; rates, times, page."""

import json
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from cdshooks.reporting import figures, printed
from cdshooks.reporting.figures import NOT_ESTIMABLE, Rate
from cdshooks.reporting.gathered import comments, gather
from cdshooks.reporting.on_pages import on_pages
from runtime.audit.log import Audit
from vigil import main

START = datetime(2026, 11, 2, tzinfo=UTC)
END = START + timedelta(days=7)


class Log:
    """Audit records in a list; a time is in hours from the start of the range."""

    def __init__(self):
        self.rows = []

    def add(self, kind, hours, **members):
        at = START + timedelta(hours=hours)
        self.rows.append({"type": kind, "ts": at.isoformat(timespec="milliseconds")} | members)

    def card(self, uuid, hours=1.0, level="warning", **members):
        usual = {"ehr": "ward", "user": "Practitioner/1", "request_id": f"r-{uuid}"}
        cards = [{"uuid": uuid, "indicator": level}]
        self.add("hook", hours, cards=cards, **usual | members)

    def feedback(self, uuid, hours, outcome="accepted", **members):
        self.add("feedback", hours, card=uuid, fb_outcome=outcome, **members)

    def newest(self, kind):
        """As the audit log gives them."""
        rows = [row for row in self.rows if row["type"] == kind]
        return sorted(rows, key=lambda row: row["ts"], reverse=True)

    def gathered(self):
        return gather(self.newest, START, END)

    def page_record(self, type, hours, user="iss|1", card="a", **members):
        """As the SMART app writes what was done on a page."""
        self.add(type, hours, user=user, session="s", assessment_id=card)
        self.rows[-1] |= members

    def pages(self):
        return on_pages(self.newest, START, END)


@pytest.fixture
def log():
    return Log()


def test_a_card_is_what_left_once_in_the_range(log):
    """Shown, delivered, by its uuid: a repeated call shows the same card, and silence is none."""
    log.card("a", 1)
    log.card("a", 1.1, request_id="again")
    log.card("early", -1)
    log.card("late", 7 * 24)
    log.card("gone", 2)
    log.add("not-delivered", 2, request_id="r-gone")
    log.add("not-delivered", 2, request_id=None)
    log.add("hook", 3, ehr="ward", user="Practitioner/1", cards=[])
    log.card("old", 3, request_id=None)
    found = log.gathered()
    assert set(found.cards) == {"a", "old"} and found.cards["a"].at == START + timedelta(hours=1)


def test_the_last_word_is_the_outcome_and_the_first_the_time(log):
    log.card("a", 1)
    log.feedback("a", 1.5, "overridden", fb_reason={"code": "known"})
    log.feedback("a", 2, "accepted")
    assert log.gathered().responses["a"].outcome == "accepted"
    assert log.gathered().responses["a"].minutes == 30


@pytest.mark.rule("R97")
@pytest.mark.parametrize("marks", [{}, {"known": True}])
def test_what_came_twice_counts_once(log, marks):
    """Told by what it says, since records of older versions do not mark it."""
    log.card("a", 1)
    for hours in (2, 3, 4):
        log.feedback("a", hours, fb_time="2026-11-02T01:10:00Z", **marks)
    found = log.gathered()
    assert found.repeats == 2 and found.responses["a"].minutes == 10


def test_feedback_on_other_cards_is_counted_apart(log):
    log.card("early", -30)
    log.card("b", 1)
    log.feedback("early", 1, known=True)
    log.feedback("123456", 1, known=False)
    log.feedback("of-an-old-log", 1)
    # Of another EHR's card.
    log.feedback("b", 1.5, known=False)
    log.feedback("after", 7 * 24 + 1, known=False)
    found = log.gathered()
    assert (found.outside, found.unknown, found.repeats, found.responses) == (1, 3, 0, {})


def test_late_feedback_counts_for_its_card(log):
    log.card("a", 1)
    log.feedback("a", 40 * 24, known=True)
    assert log.gathered().responses["a"].minutes == pytest.approx((40 * 24 - 1) * 60)


@pytest.mark.parametrize(
    ("said", "minutes"),
    [
        ("2026-11-02T01:10:00Z", 10),
        ("2026-11-02T02:10:00+01:00", 10),
        ("2026-11-02T00:59:00Z", 30),
        ("2026-11-02T05:00:00Z", 30),
        ("2026-11-02T01:10:00", 30),
        ("x", 30),
        (None, 30),
    ],
)
def test_a_time_that_can_not_be_is_the_receipts(log, said, minutes):
    """Before the card, after its receipt, without a zone, or none."""
    log.card("a", 1)
    log.feedback("a", 1.5, **({"fb_time": said} if said else {}))
    assert log.gathered().responses["a"].minutes == minutes


@pytest.mark.rule("governance part 3")
def test_rates_are_the_definitions_and_their_intervals_wilsons():
    """Wilson 1927: 10 of 20 and 0 of 50, as published tables have them."""
    assert Rate(10, 20).interval == pytest.approx((0.2993, 0.7007), abs=1e-4)
    assert Rate(0, 50).interval == pytest.approx((0.0, 0.0713), abs=1e-4)
    assert Rate(50, 50).interval == pytest.approx((0.9287, 1.0), abs=1e-4)
    assert str(Rate(19, 19)) == NOT_ESTIMABLE and str(Rate(10, 20)) == "50% (30% to 70%)"


def test_tables_part_the_cards_by_level_unit_user_and_week(log):
    for n in range(60):
        level = ("info", "critical", "warning")[n % 3]
        unit = {"unit": "3B"} if n % 2 else {}
        log.card(f"c{n}", n * 2.5, level, user="PractitionerRole/2" if n < 5 else "", **unit)
        if n < 40:
            log.feedback(f"c{n}", n * 2.5 + 1, "accepted" if n < 30 else "overridden")
    whole, level, unit, user, week = figures.tables(log.gathered())
    (row,) = whole.rows
    assert (row.cards, row.accepted, row.overridden) == (60, 30, 10)
    assert (row.response, row.override) == (Rate(40, 60), Rate(10, 40))
    assert row.time == "60.0 (60.0 to 60.0) min"
    assert [one.name for one in level.rows] == ["critical", "warning", "info"]
    assert {one.name: one.cards for one in unit.rows} == {"3B": 30, "ward": 30}
    assert [one.name for one in user.rows] == ["PractitionerRole", "not named"]
    assert user.rows[0].time == NOT_ESTIMABLE and str(user.rows[0].response) == NOT_ESTIMABLE
    assert [one.name for one in week.rows] == ["2026-W45"]


def test_long_times_are_in_hours(log):
    for n in range(20):
        log.card(f"c{n}", n)
        log.feedback(f"c{n}", n + 3)
    assert figures.tables(log.gathered())[0].rows[0].time == "3.0 (3.0 to 3.0) h"


def test_reasons_come_in_every_form(log):
    forms = (
        {"system": "urn:x", "code": "known", "display": "Already known"},
        {"system": "urn:x", "code": "known", "display": "Already known"},
        {"code": "data"},
        {"com.epic.reasonDisplay": "Not now"},
        None,
    )
    for n, form in enumerate(forms):
        log.card(f"c{n}")
        log.feedback(f"c{n}", 2, "overridden", **({"fb_reason": form} if form else {}))
    found = dict(figures.reasons(log.gathered()))
    assert found["Already known"] == Rate(2, 5)
    assert set(found) == {"Already known", "data", "Not now", "none given"}


def test_a_reason_does_not_steer_the_terminal(log):
    log.card("a")
    log.feedback("a", 2, "overridden", fb_reason={"display": "\x1b[2Jgone\nÄ"})
    text = printed.text(printed.report(log.gathered(), log.pages(), START, END, 0))
    assert "?[2Jgone?Ä" in text and "\x1b" not in text


def test_comments_stand_apart(log):
    log.add("feedback-comment", 1, ehr="ward", card="a", comment="palliative")
    log.add("feedback-comment", 24 * 8, ehr="ward", card="b", comment="after")
    (found,) = comments(log.newest, START, END)
    assert found["comment"] == "palliative" and found["card"] == "a"


def test_the_page_is_whole_and_its_plots_say_the_tables(log):
    """Each mark stands where its rate is; names are escaped; nothing is fetched from elsewhere."""
    for n in range(40):
        log.card(f"c{n}", unit="<b>&")
        if n < 30:
            log.feedback(f"c{n}", 2, "accepted" if n < 15 else "overridden")
    made = printed.report(log.gathered(), log.pages(), START, END, 7)
    page = printed.page(made)
    assert "<b>&" not in page and "&lt;b&gt;&amp;" in page and "<script" not in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    plots = [part.partition("</svg>")[0] + "</svg>" for part in page.split("<svg ")[1:]]
    assert len(plots) == 5
    for plot in plots:
        drawn = ElementTree.fromstring("<svg " + plot)
        assert drawn.get("role") == "img" and drawn.get("aria-labelledby")
        circles = [one for one in drawn.iter() if one.tag.endswith("circle")]
        assert float(circles[1].get("cx")) == 12 + 0.75 * 336
    assert page.count("75% (60% to 86%)") == 5
    assert "No card was issued" in printed.page(
        printed.report(Log().gathered(), Log().pages(), START, END, 0)
    )


def test_answers_on_pages_stand_apart(log):
    """The newest of a user about a card counts, another user's and another card's beside it; none
    is feedback on a card.
    """
    log.card("a")
    differ = {"fb_outcome": "disagreed", "fb_reason": {"display": "Does not fit"}}
    log.page_record("answer", 2, fb_outcome="agreed")
    log.page_record("answer", 3, **differ)
    log.page_record("answer", 4, user="iss|2", fb_outcome="agreed")
    log.page_record("answer", 5, card="page-1", user=None, fb_outcome="agreed")
    log.page_record("answer", 7 * 24 + 1, fb_outcome="agreed")
    log.page_record("snooze", 5, kind="known")
    log.page_record("snooze", 6, kind="known", ended=True)
    log.page_record("draft-order", 6, kind="lactate", status="201 Created")
    log.page_record("draft-order", 6, kind="lactate", status="422")
    log.page_record("risk-assessment", 6, outcome="unknown")
    log.page_record("risk-assessment", 6, outcome="created")
    found = log.pages()
    assert [(name, rate.part) for name, rate in found.answers] == [
        ("agree", 2),
        ("see it differently", 1),
    ]
    assert [(name, rate.part) for name, rate in found.reasons] == [("Does not fit", 1)]
    assert found.acts == (
        ("cards held back: Already known or being treated", 1),
        ("cards shown again", 1),
        ("orders drafted: lactate", 1),
        ("estimates written into the chart", 1),
    )
    assert log.gathered().responses == {}
    made = printed.report(log.gathered(), found, START, END, 0)
    for told in (printed.text(made), printed.page(made)):
        assert "see it differently" in told and "orders drafted: lactate" in told


def test_the_command_reads_the_log_of_a_configuration(tmp_path):
    """Comments go into a file that nobody else may read, and nowhere else."""
    audit = Audit(tmp_path / "var" / "audit.sqlite")
    cards = [{"uuid": "a", "indicator": "critical"}]
    audit.append("hook", {"ehr": "ward", "user": "Practitioner/1", "cards": cards})
    audit.append("feedback", {"card": "a", "fb_outcome": "accepted", "known": True})
    audit.append("feedback-comment", {"ehr": "ward", "card": "a", "comment": "palliative"})
    config = tmp_path / "vigil.toml"
    record = 'id = "ward"\nfhir_base = ["https://f.example.org"]\nhook_auth = "open"\n'
    config.write_text(f'public_url = "https://vigil.example.org"\n[[ehr]]\n{record}')
    aside, page = tmp_path / "comments", tmp_path / "page.html"
    aside.touch(mode=0o644)
    command = ["feedback", "report", "--config", str(config), "--comments", str(aside)]
    run = CliRunner().invoke(main, [*command, "--page", str(page)])
    assert run.exit_code == 0, run.output
    assert "critical  1      1         0" in run.output and "palliative" not in run.output
    assert "palliative" not in page.read_text() and aside.stat().st_mode & 0o777 == 0o600
    assert json.loads(aside.read_text())["comment"] == "palliative"
    later = CliRunner().invoke(main, [*command, "--since", "2000-01-01", "--until", "2000-02-01"])
    assert later.exit_code == 0 and "2000-01-01 to before 2000-02-01" in later.output
    assert "critical" not in later.output and aside.read_text() == ""
