"""Geometry of the plots: numbers in, coordinates out."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from models.assess import assess
from models.course import Hour
from models.patient.chart import Unusable
from models.patient.news2 import news2
from models.patient.vocabulary import VARIABLES
from models.reading.reader import READER
from models.ticks import round_values
from smartapp.changing.marks import Mark
from smartapp.plots.axes import (
    Scale,
    hours_before,
    lines,
    time_scale,
    time_ticks,
    value_range,
)
from smartapp.plots.course import BOTTOM, LANE, LEFT, RIGHT, risk_course
from smartapp.plots.limits import limits_of
from smartapp.plots.news2 import news2_strip
from smartapp.plots.trends import trends
from smartapp.plots.waterfall import waterfall
from tests.support import assessments


def test_a_scale_keeps_values_outside_at_its_edge():
    """A value beyond the axis never leaves the plot."""
    scale = Scale(0, 10, 100, 200)
    assert [scale(v) for v in (-5, 0, 5, 10, 99)] == [100, 100, 150, 200, 200]


@pytest.mark.parametrize(
    "low, high", [(0, 1), (36.2, 39.9), (0.0, 0.06), (80, 135), (-3, 3), (1e-4, 2e-4)]
)
def test_ticks_are_round_few_and_inside(low, high):
    """Every axis has two to seven ticks inside its range."""
    values = round_values(low, high)
    assert 2 <= len(values) <= 7
    assert all(low - 1e-9 <= value <= high + 1e-9 for value in values)


@pytest.mark.parametrize("values", [[100.0], [40.0, 40.0], [0.0], [98.0, 100.0], [0.05]])
def test_a_range_is_never_empty_and_stays_plausible(values):
    """One reading, or equal ones, still give an axis; saturation never passes 100."""
    low, high = value_range(values, 0.0, 100.0)
    assert 0 <= low < high <= 100
    assert low <= min(values) and max(values) <= high


def test_lines_break_at_gaps():
    """A gap is not bridged, and a lone point draws no line."""
    assert lines([(0, 1), (2, 3), None, (4, 5), None, (6, 7), (8, 9)]) == ("0,1 2,3", "6,7 8,9")


def test_time_runs_from_left_to_now():
    """48 h before lie at the left edge, the moment itself at the right, ticks every twelve
    hours.
    """
    scale = time_scale(assessments.AT, 48, 40, 300)
    ticks = time_ticks(scale, assessments.AT)
    assert [(t.at, t.label) for t in ticks] == [
        (300, "now"),
        (235, "−12 h"),
        (170, "−24 h"),
        (105, "−36 h"),
        (40, "−48 h"),
    ]
    assert ticks[1].time == assessments.AT - timedelta(hours=12)
    assert hours_before(ticks[4].time, assessments.AT) == -48


def test_the_waterfall_walks_from_the_reference_to_the_patient():
    """Each bar begins where the last ended; the last ends at this patient's risk."""
    plot = waterfall(assessments.risk())
    assert plot.bars[0].start == plot.reference
    assert plot.bars[-1].end == plot.risk
    assert all(b.start == a.end for a, b in zip(plot.bars, plot.bars[1:], strict=False))
    assert all(bar.x >= 0 and bar.x + bar.width <= 100 for bar in plot.bars)


@pytest.mark.parametrize(("many", "bars"), [(13, 8), (9, 8), (8, 8), (3, 3)])
def test_a_waterfall_has_at_most_eight_bars(many, bars):
    """Seven and all others, or all eight where there are no others; what is left over is counted in
    words.
    """
    found = waterfall(assessments.risk(weights=assessments.WEIGHTS[:many])).bars
    assert len(found) == bars
    assert (found[-1].label == f"all others ({many - 7})") == (many > 8)


