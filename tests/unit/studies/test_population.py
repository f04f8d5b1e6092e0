"""The population of a validation, against a plain recount of invented rows."""

import math
from bisect import bisect_right
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from studies.validation.population import ENDS, ENOUGH, LACKING, population
from tests.support import invented_rows


@pytest.fixture
def rows():
    """Return the rows of 300 stays, each with a share of evidence that it lacks."""
    found = invented_rows.invented()
    random = np.random.default_rng(3)
    line = found.log_odds + random.normal(0, 0.01, len(found.event))
    return replace(found, log_odds=line, lacking=random.choice([0.0, 0.2, 0.4, 0.5], len(line)))


def counted(rows, places):
    """Count rows one by one."""
    each = Counter(int(rows.patient[place]) for place in places)
    squares = sum(n * n for n in each.values())
    return {
        "rows": len(places),
        "events": sum(bool(rows.event[place]) for place in places),
        "patients": len(each),
        "effective": pytest.approx(len(places) ** 2 / squares if places else 0.0, rel=1e-5),
        "risk": pytest.approx(sum(rows.risk[n] for n in places) / max(len(places), 1), rel=1e-5),
    }


def test_every_bin_is_a_plain_recount(rows):
    """From the edges as they are written, row by row, also by what the charts lacked."""
    found = population(rows, "intensive care")
    edges = [one["from"] for one in found["bins"]]
    places = [max(bisect_right(edges, risk) - 1, 0) for risk in rows.risk]
    assert 15 < len(found["bins"]) < len(ENDS) and found["setting"] == "intensive care"
    for number, one in enumerate(found["bins"]):
        inside = [n for n, place in enumerate(places) if place == number]
        own = {k: v for k, v in one.items() if k not in ("from", "to", "lacking")}
        assert own == counted(rows, inside) and own["patients"] >= ENOUGH
        for grade, part in enumerate(one["lacking"]):
            chosen = [n for n in inside if bisect_right(LACKING, rows.lacking[n]) == grade]
            assert part == counted(rows, chosen)
    assert sum(one["rows"] for one in found["bins"]) == len(rows.event)
    assert [one["to"] for one in found["bins"][:-1]] == edges[1:]


def test_percentiles_are_of_all_rows_and_of_each_stays_highest(rows):
    """Half of the rows lie below the fiftieth; the highest of each stay lie higher."""
    found = population(rows, None)
    assert np.mean(rows.risk < found["percentiles"][50]) == pytest.approx(0.5, abs=0.01)
    highest = {}
    for stay, risk in zip(rows.stay, rows.risk, strict=True):
        highest[stay] = max(risk, highest.get(stay, 0.0))
    assert found["highest"][50] == pytest.approx(np.median(list(highest.values())), rel=1e-5)
    assert len(found["percentiles"]) == len(found["highest"]) == 101


def test_a_model_without_certainty_tells_nothing_of_what_was_lacking(rows):
    found = population(replace(rows, lacking=np.full(len(rows.event), math.nan)), None)
    assert found["lacking"] == [] and all(one["lacking"] == [] for one in found["bins"])


def test_risks_that_are_all_alike_are_one_bin():
    """Few rows, or one risk for all, make few bins and no empty ones."""
    found = population(invented_rows.rows([0, 1, 2], [1, 1, 1], [0.2, 0.2, 0.2], [0, 1, 0]), None)
    assert [one["rows"] for one in found["bins"]] == [3]
