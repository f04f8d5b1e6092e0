"""The strict JSON reader, and the skeleton of a request."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdshooks import hooks, strict_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(VALUES)
def test_good_json_is_read_as_json_reads_it(value):
    assert strict_json.read(json.dumps(value).encode()) == value


@pytest.mark.rule("B2")
@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}',
        "NaN",
        "[Infinity]",
        "1e999",
        "9" * 401,
        "[" * 65 + "]" * 65,
        "[" * 10_000,
        "{",
        "\ufeff1",
    ],
)
def test_bad_json_is_refused(text):
    with pytest.raises(strict_json.StrictError):
        strict_json.read(text.encode())


def test_64_levels_are_allowed():
    assert strict_json.read(b"[" * 63 + b"1" + b"]" * 63)


def skeleton(**members):
    body = json.dumps(members).encode()
    raw = msgspec.json.decode(
        msgspec.json.decode(body, type=dict[str, msgspec.Raw])["prefetch"],
        type=dict[str, msgspec.Raw],
    )
    return strict_json.read(hooks._skeleton(body, raw))


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), VALUES)
def test_the_skeleton_is_json_with_the_same_keys(prefetch, extension):
    read = skeleton(extension=extension, prefetch=prefetch, after=[extension])
    assert set(read["prefetch"]) == set(prefetch)


def test_prefetched_objects_are_cut_out_and_nothing_else():
    read = skeleton(
        hook="x",
        number=12,
        prefetch={"a": {"b": [1]}, "c": 1, "d": "hook", "e": [{}]},
        after={"b": []},
    )
    assert read == {
        "hook": "x",
        "number": 12,
        "prefetch": {"a": None, "c": 1, "d": "hook", "e": None},
        "after": {"b": []},
    }