def test_small_contributions_are_one_bar_with_their_sum():
    """Nothing is dropped: the shown amounts and "all others" add up to the way from the reference
    to the patient, as they are printed.
    """
    risk = assessments.risk()
    plot = waterfall(risk, most=4)
    assert [bar.label for bar in plot.bars][-1] == "all others (10)"
    start, end = (int(text.split()[0]) for text in (risk.explanation.start, risk.explanation.end))
    amounts = [int(bar.amount.replace("−", "-")) for bar in plot.bars]
    assert start + sum(amounts) == end


def test_direction_is_in_the_bar_not_only_its_colour():
    """A lowering contribution goes left and says so."""
    plot = waterfall(assessments.risk(weights=[("lactate", 0.5), ("sodium", -0.4)]))
    up, down = plot.bars
    assert (up.kind, down.kind) == ("raises", "lowers")
    assert up.amount.startswith("+") and down.amount.startswith("−")
    assert up.end > up.start and down.end < down.start


def test_the_waterfall_is_drawn_from_no_risk_at_all():
    """A step never looks greater than it is: of its length, the patient's bar of 65 % has a fifth
    left of the reference of 14 %.
    """
    plot = waterfall(assessments.risk())
    assert plot.zero < plot.reference < plot.risk
    share = (plot.reference - plot.zero) / (plot.risk - plot.zero)
    assert share == pytest.approx(14 / 65, abs=0.01)


def test_a_label_is_short_and_all_is_told_beside_it():
    """The age of a value stands in the row once it is one to think of, and always in the words of
    the mark; a number and its unit stay in one line.
    """
    found = {bar.text: bar.label for bar in waterfall(assessments.risk()).bars}
    space = "\N{NO-BREAK SPACE}"
    assert (
        found["respiratory rate 27 /min, 2 h ago"]
        == f"respiratory rate 27{space}/min, 2{space}h ago"
    )
    risk = assessments.risk(weights=[("lactate", 0.5)])
    fresh = replace(risk.explanation.contributions[0], age_hours=0.4)
    told = replace(risk.explanation, tell=lambda share: fresh)
    (bar,) = waterfall(replace(risk, explain=lambda: told)).bars
    assert (bar.label, bar.text) == (f"lactate 3.9{space}mmol/L", "lactate 3.9 mmol/L, 24 min ago")


def test_a_waterfall_without_contributions_is_still_a_plot():
    """A model that used nothing shows the reference's risk, which is the patient's."""
    plot = waterfall(assessments.risk(weights=[]))
    assert plot.bars == () and plot.reference == plot.risk


WELL = {
    "heart_rate": 80.0, "respiratory_rate": 16.0, "spo2": 98.0, "systolic": 120.0,
    "temperature": 37.0, "oxygen": 0.0, "acvpu": 0.0,
}  # fmt: skip


def test_the_strip_marks_unknown_parts_and_the_range():
    """Seven rows always; an unknown part has no points, and the total is at the least what is
    certain.
    """
    strip = news2_strip(news2({"heart_rate": 120.0}), ())
    assert len(strip.rows) == 7
    assert [row.points for row in strip.rows].count(None) == 6
    (total,) = strip.totals
    assert total.low < total.high and total.figure == "≥2"
    (whole,) = news2_strip(news2(WELL), ()).totals
    assert whole.low == whole.high and whole.figure == "0"


def test_hours_that_are_not_known_are_told_from_none():
    """A stretch without knowledge has no points and a question mark, one with 0 points has 0; each
    row and the total say so in words.
    """
    ill = WELL | {"respiratory_rate": 26.0, "spo2": 90.0}
    hourly = [*[news2({})] * 5, *[news2(WELL)] * 15, *[news2(ill)] * 5]
    strip = news2_strip(hourly[-1], (), hourly)
    respiration = strip.rows[0].stretches
    assert [(one.hours, one.points, one.named) for one in respiration] == [
        (5, None, True),
        (15, 0, False),
        (5, 3, False),
    ]
    assert strip.rows[0].history == "not known for 5 h, then 0 for 15 h, then 3 for 4 h"
    assert sum(one.width for one in respiration) == pytest.approx(100)
    assert [one.text for one in strip.figures] == ["6", "6", "0", "0", "0", "?", "?"]
    assert [(one.figure, one.level) for one in strip.totals] == [
        ("?", "info"),
        ("0", "info"),
        ("6", "warning"),
    ]
    assert strip.history == "not known for 5 h, then 0 for 15 h, then 6 for 4 h"


