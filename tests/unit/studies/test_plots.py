"""The global explanation plots: true to the model, the same twice, small, told in words, and
written whole or not at all.
"""

import json
import struct

import lightgbm
import numpy as np
import pytest

from models.fitted.registry import load_models
from studies.effects import effect_pictures, effect_plots
from studies.effects.effect_plots import draw
from studies.effects.effects import (
    ENDS,
    KNOWN,
    LOWERS,
    MIDDLE,
    RAISES,
    UNCLEAR,
    UNKNOWN,
    Effect,
    effects,
    shap,
)

FEATURES = (
    "age",
    "sex",
    "heart_rate",
    "heart_rate.high",
    "lactate",
    "gcs",
    "temperature",
    "spo2",
    "bun",
    "bun.change",
)


def newest(x: np.ndarray, features=FEATURES) -> dict[str, np.ndarray]:
    """Return the column of each feature: in these rows a variable's newest value."""
    return {name: x[:, n] for n, name in enumerate(features[: x.shape[1]])}


def invented(count: int = 600) -> tuple[str, np.ndarray]:
    """Return a model's text and its rows: lactate and age raise the risk, a high coma score
    lowers it, temperature at both ends.
    """
    random = np.random.default_rng(4)
    x = np.column_stack(
        [
            random.integers(20, 91, count),
            random.integers(0, 2, count),
            random.normal(85, 15, count),
            random.normal(100, 15, count),
            random.gamma(2, 1.5, count),
            random.integers(3, 16, count),
            random.normal(37, 1, count),
            np.full(count, np.nan),
            random.normal(20, 5, count),
            random.normal(0, 2, count),
        ]
    )
    x[random.random(count) < 0.4, 4] = np.nan
    x[::2, 8:] = np.nan
    lactate, temperature, bun = (
        np.nan_to_num(x[:, 4], nan=2),
        np.abs(x[:, 6] - 37),
        ~np.isnan(x[:, 8]),
    )
    score = 0.8 * lactate + 0.03 * x[:, 0] - 0.3 * x[:, 5] + 1.5 * temperature + 1.5 * bun - 2
    event = random.random(count) < 1 / (1 + np.exp(-score))
    settings = {
        "objective": "binary",
        "num_leaves": 6,
        "verbosity": -1,
        "seed": 1,
        "num_threads": 1,
        "min_data_in_leaf": 10,
    }
    names = [name.replace(".", "_") for name in FEATURES]
    return lightgbm.train(
        settings, lightgbm.Dataset(x, event, feature_name=names), 30
    ).model_to_string(), x


TEXT, ROWS = invented()


@pytest.fixture(scope="module")
def called():
    """The functions of shap that the pictures of `drawn` were made with."""
    return []


@pytest.fixture(scope="module")
def drawn(tmp_path_factory, called):
    """The plots, and the folder they were written to."""

    def noted(name, function):
        return lambda *given, **more: called.append(name) or function(*given, **more)

    folder = tmp_path_factory.mktemp("model")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("beeswarm", "bar", "scatter"):
            patch.setattr(shap().plots, name, noted(name, getattr(shap().plots, name)))
        return draw(TEXT, FEATURES, ROWS, newest(ROWS), folder), folder / "plots"


@pytest.fixture
def unpainted(monkeypatch):
    """Pictures of one byte, for what does not hang on how they look."""
    for name in ("beeswarm", "importance", "dependence"):
        monkeypatch.setattr(effect_pictures, name, lambda found: b"1")


def test_effects_of_variables_sum_to_the_score():
    """Nothing is lost when features are grouped: the base and all variables make the raw score
    of every row.
    """
    found = effects(TEXT, FEATURES, ROWS, newest(ROWS))
    booster = lightgbm.Booster(model_str=TEXT)
    base = booster.predict(ROWS, pred_contrib=True)[:, -1]
    assert sum(effect.log_odds for effect in found) + base == pytest.approx(
        booster.predict(ROWS, raw_score=True), abs=1e-9
    )
    assert {effect.name for effect in found} == {name.partition(".")[0] for name in FEATURES}
    assert [effect.mean for effect in found] == sorted(
        (effect.mean for effect in found), reverse=True
    )


