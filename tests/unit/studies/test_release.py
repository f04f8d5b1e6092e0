"""The gate: a model that is worse than NEWS2, badly calibrated or unfair to a group is not
released, and the figure is named.
"""

import json
import shutil
import tomllib
from datetime import UTC, datetime

import numpy as np
import pytest

from models.card.facts import facts
from models.fitted import signature
from models.fitted.booster import ModelError
from models.fitted.model import load
from models.fitted.registry import TRAINED, Trust, admit, load_models
from studies.training.release import LIMITS, Override, Refused, judge, release
from studies.validation.groups import by_group
from tests.support import invented_rows

SHIPPED = load_models()[0]
AT = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


def figure(value, low=None, high=None):
    return {"value": value, "interval": [low, high]} if low is not None else {"value": value}


def group(value, over_news2, events=50, gap=0.02, ratio=1.0, wide=0.04):
    """A group whose intervals reach `wide` to either side."""
    figures = {
        name: figure(found, found - wide, found + wide)
        for name, found in (
            ("auroc_minus_news2", over_news2),
            ("equal_alert_gap", gap),
            ("observed_expected", ratio),
        )
    }
    return {"column": "sex", "value": value, "events": events, "figures": figures}


def good() -> dict:
    """A validation that passes every limit."""
    figures = {
        "auroc": figure(0.83),
        "news2_auroc": figure(0.68),
        "auroc_minus_news2": figure(0.15, 0.13, 0.17),
        "calibration_slope": figure(0.97),
        "observed_expected": figure(1.04),
    }
    about = {"name": SHIPPED.id.name, "version": SHIPPED.id.version, "sha256": SHIPPED.id.sha256}
    return {
        "model": about,
        "figures": figures,
        "groups": [group("female", 0.12), group("male", 0.16), group("unknown", -0.4, 3)],
        "sense": {
            "figures": {
                name: figure(0.005) for name in ("falls", "red_not_raised", "air", "contributions")
            }
        },
    }


@pytest.fixture
def version(tmp_path):
    """A shipped version without its signature, with a validation that passes."""
    folder = tmp_path / "trained" / SHIPPED.id.name / SHIPPED.id.version
    shutil.copytree(TRAINED / SHIPPED.id.name / SHIPPED.id.version, folder)
    (folder / signature.FILE).unlink()
    validate(folder, good())
    return folder


@pytest.fixture
def key(tmp_path):
    """A release key; its public half is the only file of the folder `keys`."""
    (tmp_path / "keys").mkdir()
    signature.keygen(tmp_path / "release.key").rename(tmp_path / "keys" / "release.pub")
    return tmp_path / "release.key"


def validate(folder, found) -> None:
    (folder / "validation.json").write_text(json.dumps(found))


def spoil(found: dict, name: str) -> None:
    """Make one figure of a validation fail."""
    figures = found["figures"]
    if name == "auroc_over_news2":
        figures["auroc_minus_news2"] = figure(0.01, -0.01, 0.03)
    elif name == "group_auroc:sex=female":
        found["groups"][0] = group("female", -0.05)
    elif name == "group_observed_expected:sex=female":
        found["groups"][0] = group("female", 0.1, ratio=0.75)
    elif name == "group_sensitivity:sex=male":
        found["groups"][1] = group("male", 0.16, gap=0.15)
    elif name == "groups":
        found["groups"] = []
    elif name == "sense_falls":
        found["sense"]["figures"]["falls"] = figure(0.05)
    else:
        figures[name] = figure(1.3)


FIGURES = (
    "auroc_over_news2",
    "calibration_slope",
    "observed_expected",
    "group_auroc:sex=female",
    "group_observed_expected:sex=female",
    "group_sensitivity:sex=male",
    "groups",
    "sense_falls",
)


def test_a_good_model_is_released_signed_and_loads(version, key, tmp_path):
    """The judgement is in the manifest, the signature covers it, and the registry takes the
    version.
    """
    findings = release(version, key, AT)
    assert [f.figure for f in findings] == [
        "auroc_over_news2",
        "calibration_slope",
        "observed_expected",
        "group_auroc:sex=female",
        "group_observed_expected:sex=female",
        "group_sensitivity:sex=female",
        "group_auroc:sex=male",
        "group_observed_expected:sex=male",
        "group_sensitivity:sex=male",
        "group:sex=unknown",
        "sense_falls",
        "sense_red_not_raised",
        "sense_air",
        "sense_contributions",
    ]
    assert next(f for f in findings if f.figure == "group:sex=unknown").said == (
        "group:sex=unknown: the group sex=unknown is not judged: 3 stays with the event are fewer "
        "than 20."
    )
    model = admit(version, Trust(keys=tmp_path / "keys"))
    told = model.manifest["release"]
    assert (
        told["at"] == "2026-11-21T06:00:00Z"
        and told["override"] is None
        and "validation.json, SHA-256" in told["figures_from"]
    )
    assert (
        all(finding["passed"] for finding in told["findings"])
        and "lower end" in told["findings"][0]["said"]
    )


