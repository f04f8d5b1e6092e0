"""The utility of the PhysioNet/CinC Challenge 2019 against a plain transcription of
evaluate_sepsis_score.py, hour by hour.
"""

import numpy as np
import pytest

from studies.validation.challenges.challenge2019 import best_gain, challenge, utilities
from tests.support.invented_rows import rows


def utility(labels: list[bool], alarms: list[bool]) -> float:
    """The utility of one stay's alarms, by the hourly ones."""
    return float(np.where(alarms, *utilities(labels)).sum())


def official(labels: list[int], alarms: list[int]) -> float:
    """The sum over the hours of one stay: straight lines through 12 h and 6 h before, and 3 h
    after, onset.
    """
    septic, total = any(labels), 0.0
    onset = labels.index(1) + 6 if septic else float("inf")
    for hour, alarm in enumerate(alarms):
        if hour > onset + 3:
            continue
        ahead = hour - onset
        if not septic:
            total += -0.05 if alarm else 0.0
        elif ahead <= -6:
            total += max(ahead / 6 + 2, -0.05) if alarm else 0.0
        else:
            total += -ahead / 9 + 3 / 9 if alarm else -2 / 9 * ahead - 2 / 9 * 6
    return total


def official_best(labels: list[int]) -> list[int]:
    if not any(labels):
        return [0] * len(labels)
    onset = labels.index(1) + 6
    return [int(max(0, onset - 12) <= hour <= onset + 3) for hour in range(len(labels))]


def normalised(cohort: list[tuple[list[int], list[int]]]) -> float:
    observed = sum(official(labels, alarms) for labels, alarms in cohort)
    best = sum(official(labels, official_best(labels)) for labels, _ in cohort)
    silent = sum(official(labels, [0] * len(labels)) for labels, _ in cohort)
    return (observed - silent) / (best - silent)


def labels_of(random: np.random.Generator) -> list[int]:
    """Return labels of up to 60 hours, a third of them septic from some hour to the end, at
    times from the first or in the last.
    """
    length = int(random.integers(1, 60))
    first = int(random.integers(0, length)) if random.random() < 0.4 else length
    return [int(hour >= first) for hour in range(length)]


def test_the_example_of_the_official_script():
    """Its own doctest: 3.388..."""
    assert official([0, 0, 0, 0, 1, 1], [0, 0, 1, 1, 1, 1]) == pytest.approx(3.388888888888889)
    assert utility(
        [False] * 4 + [True] * 2, [False, False, True, True, True, True]
    ) == pytest.approx(3.388888888888889)


@pytest.mark.parametrize("seed", range(20))
def test_a_stay_is_worth_what_the_official_script_says(seed):
    """Random alarms, and the best ones."""
    random = np.random.default_rng(seed)
    labels = labels_of(random)
    alarms = (random.random(len(labels)) < 0.4).astype(int).tolist()
    assert utility(list(map(bool, labels)), list(map(bool, alarms))) == pytest.approx(
        official(labels, alarms), abs=1e-12
    )
    gain = official(labels, official_best(labels)) - official(labels, [0] * len(labels))
    assert best_gain(list(map(bool, labels))) == pytest.approx(gain, abs=1e-12)


def test_worth_by_the_hour():
    """Labels from hour index 14 say onset at 20: nothing helps before 8, 14 is best, 20 is late,
    24 counts no more.
    """
    alarm, silence = utilities([False] * 14 + [True] * 12)
    assert alarm[[0, 8, 11, 14, 20, 23, 24]] == pytest.approx([-0.05, 0, 0.5, 1, 1 / 3, 0, 0])
    assert silence[[0, 14, 17, 23, 24]] == pytest.approx([0, 0, -2 / 3, -2, 0])


@pytest.mark.parametrize("seed", range(4))
def test_the_whole_set_is_normalised_as_the_official_script_does(seed):
    """Hours without a number have no alarm; the sum of all stays is divided once."""
    random = np.random.default_rng(seed)
    cohort = [labels_of(random) for _ in range(60)]
    place = [
        (stay, hour)
        for stay, labels in enumerate(cohort)
        for hour in range(1, len(labels) + 1)
        if random.random() < 0.8
    ]
    risk = random.beta(1, 4, len(place)).round(2).clip(0.01, 0.99)
    some = rows(
        [s for s, _ in place], [h for _, h in place], risk, [cohort[s][h - 1] for s, h in place]
    )
    found = challenge(
        some, [tuple(map(bool, labels)) for labels in cohort], {"medium": 0.2, "high": 0.4}, 5
    )

    def at(limit: float) -> float:
        alarms = [[0] * len(labels) for labels in cohort]
        for (stay, hour), one in zip(place, some.risk, strict=True):
            alarms[stay][hour - 1] = int(one >= limit)
        return normalised(list(zip(cohort, alarms, strict=True)))

    value = {name: figure["value"] for name, figure in found["figures"].items()}
    assert value["utility_at_medium"] == pytest.approx(at(0.2), rel=1e-5) and value[
        "utility_at_high"
    ] == pytest.approx(at(0.4), rel=1e-5)
    assert value["utility_at_best"] == pytest.approx(
        max(at(limit) for limit in np.unique(some.risk)), rel=1e-5
    )
    assert found["stays"] == 60 and "optimistic" in found["note"]


def test_without_sepsis_there_is_no_utility():
    """Nothing to divide by is no number, not nought."""
    some = rows([0, 0, 1], [1, 2, 1], [0.1, 0.6, 0.2], [0, 0, 0])
    assert (
        challenge(some, [(False, False), (False,)], {"high": 0.5}, 5)["figures"]["utility_at_high"][
            "value"
        ]
        is None
    )
