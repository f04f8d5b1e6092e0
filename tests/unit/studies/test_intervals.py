"""The bootstrap: whole patients, the same draws for all figures, and no interval where there is
none.
"""

import numpy as np
import pytest

from studies.validation import intervals
from studies.validation.alerts import alarms, burden, lead_time
from studies.validation.challenges import challenge2012, challenge2019
from studies.validation.figures import benefit, figures
from studies.validation.groups import by_group, by_pair
from studies.validation.intervals import NOISY, number, with_intervals
from studies.validation.robustness import certainty_figures, expected, without
from tests.support.invented_rows import invented

VALUES = np.random.default_rng(0).normal(10, 2, 400)


def mean(weight: np.ndarray) -> dict[str, float]:
    return {"mean": float(np.average(VALUES, weights=weight))}


def test_the_interval_of_a_mean_is_the_known_one():
    """1.96 standard errors to either side."""
    found = with_intervals(mean, 400, 2000)["mean"]
    error = 1.96 * VALUES.std() / 20
    assert found["value"] == pytest.approx(VALUES.mean(), rel=1e-5)
    assert found["interval"] == pytest.approx(
        [VALUES.mean() - error, VALUES.mean() + error], abs=0.03
    )


@pytest.mark.rule("governance part 3")
def test_weights_are_draws_with_replacement():
    """Each draw counts as many patients as there are; it is the literal resampling of the same
    generator.
    """
    seen = []
    with_intervals(lambda weight: seen.append(weight) or {}, 7, 3, seed=5)
    random = np.random.default_rng(5)
    assert seen[0].tolist() == [1] * 7
    for weight in seen[1:]:
        assert np.repeat(np.arange(7), weight.astype(int)).tolist() == sorted(
            random.integers(0, 7, 7).tolist()
        )


def test_the_same_seed_gives_the_same_interval_and_differences_their_own():
    """All figures see the same draws, so that a difference of twins is exactly nothing."""
    twins = lambda weight: (a := mean(weight)["mean"]) and {"a": a, "b": a + 1, "difference": 1.0}  # noqa: E731
    found = with_intervals(twins, 400, 50)
    assert found == with_intervals(twins, 400, 50) and found["difference"]["interval"] == [1, 1]
    assert found["b"]["interval"][0] - found["a"]["interval"][0] == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("share", "known"), [(0.3, False), (0.9, True)])
def test_what_most_draws_can_not_give_has_no_interval(share, known):
    """A value alone stays; not a number becomes None."""
    random = np.random.default_rng(1)
    found = with_intervals(
        lambda weight: {
            "x": 1.0 if weight.max() == 1 or random.random() < share else float("nan"),
            "y": np.inf,
        },
        30,
        200,
    )
    assert (found["x"]["interval"] is not None) is known and found["x"]["value"] == 1
    assert found["y"] == {"value": None, "interval": None}


def test_no_draws_give_no_interval():
    """The value stands alone."""
    assert with_intervals(mean, 400, 0)["mean"]["interval"] is None


def test_numbers_fit_json():
    """Six digits, and None for what is no number."""
    assert (
        number(np.float64(1 / 3)) == 0.333333
        and number(float("nan")) is None
        and isinstance(number(np.float32(2)), float)
    )


def within(found, path="") -> list[tuple[str, float, list[float]]]:
    """Return every figure below that has a value and an interval, with its path."""
    if isinstance(found, dict) and "interval" in found:
        return [(path, found["value"], found["interval"])] if found["interval"] else []
    parts = found.items() if isinstance(found, dict) else enumerate(found)
    parts = [(name, part) for name, part in parts if isinstance(part, dict | list)]
    return [line for name, part in parts for line in within(part, f"{path}/{name}")]


def everything(stays: int, seed: int) -> dict:
    """Return all figures with intervals that a validation of invented rows has."""
    some, limits = invented(stays, seed), {"medium": 0.2, "high": 0.5}
    labels = [(bool(some.event[some.stay == one].any()),) * 12 for one in range(stays)]
    people = some.patient.max() + 1
    return {
        "figures": with_intervals(figures(some, limits), people, 40),
        "stays": with_intervals(figures(some.highest(), limits, False), people, 40),
        "net benefit": with_intervals(benefit(some), people, 40),
        "alerts": with_intervals(burden(some, 1, alarms(some, limits)), people, 40),
        "without": with_intervals(without(some), people, 40),
        "expected": with_intervals(expected(some), people, 40),
        "certainty": with_intervals(certainty_figures(some, limits), people, 40),
        "lead": lead_time(some, dict.fromkeys(range(0, stays, 2), 12), limits, 40),
        "groups": by_group(some, limits, 1, 40),
        "pairs": by_pair(some, limits, 1, 40),
        "2012": challenge2012.challenge(some, labels, limits, 40)["figures"],
        "2019": challenge2019.challenge(some, labels, limits, 40)["figures"],
    }


@pytest.mark.parametrize("stays", [30, 200])
@pytest.mark.parametrize("seed", range(4))
def test_a_value_lies_within_its_interval(stays, seed):
    """Whatever the figure, and none of a distance falls below 0."""
    found = within(everything(stays, seed))
    assert len(found) > 100
    assert not [line for line in found if not line[2][0] <= line[1] <= line[2][1]]
    assert all(ends[0] >= 0 for path, _, ends in found if path.rpartition("/")[2] in NOISY)


def test_draws_of_a_distance_lie_too_high_by_themselves(monkeypatch):
    """What is mended: without it the interval of a calibration error, or of score 2, leaves its
    own value out.
    """
    monkeypatch.setattr(intervals, "NOISY", frozenset())
    found = [line for seed in range(4) for line in within(everything(200, seed))]
    outside = {path.rpartition("/")[2] for path, value, ends in found if value < ends[0]}
    assert outside and outside <= NOISY