def test_the_strip_prints_values_as_the_rest_of_the_page_does():
    """38.72 degrees are 38.7 in the strip too; a coma score is told as what was charted, since it
    is no letter of ACVPU.
    """
    rows = assessments.ROWS | {"temperature": [(1.5, 38.72)], "gcs": [(1.5, 13)]}
    assessment = assessments.assessment(assessments.chart(rows))
    found = {r.label: r.value for r in news2_strip(assessment.news2, assessment.inputs).rows}
    assert found["Temperature"] == "38.7 °C" and found["Consciousness"] == "coma score 13"
    newer = assessments.chart(rows | {"acvpu": [(1, 1)], "gcs": [(9, 14)]})
    assessment = assessments.assessment(newer)
    found = {r.label: r.value for r in news2_strip(assessment.news2, assessment.inputs).rows}
    assert found["Consciousness"] == "new confusion"


def test_hours_are_counted_from_one_moment_to_the_next():
    """Twenty-five moments are a day, and points that are new at this one have lasted no hour yet."""
    ill = WELL | {"respiratory_rate": 26.0}
    hourly = [*[news2(WELL)] * 24, news2(ill)]
    strip = news2_strip(hourly[-1], (), hourly)
    assert strip.rows[0].history == "0 for 24 h, then 3 now"
    assert strip.history == "0 for 24 h, then 3 now"
    assert strip.rows[1].history == "0 for 24 h"


def test_the_course_has_gaps_thresholds_and_a_last_point():
    """Hours without a number are gaps; both thresholds are drawn; the plot never passes its
    frame.
    """
    plot = risk_course(assessments.course(), {"medium": 0.1, "high": 0.3}, assessments.AT)
    assert len(plot.lines) == 3
    high, medium = plot.thresholds
    assert (high.label, medium.label) == ("high", "medium") and high.at < medium.at
    assert plot.last == plot.points[-1]


def test_labels_of_near_thresholds_do_not_meet():
    """Where two bands begin close to each other, the lower one's label makes way."""
    plot = risk_course(assessments.course(), {"medium": 0.28, "high": 0.3}, assessments.AT)
    high, medium = plot.thresholds
    assert high.label_at == high.at and medium.at < medium.label_at == high.at + 13


@pytest.mark.parametrize(
    "limits", [{"medium": 0.018, "high": 0.068}, {"medium": 0.1, "high": 0.3}, {"medium": 0.02}]
)
def test_no_line_runs_through_the_words_of_a_gap(limits):
    """Neither a threshold nor a value's line, wherever the bands begin."""
    plot = risk_course(assessments.course(), limits, assessments.AT)
    levels = [line.at for line in (*plot.thresholds, *plot.y_ticks)]
    assert not [at for at in levels if plot.words_at - 8 < at < plot.words_at + 2]
    assert plot.top < plot.words_at - 8 and plot.words_at < plot.bottom


def test_the_course_draws_an_interval_where_no_band_could_be_told():
    """An hour that is not certain has a bar from its low to its high end and no point; an open one
    goes on to the top. It is no gap, and the words tell all three apart.
    """
    plot = risk_course(assessments.course(), {"medium": 0.1, "high": 0.3}, assessments.AT)
    assert len(plot.spans) == 3 and len(plot.points) == 49 - 6 - 3
    first, _, last = plot.spans
    assert plot.top < first.top < first.bottom < plot.bottom and not first.open
    assert last.open and last.top == plot.top
    (gap,) = plot.gaps
    assert gap.x < first.x and gap.x + gap.width < first.x
    assert plot.summary == (
        "49 hourly values: 40 with a number, 3 with an interval only, as no band could be told, "
        "6 without a number."
    )


