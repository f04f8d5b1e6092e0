"""The report of a validation: its figures, its plots and their tables, what it says where there
is nothing, and that it is safe HTML.
"""

import copy
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from models.ticks import round_values
from studies.report.report import report
from studies.report.report_groups import gaps
from studies.report.report_plots import TICKS, clipped
from studies.report.report_summary import summary
from studies.report.report_tables import PERCENT, cell, count, plain, written

SVG = "{http://www.w3.org/2000/svg}"
VOID = {"meta", "br"}
POINTS = (
    "medium",
    "high",
    "news2_5",
    "news2_7",
    "qsofa_2",
    "sirs_2",
    "at_news2_5_sensitivity",
    "at_news2_7_specificity",
)


def figure(value, spread=0.02):
    """A figure with an interval around it."""
    return {"value": value, "interval": [round(value - spread, 6), round(value + spread, 6)]}


def all_figures():
    found = {"prevalence": figure(0.137), "auroc": figure(0.8767), "auprc": figure(0.5887)}
    for n, name in enumerate(("news2", "qsofa", "sirs")):
        found |= {
            f"{name}_auroc": figure(0.6966 - n / 20),
            f"{name}_auprc": figure(0.2321),
            f"auroc_minus_{name}": figure(0.1801 + n / 20),
        }
    found |= {
        "brier": figure(0.08159, 0.001),
        "brier_scaled": figure(0.311),
        "observed_expected": figure(0.987),
    }
    found |= {
        "calibration_intercept": figure(-0.0197),
        "calibration_slope": figure(1.283),
        "ici": figure(0.0239, 0.001),
    }
    found |= dict.fromkeys(("e50", "e90", "emax"), {"value": None, "interval": None})
    for n, point in enumerate(POINTS):
        found |= {
            f"{point}_{name}": figure(0.3 + n / 20)
            for name in ("sensitivity", "specificity", "ppv", "npv")
        } | {f"{point}_nne": figure(2.975)}
    return found | {f"{point}_threshold": figure(0.1766) for point in POINTS[-2:]}


def group(column, value, rows, events=30, shift=0.0):
    found = {
        "column": column,
        "value": value,
        "rows": rows,
        "event_rows": 9 * events,
        "stays": rows // 8,
        "events": events,
    }
    if events < 20:
        return found | {"estimable": False, "figures": {}}
    own = all_figures() | {
        "equal_alert_sensitivity": figure(0.7 - shift / 2),
        "equal_alert_gap": figure(shift / 2, 0.01),
        "medium_sensitivity": figure(0.7 + shift),
        "medium_specificity": figure(0.8 - shift),
    }
    return found | {
        "estimable": True,
        "figures": own | {"medium_alerts_per_100_patient_days": figure(78.1)},
    }


def curves():
    steps = [n / 10 for n in range(10)]
    return {
        "calibration": [{"predicted": step, "observed": step**1.2} for step in steps],
        "tenths": [
            {"rows": 640, "events": 64, "predicted": step / 2 + 0.01, "observed": step / 2}
            for step in steps
        ],
        "precision_recall": {
            name: [{"recall": step + 0.05, "precision": 0.9 - step / 2} for step in steps]
            for name in ("model", "news2")
        },
        "distribution": [
            {"from": step / 2 + 0.01, "to": step / 2 + 0.06, "event": 0.1, "no_event": 0.1}
            for step in steps
        ],
    }