@pytest.mark.parametrize("name", FIGURES)
def test_the_figure_that_stops_a_release_is_named(version, key, name):
    """One failing figure is enough, and it is said with its value and limit; nothing is written."""
    found, before = good(), (version / "manifest.json").read_bytes()
    spoil(found, name)
    validate(version, found)
    with pytest.raises(Refused, match=f"not released. {name}: ") as refusal:
        release(version, key, AT)
    assert str(refusal.value).count("has to be") == 1
    assert (version / "manifest.json").read_bytes() == before and not (
        version / signature.FILE
    ).exists()


@pytest.mark.parametrize("name", FIGURES)
def test_a_named_person_may_override_one_figure(version, key, name):
    """Name and reason are recorded in the signed manifest."""
    found = good()
    spoil(found, name)
    validate(version, found)
    release(version, key, AT, Override(name, "Dr A. Example", "small unit, watched weekly"))
    override = load(version).manifest["release"]["override"]
    assert override == {
        "figure": name,
        "by": "Dr A. Example",
        "reason": "small unit, watched weekly",
    }


@pytest.mark.parametrize(
    "override, reason",
    [
        (Override("observed_expected", "A", "why"), "calibration_slope"),
        (Override("auroc_over_news2", "A", "why"), "nothing to override"),
        (Override("calibration_slope", " ", "why"), "name of a person"),
        (Override("calibration_slope", "A", ""), "name of a person"),
    ],
)
def test_an_override_is_for_one_figure_by_one_person(version, key, override, reason):
    """A second failing figure still stops; an override of nothing, or by nobody, is refused."""
    found = good()
    spoil(found, "calibration_slope")
    spoil(found, "observed_expected")
    validate(version, found)
    with pytest.raises(Refused, match=reason):
        release(version, key, AT, override)


@pytest.mark.parametrize("name", ["calibration_slope", "observed_expected", "auroc_minus_news2"])
@pytest.mark.parametrize("value", [None, "NaN", True, {"value": None}])
def test_a_figure_that_is_not_available_does_not_pass(name, value):
    """Nothing passes for want of a number."""
    found = good()
    found["figures"][name] = value
    if name == "auroc_minus_news2":
        found["figures"]["news2_auroc"] = value
    stopped = [f for f in judge(found, tomllib.loads(LIMITS.read_text())) if not f.passed]
    assert all("not available" in f.said for f in stopped if f.value is None)
    assert stopped


@pytest.mark.parametrize("name", ["auroc_minus_news2", "observed_expected", "equal_alert_gap"])
def test_a_group_is_stopped_only_where_its_interval_leaves_no_doubt(version, key, name):
    """At the edge it passes, beyond it not; what is not estimable is not judged, and said; what a
    validation of old lacks stops the release, and is to be made again.
    """
    bad = {"auroc_minus_news2": -0.05, "observed_expected": 1.3, "equal_alert_gap": 0.15}[name]
    edge = {"auroc_minus_news2": 0.0, "observed_expected": 1.25, "equal_alert_gap": 0.1}[name]
    toward = -1 if name == "auroc_minus_news2" else 1
    for end, passes in ((edge, True), (edge + toward * 0.001, False)):
        found = good()
        found["groups"][0]["figures"][name] = figure(bad, *sorted((end, bad + toward * 0.3)))
        stopped = [f for f in judge(found, tomllib.loads(LIMITS.read_text())) if not f.passed]
        assert bool(stopped) is not passes and all("sex=female" in f.figure for f in stopped)
    found["groups"][0]["figures"][name] = {"value": None, "interval": None}
    validate(version, found)
    (finding,) = [f for f in release(version, key, AT) if not f.judged and "female" in f.figure]
    assert finding.passed and "not judged: not estimable" in finding.said
    assert "1 could not be" not in facts(load(version), None)["gate"]
    assert "2 could not be" in facts(load(version), None)["gate"]
    del found["groups"][0]["figures"][name]
    validate(version, found)
    with pytest.raises(Refused, match="`vigil validate --record` again"):
        release(version, key, AT)


def test_a_validation_of_before_is_to_be_made_again(version, key):
    """The shipped 0.4.0 was validated before groups were compared at an equal alert rate."""
    former = json.loads((TRAINED / SHIPPED.id.name / "0.4.0" / "validation.json").read_text())
    validate(version, former | {"model": good()["model"]})
    with pytest.raises(Refused, match="group_sensitivity:.* is not available .run `vigil validate"):
        release(version, key, AT)


