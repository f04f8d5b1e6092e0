"""The figures that are shipped beside a model can be made again: `vigil validate --part
held-out` gives every value once more.
"""

import json

import pytest

from models.fitted.registry import TRAINED
from studies.validation.dataset import Description
from studies.validation.validate import named, validate

DATA = {"deterioration": "physionet2012"}


def values(found, path=""):
    """Yield the path and value of every figure, without its interval, which hangs on the number
    of draws.
    """
    if isinstance(found, dict) and "interval" in found:
        yield path, found["value"]
    elif isinstance(found, dict):
        for name, part in found.items():
            yield from values(part, f"{path}/{name}")
    elif isinstance(found, list):
        for number, part in enumerate(found):
            yield from values(part, f"{path}/{number}")


def leaves(found, path=""):
    """Yield the path and value of every number."""
    inner = found.items() if isinstance(found, dict) else enumerate(found)
    for name, part in inner:
        if isinstance(part, dict | list):
            yield from leaves(part, f"{path}/{name}")
        elif isinstance(part, int | float):
            yield f"{path}/{name}", part


@pytest.mark.parametrize("name", DATA)
def test_the_shipped_validation_is_made_again(name, shared, tmp_path):
    """Same data, same model: the same values, to the last digit that is written."""
    (model,) = named(TRAINED, [name])
    shipped = json.loads((TRAINED / name / model.id.version / "validation.json").read_text())
    again = validate(
        shared / "data" / DATA[name], Description(), [model], tmp_path, part="held-out", draws=2
    )["models"][0]
    assert shipped["model"]["sha256"] == model.id.sha256 and again["counts"] == shipped["counts"]
    was, found = (
        {
            key: part[key]
            for key in ("figures", "stays", "without", "certainty", "groups", "challenge")
        }
        for part in (shipped, again)
    )
    assert (
        dict(values(found)) == pytest.approx(dict(values(was)), rel=1e-5, nan_ok=True)
        and len(dict(values(was))) > 300
    )
    population, made = (dict(leaves(part["population"])) for part in (shipped, again))
    assert made == pytest.approx(population, rel=1e-5) and len(population) > 500