def model():
    alerts = {
        f"{p}_{name}": figure(78.12)
        for p in POINTS[:4]
        for name in ("alerts_per_100_patient_days",)
    } | {f"{p}_ever_alerted": figure(0.545) for p in POINTS[:4]}
    benefit = [
        {
            "risk": n / 100,
            "treat_none": {"value": 0.0, "interval": None},
            "model": figure(0.13 - n / 300),
            "treat_all": figure(0.13 - n / 50),
            "news2_5": figure(0.1 - n / 100),
            "news2_7": figure(0.05 - n / 200),
        }
        for n in range(1, 31)
    ]
    return {
        "model": {"name": "deterioration", "version": "0.2.0", "sha256": "ab" * 32},
        "outcome": "death",
        "label": "death in hospital",
        "horizon": "during this hospital stay",
        "thresholds": {"medium": 0.0265, "high": 0.3536},
        "counts": {
            "rows": 6431,
            "events": 882,
            "patients": 811,
            "stays": 828,
            "stays_scored": 811,
            "event_stays": 112,
            "event_stays_without_number": 1,
            "landmarks_without_number": {"child": 8, "insufficient": 161, "stale": 24},
        },
        "figures": all_figures(),
        "stays": all_figures(),
        "partial": {
            name: {"partial": 0.9988, "surely_positive": 0.506, "possibly_positive": 0.994}
            for name in ("news2_5", "news2_7", "qsofa_2", "sirs_2")
        },
        "net_benefit": benefit,
        "alerts": alerts,
        "lead_time": {},
        "alerts_by_threshold": [
            {"risk": r, "alerts_per_100_patient_days": 20 / r**0.5, "ever_alerted": 1 - r}
            for r in (0.01, 0.1, 0.5)
        ],
        "groups": [
            group("sex", "female", 3000, shift=0.0612),
            group("sex", "male", 3400),
            group("unit", "coronary care", 80, events=3),
        ],
        "curves": curves(),
        "challenge": {
            "name": "PhysioNet/CinC Challenge 2012, hour 48",
            "stays": 828,
            "stays_without_number": 17,
            "thresholds": {"medium": 0.0265, "best": 0.285},
            "note": "The threshold `best` is optimistic.",
            "figures": {"score1_at_best": figure(0.5714), "score2": figure(30.83, 4)},
        },
    }


def found_2012():
    """What validation.json holds of one model on the 2012 layout: no time of the event."""
    return {
        "made": "2026-11-21T07:07:40Z",
        "code_version": "ee8da35",
        "data": {"layout": "PhysioNet 2012", "files": {"set-b.zip": "cd" * 32}},
        "settings": {
            "part": "held-out",
            "every_hours": 6,
            "draws": 100,
            "seed": 20261121,
            "silent_hours": 12,
            "lead_hours": 24,
        },
        "models": [model()],
    }


def found_2019():
    """The same of two models on the 2019 layout, with lead times, utility, certainty and hidden
    values.
    """
    found = found_2012() | {
        "data": {"layout": "PhysioNet 2019", "files": {"training_setA.zip": "ef" * 32}}
    }
    lead = {
        name: figure(6.0)
        for name in ("lower_quartile_hours", "median_hours", "upper_quartile_hours")
    }
    lead |= {f"over_{h}_h": figure(0.6327) for h in (1, 6, 12)} | {
        "events": figure(373.0, 0),
        "undetected": figure(0.134),
    }
    part = model() | {
        "model": {"name": "sepsis", "version": "0.2.0", "sha256": "12" * 32},
        "label": "sepsis within 6 h",
        "lead_time": {"medium": lead, "high": lead},
    }
    part |= {
        "challenge": {
            "name": "Challenge 2019",
            "stays": 4112,
            "thresholds": {"medium": 0.0265},
            "figures": {"utility_at_medium": figure(0.4552)},
        }
    }
    part |= {
        "without": {
            "all": figure(0.8311),
            "no laboratory values": figure(0.8011),
            "vital signs only": figure(0.7922),
        }
    }
    part |= {"certainty": {"indeterminate": figure(0.1234), "auroc_answered": figure(0.8899)}}
    return found | {"models": [model(), part]}


class Checked(HTMLParser):
    """Holds that every element is closed in order, and gathers ids, references and what a page
    may not have.
    """

    def __init__(self, page):
        super().__init__()
        self.open, self.ids, self.wanted, self.elements, self.text = [], [], [], [], []
        self.feed(page)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.elements.append((tag, found))
        self.ids += [found["id"]] if "id" in found else []
        self.wanted += found.get("aria-labelledby", "").split() + (
            [found["href"][1:]] if tag == "a" else []
        )
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())
        self.text.append("" if tag in {"span", "tspan", "strong", "code"} else " ")

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)

    @property
    def words(self):
        return " ".join("".join(self.text).replace("\N{NO-BREAK SPACE}", " ").split())


