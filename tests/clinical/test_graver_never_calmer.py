"""Over generated charts: a card is never calmer than its values force it to be, and neither a worse
value, nor one that can't be read, nor one of somebody else makes it calmer.

What the values force is reckoned in tests/support/urgency_reference.py. A model may think a worse
value better, and its band then moves the card between info and warning; so what is compared is the
level that the values force, and the card may lie above it, never below.
"""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import observation, patient
from tests.support.open_vigil import OpenVigil, Told
from tests.support.urgency_reference import LEVELS, grade, least_level, points
from tests.support.values import (
    LEVELS_OF_CONSCIOUSNESS,
    NORMAL,
    RESULTS,
    SPANS,
    STRANGERS,
    UNUSABLE,
    WHOLE_RESULTS,
)


def tenths(low: float, high: float) -> st.SearchStrategy[float]:
    return st.integers(round(low * 10), round(high * 10)).map(lambda number: number / 10)


VALUES = {
    **{name: st.integers(*span).map(float) for name, span in (SPANS | WHOLE_RESULTS).items()},
    **{name: tenths(*span) for name, span in RESULTS.items()},
    "temperature": tenths(25, 42),
    "fio2": st.sampled_from([21.0, 28.0, 40.0]),
    "acvpu": st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0]),
}


@st.composite
def charts(draw: st.DrawFn) -> dict[str, float]:
    """Draw values of one moment: normal but for some that are drawn, and some that are missing."""
    some = st.sets(st.sampled_from([*VALUES]), max_size=4)
    gone, changed = draw(some), draw(some)
    kept = {name: value for name, value in NORMAL.items() if name not in gone}
    return kept | {name: draw(VALUES[name]) for name in sorted(changed)}


@pytest.fixture(scope="module")
def vigil(tmp_path_factory) -> OpenVigil:
    """One Vigil for all charts."""
    return OpenVigil(tmp_path_factory.mktemp("vigil"))


def resources(values: dict[str, float]) -> list[dict]:
    """Return the Observations of values, an hour old."""
    return [_consciousness(v) if n == "acvpu" else observation(n, v) for n, v in values.items()]


def _consciousness(value: float) -> dict:
    concept = {"text": LEVELS_OF_CONSCIOUSNESS[int(value)]}
    return observation("acvpu", 0, valueQuantity=None, valueCodeableConcept=concept)


def told(vigil: OpenVigil, found: list[dict]) -> Told:
    """Return the card of a 60-year-old."""
    return vigil.of(patient(born="1965-09-01"), found, [])


def at_least(level: str, floor: str) -> bool:
    return LEVELS.index(level) >= LEVELS.index(floor)


@settings(max_examples=150, deadline=None)
@given(values=charts())
def test_no_card_is_calmer_than_its_values(vigil, values):
    """NEWS2 of 7, three in one part, a rate of 0, a value beyond its limit: no model, no missing
    part and no other value takes that away.
    """
    card = told(vigil, resources(values))
    assert at_least(card.level, least_level(values)), (values, card.text)
    assert card.news2[0] == sum(points(values)), (values, card.text)


@settings(max_examples=100, deadline=None)
@given(values=charts(), data=st.data())
def test_a_graver_value_never_makes_a_calmer_card(vigil, values, data):
    """With as many points or more, and a limit's grade as high or higher, a card is at least what
    the milder values forced.
    """
    name = data.draw(st.sampled_from([*NORMAL]))
    graver = data.draw(VALUES[name].filter(lambda value: _graver(name, value, values.get(name))))
    card = told(vigil, resources(values | {name: graver}))
    assert at_least(card.level, least_level(values)), (values, name, graver, card.text)


def _graver(name: str, value: float, than: float | None) -> bool:
    if than is None:
        return True
    more = sum(points({name: value})) >= sum(points({name: than}))
    stands_still = value == 0 or than != 0
    return more and stands_still and at_least(grade(name, value), grade(name, than))


@settings(max_examples=60, deadline=None)
@given(
    values=charts(),
    name=st.sampled_from([*SPANS, "temperature"]),
    kind=st.sampled_from([*UNUSABLE]),
)
def test_what_cant_be_read_never_calms(vigil, values, name, kind):
    """A newest vital sign that can't be used is at least a warning and takes its points out of the
    certain ones; the other values force what they forced, and no band is called low.
    """
    unusable = observation(name, 1, 0.5, **UNUSABLE[kind])
    rest = {n: v for n, v in values.items() if n != name}
    card = told(vigil, [*resources(values), unusable])
    assert at_least(card.level, least_level(rest)) and at_least(card.level, "warning"), card.text
    assert card.news2[0] == sum(points(rest)) and card.news2[1] >= card.news2[0] + 3, card.text
    assert not re.search(r"NEWS2[^.\n]*\(low[^-]", card.text), card.text


@settings(max_examples=40, deadline=None)
@given(values=charts(), data=st.data())
def test_order_and_doublets_change_nothing(vigil, values, data):
    """Whatever the order, and whatever is sent twice, the card is as grave and begins the same."""
    found = resources(values)
    again = data.draw(st.lists(st.sampled_from(found), max_size=5) if found else st.just([]))
    mixed = data.draw(st.permutations([*found, *again]))
    one, other = told(vigil, found), told(vigil, mixed)
    assert (one.level, one.summary, one.news2) == (other.level, other.summary, other.news2)


@settings(max_examples=60, deadline=None)
@given(
    values=charts(),
    name=st.sampled_from([*SPANS, "temperature"]),
    kind=st.sampled_from([*STRANGERS]),
    data=st.data(),
)
def test_what_was_never_about_the_patient_changes_nothing(vigil, values, name, kind, data):
    """A normal or a grave value of somebody else neither calms nor alarms."""
    stranger = observation(name, data.draw(VALUES[name]), 0.5, id="stranger", **STRANGERS[kind])
    found = resources(values)
    one, other = told(vigil, found), told(vigil, [*found, stranger])
    assert (one.level, one.summary, one.news2) == (other.level, other.summary, other.news2)