def hospital(unfair: bool) -> dict:
    """A validation of made rows: a ward with half the prevalence of the other, ranked as well as
    it, or hardly better than by chance.
    """
    dice, count = np.random.default_rng(4), 4000
    small = np.arange(count) % 2 == 0
    ill = dice.normal(np.where(small, -3.2, -1.8), 1.3)
    event = dice.random(count) < 1 / (1 + np.exp(-ill))
    shown = np.where(small & unfair, dice.permutation(ill), ill)
    made = invented_rows.rows(
        np.arange(count), [1] * count, 1 / (1 + np.exp(-shown)), event,
        groups={"ward": np.where(small, "small", "large")},
        news2=dice.integers(0, 4, count),
    )  # fmt: skip
    return good() | {"groups": by_group(made, {"medium": 0.25, "high": 0.5}, 1, 200)}


def test_an_unfair_model_is_stopped_and_a_fair_one_not():
    """At one threshold a ward with a lower prevalence has a far lower sensitivity: no unfairness.
    A model that ranks it badly is stopped all the same.
    """
    for unfair in (False, True):
        found = hospital(unfair)
        own = {line["value"]: line["figures"] for line in found["groups"]}
        at_one = [own[ward]["medium_sensitivity"]["value"] for ward in ("large", "small")]
        assert at_one[0] - at_one[1] > 0.2
        stopped = [f for f in judge(found, tomllib.loads(LIMITS.read_text())) if not f.passed]
        assert bool(stopped) is unfair and all("ward=small" in f.figure for f in stopped)
        assert not unfair or "group_sensitivity:ward=small" in [f.figure for f in stopped]


def test_without_an_interval_the_two_values_are_compared(version, key):
    """It is said which of the two was done."""
    found = good()
    del found["figures"]["auroc_minus_news2"]
    validate(version, found)
    assert "without an interval" in release(version, key, AT)[0].said
    found["figures"]["auroc"] = figure(0.67)
    found["groups"] = [group("female", 0.67)]
    validate(version, found)
    with pytest.raises(Refused, match="auroc_over_news2"):
        release(version, key, AT)


def test_without_a_validation_the_manifest_speaks(version, key):
    """Figures of training are judged as far as they go, and what they lack stops the release."""
    (version / "validation.json").unlink()
    with pytest.raises(Refused, match="groups: .*not available"):
        release(version, key, AT)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"model": 3}', "[" * 99_999, "groups"])
def test_a_broken_validation_is_named(version, key, content):
    """Garbage is one sentence, not a traceback and not a pass."""
    (version / "validation.json").write_text(
        content if content != "groups" else json.dumps(good() | {"groups": ["sex"]})
    )
    with pytest.raises(ModelError, match="validation.json is no validation"):
        release(version, key, AT)


def test_a_validation_of_another_version_is_refused(version, key):
    """Figures of the parent don't release the child."""
    validate(version, good() | {"model": good()["model"] | {"version": "0.0.1"}})
    with pytest.raises(ModelError, match="is of .* 0.0.1"):
        release(version, key, AT)


def test_figures_on_training_data_do_not_release(version, key):
    """A file that the model was trained on, found by its hash under any name, stops the release."""
    name, sha256 = next(iter(SHIPPED.manifest["source"]["files"].items()))
    validate(
        version, good() | {"data": {"layout": "PhysioNet 2012", "files": {"renamed.zip": sha256}}}
    )
    with pytest.raises(Refused, match=r"held_out: .*renamed.zip.* is 1"):
        release(version, key, AT)
    validate(
        version, good() | {"data": {"files": {name: sha256}}, "settings": {"part": "held-out"}}
    )
    assert release(version, key, AT)[-1].passed
    validate(version, good() | {"data": {"layout": "PhysioNet 2012", "files": {name: "0" * 64}}})
    assert release(version, key, AT)[-1].passed


def test_limits_come_from_a_file(version, key, tmp_path):
    """A hospital may be stricter; a limit that is misspelt is an error."""
    own = tmp_path / "gate.toml"
    own.write_text("calibration_slope = [0.98, 1.02]\n")
    with pytest.raises(Refused, match="0.98 to 1.02"):
        release(version, key, AT, limits=own)
    for text, reason in (
        ("slope = [0, 9]", "slope"),
        ("calibration_slope = 3", "look like"),
        ("auroc_over_news2 = true", "look like"),
        ("=", "read"),
    ):
        own.write_text(text)
        with pytest.raises(ModelError, match=reason):
            release(version, key, AT, limits=own)


def test_a_key_that_is_not_usable_leaves_the_version_as_it_was(version, key):
    """A key that others may read signs nothing."""
    key.chmod(0o644)
    before = (version / "manifest.json").read_bytes()
    with pytest.raises(ModelError, match="chmod 600"):
        release(version, key, AT)
    assert (version / "manifest.json").read_bytes() == before