def drawings(page):
    return [ElementTree.fromstring(text) for text in re.findall(r"<svg.*?</svg>", page, re.S)]


@pytest.fixture(params=[found_2012, found_2019], ids=["2012", "2019"])
def page(request):
    """The report of each layout."""
    return report(request.param())


def test_the_page_is_well_formed_and_stands_alone(page):
    """Elements close in order, ids are unique, references lead somewhere; no script, no outside
    file, no event handler.
    """
    checked = Checked(page)
    assert (
        page.startswith("<!DOCTYPE html>")
        and len(checked.ids) == len(set(checked.ids))
        and set(checked.wanted) <= set(checked.ids)
    )
    assert not {tag for tag, _ in checked.elements} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "form",
        "base",
    }
    assert (
        "@import" not in page
        and "url(" not in page
        and not re.search(r"\s(src|style|on\w+)=", page)
    )
    assert "None" not in checked.words and "nan" not in checked.words.split()


def test_every_plot_has_words_axes_and_its_table(page):
    """Each SVG is XML with title, description and axis labels; beside each is a table; wide
    tables scroll in a named region.
    """
    plots = drawings(page)
    assert len(plots) >= 7
    for plot in plots:
        title, words = plot.find(f"{SVG}title"), plot.find(f"{SVG}desc")
        assert (
            plot.get("role") == "img"
            and plot.get("aria-labelledby") == f"{title.get('id')} {words.get('id')}"
            and title.text
            and words.text
        )
        labels = [text.text for text in plot.iter(f"{SVG}text")]
        assert any("%" in (label or "") or "AUROC" in (label or "") for label in labels)
        numbers = re.findall(
            r'\s(?:[xy][12]?|c[xy])="([^"]*)"', ElementTree.tostring(plot, "unicode")
        )
        assert numbers and all(-1 <= float(number) <= 800 for number in numbers)
    for part in page.split("</svg>")[1:]:
        assert "<table" in part.split("</figure>")[0] and "<details>" in part.split("</figure>")[0]
    regions = [
        found
        for tag, found in Checked(page).elements
        if tag == "div" and found.get("class") == "scroll"
    ]
    assert len(regions) == page.count("<table") and all(
        r["tabindex"] == "0" and r["role"] == "region" and r["aria-label"] for r in regions
    )


def test_the_title_block_says_what_was_validated():
    """Data, part, model, version, hash, code version, date, draws, and that it is no medical
    device.
    """
    words = Checked(report(found_2012())).words
    for text in (
        "PhysioNet 2012",
        "held-out records",
        "deterioration 0.2.0",
        "ab" * 32,
        "cd" * 32,
        "ee8da35",
        "2026-11-21 07:07:40 UTC",
        "100, seed 20261121",
        "one every 6 h",
        "Research software, not a cleared medical device.",
    ):
        assert text in words


def test_the_figures_are_those_given():
    """Values stand with their intervals; what is None is not estimable."""
    words = Checked(report(found_2012())).words
    for text in (
        "0.877 (0.857 to 0.897)",
        "0.697 (0.677 to 0.717)",
        "+0.180 (+0.160 to +0.200)",
        "0.0816 (0.0806 to 0.0826)",
        "−0.02 (−0.04 to 0.00)",
        "1.28 (1.26 to 1.30)",
        "30.0 % (28.0 to 32.0 %)",
        "78.1 (78.1 to 78.1)",
        "30.8 (26.8 to 34.8)",
        "risk of 2.65 % or more",
        "risk of 35.4 % or more",
        "Emax, greatest distance not estimable",
    ):
        assert text in words, text


