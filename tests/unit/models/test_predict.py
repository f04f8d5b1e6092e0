"""The model in service: equal to LightGBM's and shap's own answers, and refused when a byte is
wrong.
"""

import json
import shutil
import warnings

import numpy as np
import pytest

from models.fitted.booster import ModelError, Predictor
from models.fitted.registry import TRAINED, load, load_models, verify

MODEL = load_models()[0]
GOLDEN = [vector["row"] for vector in MODEL.manifest["golden"]]


def floats(rows) -> np.ndarray:
    return np.array([[np.nan if v is None else v for v in row] for row in rows])


def test_scores_equal_lightgbms_own():
    """The C library through ctypes gives what lightgbm.Booster gives."""
    import lightgbm

    expected = lightgbm.Booster(model_str=MODEL.text).predict(floats(GOLDEN), raw_score=True)
    assert [MODEL.predictor.score(row) for row in GOLDEN] == pytest.approx(expected, abs=1e-12)


def test_contributions_equal_shaps():
    """TreeSHAP in service is shap.TreeExplainer's, feature by feature, and sums to the score."""
    import lightgbm

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import shap

        explainer = shap.TreeExplainer(lightgbm.Booster(model_str=MODEL.text))
        expected = np.asarray(explainer.shap_values(floats(GOLDEN)))
    expected = expected[..., 1] if expected.ndim == 3 else expected
    for row, line in zip(GOLDEN, expected, strict=True):
        parts = MODEL.predictor.contributions(row)
        assert parts[:-1] == pytest.approx(line, abs=1e-9) and sum(parts) == pytest.approx(
            MODEL.predictor.score(row), abs=1e-9
        )


def test_a_row_of_another_length_is_refused():
    """A wrong number of features is an error, not another number."""
    with pytest.raises(ModelError, match="features"):
        MODEL.predictor.score([1.0])
    with pytest.raises(ModelError, match="manifest"):
        Predictor(MODEL.text, 3)


@pytest.fixture
def copy(tmp_path):
    """A copy of the shipped models that a test may damage, without former versions to give way
    to.
    """
    shutil.copytree(TRAINED, tmp_path / "trained")
    for other in (tmp_path / "trained" / MODEL.id.name).glob("*/"):
        if other.name != MODEL.id.version:
            shutil.rmtree(other)
    return tmp_path / "trained" / MODEL.id.name / MODEL.id.version


@pytest.mark.rule("F4")
@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[: len(raw) // 2],
        lambda raw: raw.replace(b"leaf_value=0", b"leaf_value=9", 1),
        lambda raw: b"",
    ],
)
def test_a_damaged_model_is_refused_before_it_is_parsed(copy, damage):
    """A truncated file would kill LightGBM's process: its hash is checked first."""
    path = copy / "model.txt"
    raw = path.read_bytes()
    path.write_bytes(damage(raw) if damage(raw) != raw else raw + b"x")
    with pytest.raises(ModelError, match="SHA-256"):
        load_models(copy.parents[1])


def test_a_manifest_without_a_key_is_named(copy):
    """What is missing in a manifest is said."""
    path = copy / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["thresholds"]
    path.write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="thresholds"):
        load(copy)


@pytest.mark.rule("F4", "G7")
def test_a_model_that_scores_otherwise_than_when_trained_is_refused(copy):
    """Golden vectors catch a library or a file that gives another number."""
    path = copy / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["golden"][0]["score"] += 1e-6
    path.write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="another score"):
        verify(load(copy))


def test_no_models_is_an_error(tmp_path):
    """An empty folder is said, not served."""
    with pytest.raises(ModelError, match="no trained model"):
        load_models(tmp_path)
