"""Results by group and by pairs of groups: the same figures on a part of the rows, none under 20
events.
"""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from studies.validation.groups import LEAST_EVENTS, by_group, by_pair
from tests.support.invented_rows import invented, rows

SOME = invented()
LIMITS = {"medium": 0.2}
FOUND = {(line["column"], line["value"]): line for line in by_group(SOME, LIMITS, 1, 5)}


@pytest.mark.rule("governance part 3")
def test_each_group_has_the_figures_of_its_own_rows():
    """Discrimination, calibration, working points, net benefit and burden, with intervals."""
    assert set(FOUND) == {("sex", "male"), ("sex", "female"), ("unit", "ward"), ("unit", "rare")}
    chosen = SOME.groups["sex"] == "male"
    line = FOUND["sex", "male"]
    assert (
        line["rows"] == chosen.sum()
        and line["event_rows"] == SOME.event[chosen].sum()
        and line["estimable"]
    )
    assert line["figures"]["auroc"]["value"] == pytest.approx(
        roc_auc_score(SOME.event[chosen], SOME.risk[chosen]), rel=1e-5
    )
    wanted = {
        "medium_sensitivity",
        "medium_specificity",
        "medium_ppv",
        "observed_expected",
        "medium_net_benefit",
        "ici",
        "medium_alerts_per_100_patient_days",
        "medium_ever_alerted",
        "news2_auroc",
    }
    assert wanted <= set(line["figures"]) and line["figures"]["auroc"]["interval"] is not None


@pytest.mark.rule("governance part 3")
@pytest.mark.parametrize(("events", "estimable"), [(LEAST_EVENTS - 1, False), (LEAST_EVENTS, True)])
def test_under_twenty_events_nothing_is_estimable(events, estimable):
    """Stays with the event are counted, not rows: two rows of one stay are one event."""
    stay = np.repeat(np.arange(60), 2)
    some = rows(
        stay,
        [1, 2] * 60,
        np.linspace(0.05, 0.6, 120),
        (stay % 3 == 0) & (stay < events * 3),
        groups={"ward": ["a"] * 120},
    )
    line = by_group(some, LIMITS, 1, 0)[0]
    assert line["events"] == events and line["event_rows"] == 2 * events and line["stays"] == 60
    assert line["estimable"] is estimable and bool(line["figures"]) is estimable


def test_groups_are_compared_at_an_equal_alert_rate():
    """Literally: the group's threshold is moved until as large a share of it is alerted, and the
    gap to all rows is of the same draw.
    """
    line, own = FOUND["sex", "male"]["figures"], SOME.groups["sex"] == "male"
    share = np.mean(SOME.risk >= 0.2)
    risk, event = SOME.risk[own], SOME.event[own]
    steps = sorted(set(risk.tolist()), reverse=True)
    above = next(t for t in steps if np.mean(risk >= t) >= share)
    below = min((t for t in steps if t > above), default=1.0)
    part = (share - np.mean(risk >= below)) / (np.mean(risk >= above) - np.mean(risk >= below))
    found = [event[risk >= t].sum() / event.sum() for t in (below, above)]
    wanted = found[0] + part * (found[1] - found[0])
    assert line["equal_alert_sensitivity"]["value"] == pytest.approx(wanted, rel=1e-5)
    whole = SOME.event[SOME.risk >= 0.2].sum() / SOME.event.sum()
    assert line["equal_alert_gap"]["value"] == pytest.approx(whole - wanted, abs=1e-5)
    low, high = line["equal_alert_gap"]["interval"]
    assert low <= line["equal_alert_gap"]["value"] <= high


def test_the_whole_as_a_group_has_no_gap():
    """In each draw, so that the interval is a point."""
    one = rows(
        SOME.stay, SOME.hour, SOME.risk, SOME.event, SOME.patient, {"all": ["x"] * len(SOME.event)}
    )
    (line,) = by_group(one, LIMITS, 1, 20)
    gap = line["figures"]["equal_alert_gap"]
    assert [gap["value"], *gap["interval"]] == pytest.approx([0, 0, 0], abs=1e-9)


def test_pairs_cross_all_columns():
    """Every row is in one pair of each two columns, and a pair has the figures of its rows."""
    found = by_pair(SOME, LIMITS, 1, 0)
    assert {line["column"] for line in found} == {"sex and unit"} and sum(
        line["rows"] for line in found
    ) == len(SOME.event)
    line = next(line for line in found if line["value"] == "female, ward")
    chosen = (SOME.groups["sex"] == "female") & (SOME.groups["unit"] == "ward")
    assert line["figures"]["auroc"]["value"] == pytest.approx(
        roc_auc_score(SOME.event[chosen], SOME.risk[chosen]), rel=1e-5
    )


def test_one_column_or_none_has_no_pairs():
    """Nothing is invented."""
    bare = rows([0, 1], [1, 1], [0.1, 0.2], [0, 1])
    assert by_group(bare, LIMITS, 1, 0) == [] == by_pair(bare, LIMITS, 1, 0)