def test_the_plain_words_follow_the_figures():
    """Better, worse or no clear difference; too timid or too extreme: each as the interval says."""

    def said(**changes):
        part = model()
        part["figures"] |= changes
        return " ".join(summary(part, {"draws": 100, "part": "training"})).replace(
            "\N{NO-BREAK SPACE}", " "
        )

    assert (
        "Ranks patients better than NEWS2 on the same rows: AUROC 0.877 (0.857 to 0.897) against 0.697 (0.677 to 0.717)."
        in said()
    )
    assert "Ranks patients worse than NEWS2" in said(auroc_minus_news2=figure(-0.1))
    assert "Does not clearly rank" in said(auroc_minus_news2=figure(0.01))
    assert (
        "too timid" in said()
        and "too extreme" in said(calibration_slope=figure(0.7))
        and "spread about rightly" in said(calibration_slope=figure(1.0))
    )
    assert (
        "too low" in said(observed_expected=figure(1.3))
        and "too high" in said(observed_expected=figure(0.6))
        and "agree" in said()
    )
    assert "not estimable" in said(auroc={"value": None, "interval": None})
    assert (
        "193 of 6\N{NARROW NO-BREAK SPACE}624 moments (2.9 %)" in said()
        and "flatter a model" in said()
    )
    assert (
        "at risks of 1 to 30 %" in said()
        and "it finds fewest in sex female: 3.1 percentage points" in said()
        and "NEWS2 lacked parts in 99.9 %" in said()
    )


def test_net_benefit_names_where_it_is_best():
    """Ranges of risk where no other course has more."""
    part = model()
    for line in part["net_benefit"]:
        line["model"] = figure(0.2 if line["risk"] in (0.02, 0.03, 0.3) else -1)
    assert "at risks of 2 to 3 %, 30 %." in " ".join(summary(part, {})).replace(
        "\N{NO-BREAK SPACE}", " "
    )


def test_lead_time_challenge_certainty_and_hidden_values():
    """They are shown where the validation has them, and the reason stands where not."""
    without, within = Checked(report(found_2012())).words, Checked(report(found_2019())).words
    assert (
        "do not say when the event happened" in without
        and "made without hiding values" in without
        and "holds no figures on certainty" in without
    )
    assert (
        "Lead time of 373 events" in within
        and "6.0 (6.0 to 6.0)" in within
        and "13.4 % (11.4 to 15.4 %)" in within
    )
    assert (
        "Utility at medium (2.65 %) 0.455 (0.435 to 0.475)" in within
        and "Score 1 (smaller of sensitivity and PPV) at best (28.5 %) 0.571" in without
    )
    assert "no laboratory values 0.801 (0.781 to 0.821)" in within
    assert (
        "0.792 (0.772 to 0.812)" in within
        and "(indeterminate) 12.3 % (10.3 to 14.3 %)" in within
        and "rows with a band 0.890 (0.870 to 0.910)" in within
        and "“best” is optimistic" in without
    )


def test_groups_and_gaps():
    """Under 20 events a group is named and not estimable; the others are compared with the
    largest of their column.
    """
    lines = {
        line["value"]: (other and other["value"], values)
        for line, other, values in gaps(model()["groups"], "medium")
    }
    assert (
        lines["female"][0] == "male"
        and lines["female"][1]["sensitivity"] == pytest.approx(0.0612)
        and lines["female"][1]["fpr"] == pytest.approx(0.0612)
    )
    assert lines["coronary care"] == (None, {})
    unknown = gaps(
        [group("unit", "unknown", 9000), group("unit", "ward", 100), group("unit", "surgery", 200)],
        "medium",
    )
    assert {other["value"] for _, other, _ in unknown} == {"surgery"}
    words = Checked(report(found_2012())).words
    # Found less often at an equal alert rate, though more often at one threshold.
    assert (
        "it finds fewest in sex female: 3.1 percentage points fewer than of all (95 % interval "
        "2.1 to 4.1)" in words
    )
    assert "3.1 % (2.1 to 4.1 %)" in words
    assert "sex: female against male +6.1 points +6.1 points 0.0 points 0.000" in words
    assert (
        "unit: coronary care 10 3 not estimable" in words
        and "no group of this kind is estimable" in words
    )


