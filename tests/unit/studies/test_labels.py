"""Labels at their edges, each table made by hand: the label of hour h is what is asked at start
+ h hours.
"""

import pytest

from studies.data.labels import before_event, by_rows, constant

H = 3600.0


@pytest.mark.parametrize(
    ("end", "event", "horizon", "labels"),
    [
        (5, None, 2, "00000"),  # nothing happened
        (9, 5.5, 2, "00011"),  # 4 is 1.5 h before, 3 is 2.5 h before; nothing is asked after 5.5
        (
            9,
            5,
            2,
            "0011",
        ),  # 3 is exactly 2 h before and counts; at the event itself nothing is asked
        (9, 5, 24, "1111"),
        (
            5,
            6.5,
            2,
            "000011",
        ),  # the event follows the last row within the horizon: the stay runs on to it
        (5, 7, 2, "000011"),
        (5, 7.5, 2, "00000"),  # later than the horizon after the last row: the stay had no event
        (5, 1, 2, ""),  # within the first hour, at the start, or before it: there is nothing to ask
        (5, 0, 2, ""),
        (5, -3, 2, ""),
        (0, None, 2, ""),
    ],
)
def test_labels_before_an_event(end, event, horizon, labels):
    """Yes from `horizon` hours before the event, and nothing from the event on."""
    found = before_event(
        10 * H, (10 + end) * H, None if event is None else (10 + event) * H, horizon
    )
    assert "".join(str(int(label)) for label in found) == labels


def test_a_constant_label_stands_for_whole_hours():
    """Half an hour after the last whole one is not asked about."""
    assert constant(0, 3.5 * H, True) == (True, True, True) and constant(0, -2 * H, True) == ()


def test_rows_label_the_hours_that_follow_them():
    """An hour has the mark of the newest row then; before the first row that of the first."""
    times, marks = [0.0, 1.0 * H, 2.5 * H, 4.0 * H], [0, 0, 1, 1]
    assert by_rows(0.0, 4 * H, times, marks) == (False, False, True, True)
    assert by_rows(-2 * H, 4 * H, times[2:], [1, 0]) == (True,) * 5 + (False,)