def test_a_course_that_ends_without_a_number_has_no_last_point():
    """The mark of "now" never stands at an older hour."""
    hourly = [*assessments.course()[:-1], Hour(assessments.AT, None, None)]
    plot = risk_course(hourly, {"medium": 0.1, "high": 0.3}, assessments.AT)
    assert plot.last is None and len(plot.gaps) == 2


def test_a_course_without_any_number_is_empty_not_zero():
    """None is never drawn as zero; it says "no number"."""
    hourly = [Hour(hour.time, None, None) for hour in assessments.course()]
    plot = risk_course(hourly, {"medium": 0.1, "high": 0.3}, assessments.AT)
    assert plot.points == () and plot.last is None and plot.lines == ()
    assert [gap.named for gap in plot.gaps] == [True]


def test_trends_mark_the_value_that_the_model_saw():
    """The newest reading in use has the other shape, and only it."""
    assessment = assessments.assessment()
    found = {
        t.variable: t
        for t in trends(assessments.chart().readings, assessment.inputs, assessments.AT)
    }
    assert [p.seen for p in found["heart_rate"].points] == [False] * 8 + [True]
    assert not any(p.seen for p in found["haemoglobin"].points), "a stale value was not used"


def test_a_trend_is_headed_by_what_counts_now():
    """Never by an older or lower value that looks like the present one: the newest can't be used,
    a graver one stands beside it, or it is too old.
    """
    rows = {"spo2": [(3, 99)], "systolic": [(1, 76), (1, 120)], "temperature": [(30, 36.8)]}
    below = Unusable(
        assessments.AT - timedelta(hours=1), "spo2", "bound", "<70 %", "Observation/o", None, 70.0
    )
    chart = replace(assessments.chart(rows), unusable=(below,), reader=READER)
    inputs = assess(chart, assessments.AT, ()).inputs
    found = {t.variable: t for t in trends(chart.readings, inputs, assessments.AT)}
    assert {name: trend.now for name, trend in found.items()} == {
        "spo2": "in the chart, can't be used: <70 %",
        "systolic": "76",
        "temperature": "36.8, too old",
    }
    assert [trend.points[-1].value for trend in found.values()] == ["99", "120", "36.8"]
    assert found["systolic"].summary.endswith("the last 120 mmHg. What counts: 76.")


def test_a_trend_line_breaks_where_the_older_value_had_expired():
    """Respiratory rates 14 h apart are not joined: the older one no longer counted."""
    found = {t.variable: t for t in trends(assessments.chart().readings, (), assessments.AT)}
    assert len(found["respiratory_rate"].lines) == 2
    assert len(found["respiratory_rate"].points) == 5
    assert len(found["heart_rate"].lines) == 1


def test_an_axis_names_only_values_that_can_be():
    """Whole coma scores, the letters of ACVPU, tenths of a potassium."""
    chart = assessments.chart(
        {"gcs": [(9, 15), (5, 15)], "acvpu": [(9, 0), (5, 3)], "potassium": [(9, 3.8), (5, 4.1)]}
    )
    labels = {
        t.variable: [tick.label for tick in t.y_ticks]
        for t in trends(chart.readings, (), assessments.AT)
    }
    assert labels["gcs"] == ["15"] and labels["potassium"] == ["3.8", "4"]
    assert labels["acvpu"] == ["A", "C", "V", "P"]


def test_trends_leave_out_the_future_and_what_is_older_than_two_days():
    """Only the 48 h up to `at` are drawn."""
    chart = assessments.chart({"heart_rate": [(60, 80), (10, 90), (-1, 99)]})
    assert [p.value for p in trends(chart.readings, (), assessments.AT)[0].points] == ["90"]


