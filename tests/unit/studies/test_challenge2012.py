"""The scores of the PhysioNet/CinC Challenge 2012 against a plain transcription of its own
scripts (genresults.m, lemeshow.m 1.4).
"""

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score, roc_auc_score

from studies.validation.challenges.challenge2012 import challenge, score1, score2
from tests.support.invented_rows import rows


def lemeshow(died: list[int], risk: list[float]) -> float:
    """H as the challenge's script counts it: ten bins of floor(N / 10), what is left over above
    the last bin is in none.
    """
    data = sorted(zip(risk, died, strict=True), key=lambda pair: pair[0])
    size = len(data) // 10
    total, centroids = 0.0, []
    for place in range(10):
        part = data[place * size : (place + 1) * size]
        observed, centroid = sum(d for _, d in part), sum(r for r, _ in part) / size
        expected = size * centroid
        total += (observed - expected) ** 2 / (size * centroid * (1 - centroid) + 0.001)
        centroids.append(centroid)
    return total / (centroids[9] - centroids[0])


def drawn(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    risk = random.beta(1, 6, count).round(2 + seed % 3)
    return risk, random.random(count) < risk


@pytest.mark.parametrize("seed", range(12))
def test_score_2_is_that_of_the_official_script(seed):
    """With ties (sorted stably), with and without rows left over."""
    risk, died = drawn(seed, 200 + seed)
    assert score2(risk, died) == pytest.approx(
        lemeshow(died.astype(int).tolist(), risk.tolist()), rel=1e-12
    )


@pytest.mark.parametrize("seed", range(6))
def test_score_1_is_the_smaller_of_sensitivity_and_ppv(seed):
    """As scikit-learn has them."""
    risk, died = drawn(seed, 300)
    for limit in (0.1, 0.25, 0.4):
        expected = min(
            recall_score(died, risk >= limit), precision_score(died, risk >= limit, zero_division=0)
        )
        assert score1(risk >= limit, died) == pytest.approx(expected)


def test_scores_of_nothing():
    """Nobody predicted to die earns nothing; a single risk for all, or less than ten stays, has
    no score 2.
    """
    nobody, one = np.zeros(20, bool), np.arange(20) == 3
    assert score1(nobody, one) == 0 == score1(one, nobody) == score1(nobody, nobody)
    assert np.isnan(score2(np.full(20, 0.5), one)) and np.isnan(score2(np.full(9, 0.5), one[:9]))


def test_the_last_risk_by_hour_48_counts_and_every_stay_is_scored():
    """A stay without any number gets the mean risk of the others; a later row comes too late."""
    count = 40
    risk, died = np.linspace(0.05, 0.9, count), np.arange(count) % 2 == 1
    some = rows(
        np.repeat(np.arange(count), 3),
        [6, 48, 54] * count,
        np.column_stack([1 - risk, risk, 1 - risk]).ravel(),
        np.repeat(died, 3),
    )
    labels = [(bool(d),) * 48 for d in died] + [(True,) * 48]
    found = challenge(some, labels, {"high": 0.5}, 0)
    whole, truth = np.append(risk, risk.mean()), np.append(died, True)
    assert (found["stays"], found["stays_without_number"]) == (41, 1)
    value = {name: figure["value"] for name, figure in found["figures"].items()}
    assert value["score2"] == pytest.approx(
        lemeshow(truth.astype(int).tolist(), whole.tolist()), rel=1e-5
    )
    assert value["score1_at_high"] == pytest.approx(
        min(recall_score(truth, whole >= 0.5), precision_score(truth, whole >= 0.5)), rel=1e-5
    )
    assert value["auroc"] == pytest.approx(roc_auc_score(truth, whole), rel=1e-5)
    best = max(score1(whole >= limit, truth) for limit in whole)
    assert (
        value["score1_at_best"] == pytest.approx(best, rel=1e-5)
        and score1(whole > found["thresholds"]["best"] - 1e-9, truth) == best
    )


def test_the_note_says_what_is_optimistic():
    """The best threshold was found on the same stays."""
    risk, died = drawn(1, 60)
    some = rows(range(60), [48] * 60, risk.clip(0.01), died)
    found = challenge(some, [(bool(d),) * 48 for d in died], {}, 20)
    assert "optimistic" in found["note"] and found["figures"]["score2"]["interval"] is not None