def test_names_from_a_hospital_are_escaped():
    """Names of groups, files, labels and models are text, wherever they come from."""
    evil = "<script>alert(1)</script>\"'&amp;"
    found = found_2019()
    found["data"] = {"layout": evil, "files": {evil: evil}}
    for part in found["models"]:
        part |= {
            "label": evil,
            "horizon": evil,
            "model": {"name": evil, "version": evil, "sha256": evil},
        }
        part["groups"].append(group(evil, evil, 900))
        part["challenge"] |= {"name": evil, "note": evil}
        part["without"] = {evil: figure(0.7)}
        part["certainty"] = {evil: figure(0.5)}
        part["counts"]["landmarks_without_number"] = {evil: 1}
    page = report(found)
    assert "<script" not in page and "alert(1)" in page
    checked = Checked(page)
    assert (
        evil in checked.words
        and not any(name.startswith("on") for _, found in checked.elements for name in found)
        and drawings(page)
    )


@pytest.mark.parametrize("key", sorted(model()))
@pytest.mark.parametrize("empty", ["absent", "none", "empty"])
def test_a_part_that_is_not_there_is_said_so(key, empty):
    """Any part of a model may be absent, null or empty: the page still stands."""
    found = found_2019()
    part = found["models"].pop()
    part.pop(key) if empty == "absent" else part.update(
        {key: None if empty == "none" else type(part[key])()}
    )
    Checked(report(found | {"models": [part]}))


def test_nothing_estimable_and_nothing_at_all():
    """Every figure null, curves empty, no model: still a page."""

    def emptied(value):
        if isinstance(value, dict):
            return (
                {"value": None, "interval": None}
                if set(value) == {"value", "interval"}
                else {k: emptied(v) for k, v in value.items()}
            )
        return [emptied(v) for v in value] if isinstance(value, list) else value

    assert Checked(report(emptied(found_2019()))).words.count("not estimable") > 100
    found = copy.deepcopy(found_2012())
    found["models"][0]["curves"] = {
        "calibration": [],
        "tenths": [],
        "precision_recall": {"model": [], "news2": []},
        "distribution": [],
    }
    assert "no points for a calibration plot" in Checked(report(found)).words
    assert "holds no model" in Checked(report({})).words


def test_no_colour_alone():
    """Curves of one plot differ in dash or mark; halves of the histogram lie above and below the
    line.
    """
    for plot in drawings(report(found_2012())):
        styles = [line.get("class") for line in plot.iter(f"{SVG}polyline")]
        assert len(styles) == len(set(styles))
    assert "above the line" in report(found_2012()) and "below the line" in report(found_2012())


def test_numbers_are_written_sensibly():
    """Decimals by kind, a real minus, thousands apart, None in words."""
    assert (
        str(written(figure(0.876668, 0.03))) == "0.877 (0.847 to 0.907)"
        and str(written(None)) == "not available"
    )
    assert (
        str(written({"value": None, "interval": None})) == "not estimable"
        and str(written({"value": 1.0, "interval": None}, 1)) == "1.0"
    )
    assert (
        plain(-0.0001, 2) == "0.00"
        and plain(-0.25, 2) == "−0.25"
        and plain(0.0042, "percent") == f"0.42{PERCENT}"
        and plain(0.0265, "risk") == f"2.65{PERCENT}"
    )
    assert (
        count(154781) == "154\N{NARROW NO-BREAK SPACE}781"
        and str(cell({"high_nne": figure(2.97, 0.1)}, "high_nne")) == "3.0 (2.9 to 3.1)"
    )


def test_lines_are_cut_where_they_leave_the_plot():
    """A net benefit far below the axis ends at the edge, at the risk where it crosses."""
    assert clipped([(0, 1), (1, 0), (2, -2)], -1, 2) == ((0, 1), (1, 0), (1.5, -1))
    assert (
        clipped([(0, 3), (1, -3)], -1, 2) == ((pytest.approx(1 / 6), 2), (pytest.approx(2 / 3), -1))
        and clipped([], 0, 1) == ()
    )
    assert round_values(0, 0.3, TICKS) == [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]
