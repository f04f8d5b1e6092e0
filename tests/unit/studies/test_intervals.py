"""The bootstrap: whole patients, the same draws for all figures, and no interval where there is
none.
"""

import numpy as np
import pytest

from studies.validation.intervals import number, with_intervals

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
