"""A hospital trains on its own stays: by a table or FHIR bulk NDJSON, with an outcome of its own,
and in one sentence why not.
"""

import hashlib
import json
from dataclasses import replace
from functools import partial

import lightgbm
import numpy as np
import pytest
from click.testing import CliRunner

import vigil
from demo.export import export
from models.fitted.registry import TRAINED, ModelError, load, verify
from models.patient.features import names
from studies.boosting.fit import PARAMETERS, fit
from studies.boosting.start import start_of
from studies.data.mapping import read_mapping
from studies.data.tables import table_stays
from studies.training import make
from studies.training.fit_certainty import fit_certainty
from studies.training.make import Own, own_recipe
from studies.training.recipes import SEPSIS
from studies.training.rows import rows
from studies.validation.dataset import Description, data_set

STAYS = 360


def run(*arguments) -> tuple[int, str]:
    result = CliRunner().invoke(vigil.main, [*map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hospital") / "example"
    export(folder, STAYS)
    return folder


@pytest.fixture(scope="module")
def quick():
    """Few trees and one plot: what is tested is the way, not the model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PARAMETERS, "num_threads", 1)
        patch.setattr(make, "TREES", 20)
        patch.setattr("studies.effects.effect_plots.PANELS", 1)
        yield


@pytest.fixture(scope="module")
def trained(examples, quick, tmp_path_factory):
    """Return the folder of models that the table gave, and what the command printed."""
    output = tmp_path_factory.mktemp("models")
    code, text = run(
        "train", examples / "stays.csv", "--mapping", examples / "stays.toml",
        "--outcome", "icu_transfer", "--version", "1.0.0", "--output", output,
    )  # fmt: skip
    assert code == 0, text
    return output, text


def test_a_hospital_trains_on_its_own_table(examples, trained):
    """The manifest tells outcome, horizon and data as the hospital named them; the model learns."""
    output, text = trained
    manifest = verify(load(output / "icu-transfer" / "1.0.0")).manifest
    named = [manifest[key] for key in ("name", "outcome", "label", "horizon")]
    assert named == ["icu-transfer", "icu_transfer", "icu transfer", "within 24 h"]
    files = manifest["source"]["files"]
    for name in ("stays.csv", "stays.toml"):
        assert files[name] == hashlib.sha256((examples / name).read_bytes()).hexdigest()
    assert manifest["held_out"] and 100 < manifest["figures"]["patients"] < STAYS
    assert manifest["figures"]["auroc"]["interval"][0] > 0.6
    assert f"icu-transfer 1.0.0: {manifest['figures']['rows']} rows" in text
    assert not manifest["leak"]["found"]
    assert f"time since admission? {manifest['leak']['said']}" in text


def test_bulk_data_give_the_same_model(examples, trained, quick, tmp_path):
    """The same stays as FHIR bulk NDJSON with a CSV of outcomes: the same trees."""
    code, text = run(
        "train", examples / "bulk", "--outcomes", examples / "outcomes.csv",
        "--outcome", "icu_transfer", "--name", "transfer", "--label", "transfer to intensive care",
        "--output", tmp_path,
    )  # fmt: skip
    assert code == 0, text
    one, two = (
        json.loads((folder / "manifest.json").read_text())
        for folder in (trained[0] / "icu-transfer" / "1.0.0", tmp_path / "transfer" / "0.1.0")
    )
    assert one["model_sha256"] == two["model_sha256"] and two["horizon"] == "within 24 h"
    assert two["label"] == "transfer to intensive care"


def test_a_model_starts_from_one_of_ours(examples, quick, tmp_path, monkeypatch):
    """The trees of 0.5.0 come first, scaled to the new outcome, and no vital sign's bound is lost;
    manifest and model card name them.
    """
    monkeypatch.setattr(make, "TREES_AFTER", 10)
    code, text = run(
        "train", examples / "stays.csv", "--mapping", examples / "stays.toml",
        "--outcome", "icu_transfer", "--from", "deterioration/0.5.0", "--output", tmp_path,
    )  # fmt: skip
    assert code == 0, text
    made = verify(load(tmp_path / "icu-transfer" / "0.1.0"))
    ours = load(TRAINED / "deterioration" / "0.5.0")
    assert made.features == ours.features
    assert made.manifest["started_from"]["sha256"] == ours.id.sha256
    trees = lightgbm.Booster(model_str=made.text).dump_model()["tree_info"]
    first = lightgbm.Booster(model_str=ours.text).dump_model()["tree_info"]
    assert len(trees) == len(first) + 10
    low = {"spo2": 97.0, "spo2.low48": 97.0}, {"spo2": 80.0, "spo2.low48": 80.0}
    nothing = dict.fromkeys(names())
    calm, grave = (made.predictor.score(made.seen(nothing | one)) for one in low)
    assert grave > calm
    code, text = run("card", "icu-transfer", "--version", "0.1.0", "--models", tmp_path)
    assert code == 0 and "The first trees are those of deterioration 0.5.0" in text, text


def test_a_start_is_the_score_on_the_outcomes_own_scale():
    """Twice the log-odds and one less: the line gives that back, leaf by leaf, TreeSHAP too."""
    start = start_of("deterioration/0.5.0")
    random = np.random.default_rng(5)
    x = np.where(random.random((4000, len(start.features))) < 0.5, np.nan, 1.0)
    x *= random.normal(20, 10, x.shape)
    raw = lightgbm.Booster(model_str=start.text).predict(x, raw_score=True)
    event = random.random(len(x)) < 1 / (1 + np.exp(-(2 * (raw - raw.mean()) - 1)))
    found = start.booster(x, event, np.ones(len(x)))
    moved = found.predict(x, raw_score=True)
    slope = np.polyfit(raw, moved, 1)[0]
    assert slope == pytest.approx(2, abs=0.3)
    assert np.allclose(moved, moved[0] + slope * (raw - raw[0]))
    assert np.allclose(found.predict(x[:50], pred_contrib=True).sum(axis=1), moved[:50])
    with pytest.raises(ModelError, match="do not rise with the score of deterioration/0.5.0"):
        start.booster(x, ~event, np.ones(len(x)))


def test_what_was_left_out_validates_the_model(examples, trained, quick, tmp_path):
    """The fifth that training never saw, by the files' own hashes."""
    output, _ = trained
    code, text = run(
        "validate", examples / "stays.csv", "--mapping", examples / "stays.toml",
        "--part", "held-out", "--models", output, "--model", "icu-transfer/1.0.0",
        "--every", 6, "--draws", 5, "--record", "--output", tmp_path,
    )  # fmt: skip
    assert code == 0 and "with icu transfer" in text, text
    kept = json.loads((output / "icu-transfer" / "1.0.0" / "validation.json").read_text())
    manifest = json.loads((output / "icu-transfer" / "1.0.0" / "manifest.json").read_text())
    assert kept["data"]["files"] == manifest["source"]["files"]
    code, text = run("card", "icu-transfer", "--version", "1.0.0", "--models", output)
    assert code == 0 and "held-out records of the training source" in text, text
    assert "own data (table, stays.csv)" in text


REFUSED = {
    "another outcome": (["--outcome", "arrest"], "there is no outcome 'arrest'; the data tell of"),
    "too few": (["--outcome", "icu_transfer"], "There are too few patients to train on"),
    "a shipped name": (["--outcome", "Sepsis"], "sepsis is the name of a model that Vigil ships"),
    "no name": (["--outcome", "???"], "'' is no name for a model; give --name"),
    "two horizons": (
        ["--outcome", "icu_transfer", "--horizon", "12"],
        "--horizon is 12, but the data's own horizon is 24 hours",
    ),
    "a shipped folder": (
        ["--outcome", "icu_transfer", "--output", str(TRAINED / "mine")],
        "is the folder of the models that Vigil ships",
    ),
    "no outcome": ([], "TABLE needs --outcome"),
    "no such version": (
        ["--outcome", "icu_transfer", "--from", "deterioration/9.9.9"],
        "There is no version '9.9.9' of deterioration",
    ),
    "no version": (
        ["--outcome", "icu_transfer", "--from", "deterioration"],
        "allowed is a version such as deterioration/0.5.0",
    ),
    "features of before": (
        ["--outcome", "icu_transfer", "--from", "deterioration/0.4.0"],
        "deterioration/0.4.0 sees other features than a model that is made now",
    ),
    "two kinds of data": (
        ["--outcome", "icu_transfer", "--physionet-2012", "."],
        "Give either TABLE with --outcome",
    ),
}


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    folder = tmp_path_factory.mktemp("few") / "example"
    export(folder, 60)
    return folder


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_trained_on_is_one_sentence(few, tmp_path, case):
    """No traceback, no file."""
    arguments, words = REFUSED[case]
    code, text = run(
        "train", few / "stays.csv", "--mapping", few / "stays.toml",
        "--output", tmp_path / "models", *arguments,
    )  # fmt: skip
    assert code and words in text.splitlines()[-1], text
    assert not (tmp_path / "models").exists() and not (TRAINED / "mine").exists()


def test_options_for_a_table_need_one():
    """What would be passed over is refused."""
    code, text = run("train", "--physionet-2012", ".", "--label", "x")
    assert code == 2 and "--label are for TABLE alone" in text


def test_stays_of_one_person_are_one_patient(few):
    """Folds, intervals and counts are by person: a second stay is no second patient."""
    stays = list(table_stays(few / "stays.csv", read_mapping(few / "stays.toml")))[:4]
    described = Description(few / "stays.toml")
    recipe = own_recipe(Own("icu_transfer"), data_set(few / "stays.csv", described), described)
    assert len(set(rows(stays, recipe).patient.tolist())) == 4
    one = [replace(stay, chart=replace(stay.chart, patient="A")) for stay in stays]
    found = rows(one, recipe)
    assert set(found.patient.tolist()) == {0} and sorted(set(found.hour.tolist()))[:2] == [6, 12]


def test_charts_that_all_lack_the_same_have_intervals():
    """A table that never holds some variables: every chart lacks the same share of evidence."""
    random = np.random.default_rng(1)
    x = np.full((3000, len(names())), np.nan)
    for name in ("age", "heart_rate", "respiratory_rate", "lactate", "wbc"):
        x[:, names().index(name)] = random.normal(60, 10, len(x))
    event = random.random(len(x)) < 1 / (1 + np.exp(-(x[:, names().index("lactate")] - 60) / 5))
    small = replace(SEPSIS, trees=20)
    found = fit_certainty(
        x, event, np.ones(len(x)), np.arange(len(x)), partial(fit, recipe=small), 1
    )
    assert found["widths"] and found["measured"]["rows"] > 500