def any_value(model, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return some column for each variable; its effect does not go by it."""
    return {name: rows[:, n] for n, name in enumerate(model.variables)}


def test_service_and_shap_agree_on_random_rows():
    """Predictor.contributions equals shap.TreeExplainer on rows that no one has, with and
    without missing values.
    """
    random = np.random.default_rng(5)
    for model in load_models():
        vectors = [vector["row"] for vector in model.manifest["golden"]]
        low, high = (np.array([np.nan if v is None else v for v in vectors[i]]) for i in (0, 2))
        rows = low + (high - low) * random.normal(0.5, 1, (40, len(low)))
        rows[random.random(rows.shape) < 0.3] = np.nan
        groups: dict[str, np.ndarray] = {
            effect.name: effect.log_odds
            for effect in effects(model.text, model.features, rows, any_value(model, rows))
        }
        for number, row in enumerate(rows):
            parts = model.predictor.contributions([None if np.isnan(v) else float(v) for v in row])
            for name, values in groups.items():
                own = [
                    part
                    for part, feature in zip(parts[:-1], model.features, strict=True)
                    if feature.partition(".")[0] == name
                ]
                assert sum(own) == pytest.approx(values[number], abs=1e-9)


def test_the_direction_is_told_as_it_is(drawn):
    """Rising, falling, dangerous at both ends, and where nothing is known."""
    table = {row["name"]: row for row in drawn[0][1]["table"]}
    found = {name: row["direction"] for name, row in table.items()}
    assert found == found | {
        "lactate": RAISES,
        "age": RAISES,
        "gcs": LOWERS,
        "temperature": ENDS,
        "spo2": UNCLEAR,
    }
    assert (
        table["spo2"]["missing"] == 1
        and table["spo2"]["lowest_tenth"] is None
        and table["bun"]["missing"] == 0.5
    )
    assert table["gcs"]["lowest_tenth"]["log_odds"] > 0 > table["gcs"]["highest_tenth"]["log_odds"]


@pytest.mark.parametrize(
    "missing, effect_of_value, course, words",
    [
        (0.5, 1.0, 0.1, KNOWN),
        (0.5, -1.0, 0.1, UNKNOWN),
        (0.5, 1.0, 3.0, RAISES),
        (0.05, -1.0, 0.1, RAISES),
        (0.5, 0.0, 0.0, UNCLEAR),
    ],
)
def test_where_only_having_a_value_counts_it_is_said(missing, effect_of_value, course, words):
    """A model can learn who was measured; that is no direction of the value. A few unknown rows
    don't hide the direction of the many.
    """
    value, known = np.linspace(0, 1, 400), np.arange(400) % 100 >= 100 * missing
    assert (
        Effect(
            "lactate",
            np.where(known, value, np.nan),
            np.where(known, effect_of_value + course * value, 0),
        ).direction
        == words
    )


def test_a_bend_in_the_middle_is_a_direction_of_its_own():
    """Both ends, or the middle."""
    value = np.linspace(-1, 1, 400)
    assert (
        Effect("ph", value, value**2).direction == ENDS
        and Effect("ph", value, -(value**2)).direction == MIDDLE
    )


def test_sex_is_told_in_its_own_words():
    """One and zero are no high and low value."""
    sex = np.repeat([0.0, 1.0], 50)
    assert (
        Effect("sex", sex, 0.1 * sex).words == "male raises the risk"
        and Effect("sex", sex, -sex).words == "female raises the risk"
    )


def test_each_plot_says_in_words_what_it_shows(drawn):
    """Title, alternative text and table come from the numbers; plots.json holds what draw
    returned.
    """
    plots, folder = drawn
    assert plots == json.loads((folder / "plots.json").read_text("utf-8"))
    assert [plot["file"] for plot in plots] == ["beeswarm.png", "importance.png", "dependence.png"]
    leading = plots[1]["table"][0]["variable"]
    for plot in plots:
        assert (
            plot["title"]
            and leading in plot["alt"]
            and plot["alt"].endswith(".")
            and "nan" not in plot["alt"]
        )
        assert plot["table"][0].keys() >= {"variable", "mean_abs_shap", "direction", "missing"}
    assert (
        len(plots[2]["table"]) == 8
        and "dots" not in plots[1]["alt"]
        and "600 rows" in plots[0]["alt"]
    )


def test_the_pictures_are_small_white_and_say_nothing_of_their_making(drawn):
    """840 pixels wide, under 120 kB, a white margin, and no chunk with a date or a program's
    name.
    """
    from PIL import Image

    for path in drawn[1].glob("*.png"):
        raw = path.read_bytes()
        assert len(raw) < 120_000 and chunks(raw) <= {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
        with Image.open(path) as image:
            corner = image.convert("RGB").getpixel((2, 2))
            assert image.width == 840 and corner == (255, 255, 255)


def chunks(png: bytes) -> set[bytes]:
    found, at = set(), 8
    while at < len(png):
        found.add(png[at + 4 : at + 8])
        at += 12 + struct.unpack(">I", png[at : at + 4])[0]
    return found


def test_drawing_twice_gives_the_same_bytes_and_leaves_nothing(drawn, tmp_path):
    """Whatever the state of chance and of pyplot; and both go on as if nothing had been drawn."""
    import matplotlib
    import matplotlib.pyplot as plt

    np.random.seed(77)
    before, style = np.random.get_state()[1].copy(), dict(matplotlib.rcParams)
    draw(TEXT, FEATURES, ROWS, newest(ROWS), tmp_path)
    assert {p.name: p.read_bytes() for p in (tmp_path / "plots").iterdir()} == {
        p.name: p.read_bytes() for p in drawn[1].iterdir()
    }
    assert plt.get_fignums() == [] and (np.random.get_state()[1] == before).all()
    assert {key: value for key, value in matplotlib.rcParams.items() if key != "backend"} == {
        k: v for k, v in style.items() if k != "backend"
    }


def test_a_failure_leaves_the_old_plots_whole(tmp_path, unpainted):
    """A picture that can't be drawn, or a full disk, changes nothing; the next drawing clears
    away what was begun.
    """
    from pathlib import Path

    old = draw(TEXT, FEATURES, ROWS[:300], newest(ROWS[:300]), tmp_path)
    write = Path.write_bytes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Path,
            "write_bytes",
            lambda path, raw: write(path, raw) if path.name == "beeswarm.png" else 1 / 0,
        )
        with pytest.raises(ZeroDivisionError):
            draw(TEXT, FEATURES, ROWS, newest(ROWS), tmp_path)
    assert json.loads((tmp_path / "plots" / "plots.json").read_text("utf-8")) == old
    draw(TEXT, FEATURES, ROWS, newest(ROWS), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["plots"] and len(
        list((tmp_path / "plots").iterdir())
    ) == 4


def test_of_many_rows_a_sample_is_drawn(tmp_path, unpainted):
    """3,000 rows at the most, chosen with a seed."""
    plots = draw(
        TEXT, FEATURES, np.repeat(ROWS, 6, axis=0), newest(np.repeat(ROWS, 6, axis=0)), tmp_path
    )
    assert "3,000 rows" in plots[0]["title"]


@pytest.mark.parametrize(
    "rows, features", [(ROWS[:0], FEATURES), (ROWS[:, :4], FEATURES), (ROWS, FEATURES[:4])]
)
def test_rows_that_do_not_fit_the_model_are_refused(rows, features, tmp_path):
    """No row, too few columns, too few names: said, and nothing is written."""
    with pytest.raises(ValueError, match="features"):
        draw(TEXT, features, rows, newest(rows, features), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_constant_row_can_be_drawn(tmp_path, monkeypatch):
    """One row, or one value everywhere, is a poor picture but no error."""
    monkeypatch.setattr(effect_plots, "PANELS", 2)
    assert (
        len(
            draw(
                TEXT,
                FEATURES,
                np.repeat(ROWS[:1], 40, axis=0),
                newest(np.repeat(ROWS[:1], 40, axis=0)),
                tmp_path,
            )
        )
        == 3
    )
    assert len(draw(TEXT, FEATURES, ROWS[:1], newest(ROWS[:1]), tmp_path)) == 3


def test_shaps_own_functions_draw(drawn, called):
    """Beeswarm, bar and scatter are the library's."""
    assert called[:2] == ["beeswarm", "bar"] and set(called[2:]) == {"scatter"} and len(called) >= 9