def test_a_trend_is_judged_by_news2s_table_and_the_laboratorys_limits():
    """What scores nothing is shaded, and no limit of a laboratory says as much; what alone scores 3
    or is critical has a mark of its own.
    """
    rows = {"respiratory_rate": [(9, 16), (5, 24), (1, 25)], "potassium": [(9, 4.4), (5, 6.5)],
            "gcs": [(9, 15), (1, 14)]}  # fmt: skip
    chart = assessments.chart(rows)
    score = assessments.assessment(chart).news2
    limits = {name: limits_of(variable, score) for name, variable in VARIABLES.items()}
    found = {t.variable: t for t in trends(chart.readings, (), assessments.AT, limits=limits)}
    marks = {name: [point.grave for point in plot.points] for name, plot in found.items()}
    assert marks == {
        "respiratory_rate": [False, False, True],
        "potassium": [False, True],
        "gcs": [False, True],
    }
    rate, potassium = found["respiratory_rate"], found["potassium"]
    top, height = rate.calm
    assert top + height > rate.points[0].y > top > rate.points[1].y > rate.grave[0]
    assert potassium.calm is None and len(potassium.grave) == len(potassium.warning) == 1
    assert potassium.points[1].y == potassium.grave[0] < potassium.warning[0] < potassium.normal
    bare = trends(chart.readings, (), assessments.AT)
    assert not any(point.grave for plot in bare for point in plot.points)


def test_saturation_is_judged_by_the_patients_own_scale():
    """With a target of 88 to 92 % a saturation of 90 % scores nothing, and on oxygen one of 97 %
    scores 3.
    """
    rows = {"spo2": [(1, 90)], "spo2_target": [(1, 92)], "oxygen_flow": [(1, 2)]}
    scaled = assessments.assessment(assessments.chart(rows)).news2
    own, plain = (limits_of(VARIABLES["spo2"], one) for one in (scaled, news2(WELL)))
    assert own.calm_low == 88 and not own.is_grave(90) and own.is_grave(97)
    assert plain.calm_low == 96 and plain.is_grave(90) and not plain.is_grave(97)


def test_many_readings_are_a_line_with_few_marks():
    """Beyond a hundred readings only the grave ones, the one that counts and the last are drawn one
    by one; the line has them all.
    """
    rows = {"heart_rate": [(hour / 4, 150 if hour == 60 else 80) for hour in range(191, 0, -1)]}
    chart = assessments.chart(rows)
    limits = {"heart_rate": limits_of(VARIABLES["heart_rate"], news2(WELL))}
    (plot,) = trends(chart.readings, (), assessments.AT, limits=limits)
    assert len(plot.points) == 191 and len(plot.marks) == 2
    assert sum(line.count(",") for line in plot.lines) == 191


def test_each_hour_has_a_place_to_point_at():
    """Side by side without a gap from the oldest to now, inside the axis, each with what could be
    said then.
    """
    plot = risk_course(assessments.course(), {"medium": 0.1, "high": 0.3}, assessments.AT)
    assert [target.back for target in plot.targets] == list(range(48, -1, -1))
    for one, after in pairwise(plot.targets):
        assert one.x + one.width == pytest.approx(after.x, abs=0.11)
    first, last = plot.targets[0], plot.targets[-1]
    assert (first.x, last.x + last.width) == (LEFT, RIGHT)
    assert {"no number"} < {target.figure for target in plot.targets}
    assert sum("not certain" in target.figure for target in plot.targets) == 3


def test_what_happened_lies_below_the_axis_at_its_time():
    """Each kind in a lane of its own, in line with the hour above; without any the plot is as high
    as before.
    """
    at = assessments.AT
    happened = {
        "cards": [Mark(at, "whole", "critical"), Mark(at - timedelta(hours=12), "none")],
        "results": [Mark(at - timedelta(hours=48), "results")],
    }
    bare = risk_course(assessments.course(), {"medium": 0.1}, at)
    plot = risk_course(assessments.course(), {"medium": 0.1}, at, happened=happened)
    cards, results = plot.lanes
    assert bare.lanes == () and plot.height == bare.height + 2 * LANE
    assert cards.events[0].x == RIGHT
    middle = plot.targets[36].x + plot.targets[36].width / 2
    assert cards.events[1].x == pytest.approx(middle, abs=0.11)
    assert [placed.x for placed in results.events] == [LEFT]
    assert BOTTOM < cards.y < results.y < plot.height
