"""Queries and vocabulary: one list for prefetch, fetch and SMART; codes and units that hold by
rule.
"""

import re
from datetime import UTC, datetime
from functools import cache

import pytest

from models.patient.vocabulary import BY_CODE, VARIABLES
from models.reading.queries import searches
from models.reading.units import converted

TEMPLATES = searches("{{context.patientId}}")


@pytest.mark.rule("R36")
@pytest.mark.rule("R37")
@pytest.mark.rule("R38")
@pytest.mark.rule("R39")
def test_queries_keep_to_the_recommended_subset():
    """Only a read and type searches with equality, one date bound, _sort and _count."""
    for query in searches("p1", datetime(2026, 3, 1, tzinfo=UTC)).values():
        path, _, rest = query.partition("?")
        assert re.fullmatch(r"Patient/p1|Observation", path)
        names = [part.partition("=")[0] for part in rest.split("&") if part]
        assert set(names) <= {"patient", "code", "date", "_sort", "_count"} and len(
            set(names)
        ) == len(names)


@pytest.mark.rule("R42")
@pytest.mark.rule("R45")
def test_templates_are_the_fetched_queries_with_a_token_in_place_of_the_patient():
    """Prefetch and fetch can't drift apart, and no template needs 3.0."""
    for key, query in searches("123").items():
        assert TEMPLATES[key].replace("{{context.patientId}}", "123") == query
        assert set(re.findall(r"\{\{(.*?)\}\}", TEMPLATES[key])) == {"context.patientId"}


def test_a_server_is_asked_for_no_more_than_it_gives():
    """No _sort where it is not listed, and no page longer than allowed."""
    asked = searches("p1", newest_first=False, page_size=100)
    assert all("_sort" not in query for query in asked.values())
    assert asked["vitals"].endswith("&_count=100") and asked["labs"].endswith("&_count=100")
    assert searches("p1", page_size=250)["labs"].endswith("&_count=200")


def test_queries_fit_an_iis_query_string():
    """IIS refuses query strings above 2,048 characters by default."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    assert max(len(query) for query in searches("e0w0LEDCYtfckT6N.CkJKCw3", at).values()) < 1500


def test_every_loinc_code_has_its_right_check_digit_and_one_variable():
    """LOINC's check digit (mod 10) catches a mistyped code."""
    assert len(BY_CODE) == sum(len(v.loinc) for v in VARIABLES.values())
    for code in BY_CODE:
        digits, check = code.split("-")
        doubled = [sum(divmod(int(d) * (2 - i % 2), 10)) for i, d in enumerate(reversed(digits))]
        assert (10 - sum(doubled) % 10) % 10 == int(check), code


MOLAR = {
    "lactate": 90.08,
    "creatinine": 113.12,
    "glucose": 180.16,
    "bilirubin": 584.67,
    "haemoglobin": 16114.0,
    "bun": 28.014,
}


@pytest.mark.parametrize(
    ("name", "unit"), [(v.name, unit) for v in VARIABLES.values() for unit in v.units]
)
def test_each_conversion_equals_a_ucum_librarys(name, unit):
    """Every factor of the table is what pint says of the UCUM codes, with the molar mass where
    one is needed.
    """
    variable, registry = VARIABLES[name], _registry()
    if unit.startswith("{") or variable.unit in {"{score}", "[pH]"}:
        assert variable.units[unit] == (1.0, 0.0)
        return
    source, target = (
        registry.from_ucum(unit.replace("meq", "mmol")),
        registry.from_ucum(variable.unit),
    )
    context = _molar(registry, MOLAR.get(name))
    expected = registry.Quantity(20.0, source).to(target, *context).magnitude
    assert converted(variable, None, 20.0, unit) == pytest.approx(expected, rel=2e-4)


@cache
def _registry():
    """The library's units, which take half a second to read."""
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry()


def _molar(registry, mass):
    if mass is None:
        return ()
    import pint

    context = pint.Context()
    grams = mass * registry.gram / registry.mole
    context.add_transformation(
        "[substance]/[length]**3", "[mass]/[length]**3", lambda _, x: x * grams
    )
    context.add_transformation(
        "[mass]/[length]**3", "[substance]/[length]**3", lambda _, x: x / grams
    )
    return (context,)
