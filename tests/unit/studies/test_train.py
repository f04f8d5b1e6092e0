"""Training on small invented stays: it learns what is there, twice the same, and what it writes
can be served.
"""

import dataclasses
import hashlib
from datetime import timedelta

import numpy as np
import pytest

from models.fitted.registry import load, verify
from models.patient.chart import Chart, Reading
from studies.boosting.fit import PARAMETERS
from studies.data.stays import ADMITTED, Stay, birth_date
from studies.training.performance import (
    areas,
    threshold_at_break_even,
    threshold_at_sensitivity,
)
from studies.training.recipes import DETERIORATION, SEPSIS
from studies.training.thresholds import words
from studies.training.train import train
from studies.validation.calibration import logistic_line
from studies.validation.ranking import Ranked

SMALL = dataclasses.replace(DETERIORATION, trees=12, every=12, last=24)


def invented(count: int = 300) -> list[Stay]:
    """Return stays in which a high lactate and a low pressure go with death."""
    random = np.random.default_rng(3)
    stays = []
    for number in range(count):
        ill = random.random() < 0.4
        values = {
            "heart_rate": 80 + 30 * ill,
            "systolic": 125 - 30 * ill,
            "respiratory_rate": 16,
            "spo2": 80,
            "lactate": 1 + 4 * ill,
        }
        readings = tuple(
            sorted(
                Reading(
                    ADMITTED + timedelta(hours=hour), name, float(value + random.normal(0, 3)), "s"
                )
                for hour in (2, 8, 14, 20)
                for name, value in values.items()
            )
        )
        chart = Chart(str(number), birth_date(60.0), "male", False, readings, {})
        stays.append(
            Stay(
                str(number), chart, ADMITTED, {"death": (bool(ill and random.random() < 0.9),) * 48}
            )
        )
    return stays


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two trainings on the same stays; the second draws no plots, which have a test of their own."""
    folders = [tmp_path_factory.mktemp("trained") for _ in range(2)]
    given = (SMALL, "1.0.0", {"name": "invented"}, False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PARAMETERS, "num_threads", 1)
        patch.setattr("studies.effects.effect_plots.PANELS", 1)
        first = train(invented(), given[0], folders[0], *given[1:])
        patch.setattr("studies.training.train.draw", lambda *_: [])
        return folders, [first, train(invented(), given[0], folders[1], *given[1:])]


def test_training_twice_gives_the_same_file(made):
    """Seeds are fixed: same data, same hash, same thresholds."""
    folders, manifests = made
    hashes = {
        hashlib.sha256((f / "deterioration" / "1.0.0" / "model.txt").read_bytes()).hexdigest()
        for f in folders
    }
    assert (
        hashes == {manifests[0]["model_sha256"]}
        and manifests[0]["thresholds"] == manifests[1]["thresholds"]
    )


def test_what_was_trained_can_be_served(made):
    """The written folder passes its own verification and holds its plots, and the sick score
    above the well.
    """
    (folder, _), (manifest, _) = made
    model = verify(load(folder / "deterioration" / "1.0.0"))
    assert (
        manifest["figures"]["auroc"]["value"] > 0.9
        and (folder / "deterioration" / "1.0.0" / "plots" / "plots.json").exists()
    )
    assert model.features == tuple(manifest["features"]) and manifest["source"] == {
        "name": "invented"
    }


def test_golden_vectors_are_nobodys_values(made):
    """What the manifest shows of the data are quantiles, and a row of nothing."""
    golden = made[1][0]["golden"]
    assert len(golden) == 4 and all(value is None for value in golden[-1]["row"])


def test_recipes_say_how_their_bands_were_cut():
    """The words of the manifest follow from the numbers of the recipe."""
    assert "80 %" in words(DETERIORATION) and "sepsis within 6 h" in words(SEPSIS)


def test_figures_equal_their_definitions():
    """AUROC by pairs, average precision by hand, a line that made the data."""
    score, event = (
        np.array([0.1, 0.4, 0.35, 0.8, 0.35]),
        np.array([False, False, True, True, False]),
    )
    pairs = [(p > n) + 0.5 * (p == n) for p in score[event] for n in score[~event]]
    counts = Ranked(score, event).counts(np.ones(5))
    assert counts.auroc() == pytest.approx(np.mean(pairs))
    assert counts.auprc() == pytest.approx(0.5 * 1 + 0.5 * 2 / 4)
    random = np.random.default_rng(1)
    raw = random.normal(0, 2, 40_000)
    drawn = random.random(40_000) < 1 / (1 + np.exp(-(0.5 + 0.7 * raw)))
    assert logistic_line(raw, drawn) == pytest.approx((0.5, 0.7), abs=0.05)


def test_thresholds_do_what_they_are_named_for():
    """Sensitivity and predictive value reached at the threshold, on the rows that it was cut on."""
    random = np.random.default_rng(2)
    risk = random.random(5000)
    event = random.random(5000) < risk
    assert np.mean(risk[event] >= threshold_at_sensitivity(risk, event, 0.8)) == pytest.approx(
        0.8, abs=0.01
    )
    alert = risk >= threshold_at_break_even(risk, event)
    assert np.mean(event[alert]) == pytest.approx(np.mean(alert[event]), abs=0.01)


def test_bootstrap_draws_whole_patients():
    """An interval holds the figure, and one patient of many rows widens it."""
    random = np.random.default_rng(4)
    score, event = random.random(600), random.random(600) < 0.3
    few, many = (
        areas({"auroc": score}, event, patient, 100)["auroc"]["interval"]
        for patient in (np.arange(600) // 60, np.arange(600))
    )
    assert (
        many[0] <= Ranked(score, event).counts(np.ones(600)).auroc() <= many[1] and few[0] < few[1]
    )
