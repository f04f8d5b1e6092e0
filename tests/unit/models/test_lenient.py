"""Bytes that are not quite JSON, and members written twice: one bad item costs only itself."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.patient.chart import Chart
from models.reading.fhir import FhirError, parse
from models.reading.lenient import names_twice, plain
from models.reading.reader import read_chart
from tests.conftest import AT, bundle, observation, patient

GOOD = observation("spo2", 97, 1)
TEXT = msgspec.json.encode(observation("heart_rate", 80, 1)).decode()
OLDER = observation("heart_rate", 72, 3)


def chart(item: str | bytes, *others: dict, raw: bool = False) -> Chart:
    """Return the chart of a page that holds an entry as it stands, and good ones."""
    item = item.encode() if isinstance(item, str) else item
    rest = b",".join(msgspec.json.encode({"resource": one}) for one in (patient(), *others))
    page = b'{"resourceType":"Bundle","entry":[{"resource":' + item + b"}," + rest + b"]}"
    document = parse(msgspec.Raw(page) if raw else page)
    return read_chart(document.resources, "p1", AT, document.malformed)


def without(change: tuple[str, str]) -> str:
    assert change[0] in TEXT
    return TEXT.replace(*change, 1)


@pytest.mark.rule("B4")
@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        TEXT[:-1] + r',"note":[{"text":"\ud83d"}]}',
        TEXT[:-1] + r',"note":[{"text":"\ude00 late"}]}',
        TEXT[:-1] + ',"note":[{"text":"a\tb\nc"}]}',
        TEXT[:-1] + ',"extension":[{"url":"x","valueDecimal":1e400}]}',
        TEXT[:-1] + ',"extension":[{"url":"x","valueDecimal":NaN}]}',
        TEXT[:-1] + f',"extension":[{{"url":"x","valueInteger":{"9" * 5000}}}]}}',
        TEXT.encode()[:-1] + b',"note":[{"text":"caf\xe9"}]}',
        TEXT.encode()[:-1] + b',"note":[{"text":"\xed\xa0\xbd"}]}',
    ],
    ids=lambda text: repr(text[-40:]),
)
def test_what_no_reading_needs_costs_nothing(text, raw):
    """Half an emoji, a bare tab, a number beyond all bounds in a member that is never used."""
    found = chart(text, GOOD, raw=raw)
    assert {r.variable for r in found.readings} == {"spo2", "heart_rate"} and not found.rejected


@pytest.mark.rule("B4")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (('"value":80', '"value":1e400'), "range"),
        (('"value":80', '"value":-1e999'), "range"),
        (('"value":80', '"value":' + "9" * 5000), "range"),
        (('"value":80', '"value":NaN'), "value"),
        (('"value":80', '"value":"eighty"'), "malformed"),
        (('"value":80', '"value":80,"value":150'), "malformed"),
        (('"status":"final"', '"status":"entered-in-error","status":"final"'), "malformed"),
        (('"status":"final"', '"status":"final","status":"final"'), "malformed"),
        (('"valueQuantity":{', '"note":[{"text":"a","text":"b"}],"valueQuantity":{'), "malformed"),
        (('"id":"heart_rate-1"', '"id":7'), "malformed"),
    ],
    ids=str,
)
def test_a_bad_item_costs_itself_and_blinds_its_variable(change, reason):
    """The rest of the page is read; the older value of that variable is not believed any more."""
    found = chart(without(change), GOOD, OLDER)
    assert {(r.variable, r.value) for r in found.readings} == {("spo2", 97), ("heart_rate", 72)}
    assert found.rejected == {reason: 1}
    assert [(u.variable, u.reason) for u in found.unusable] == [("heart_rate", reason)]


@pytest.mark.parametrize(
    "change",
    [
        ('"subject":{', '"subject":{"reference":"Patient/p2"},"subject":{'),
        ('"code":{', '"code":{"text":"a"},"code":{'),
        ('"code":"8867-4"', '"code":"8867-4","code":"9279-1"'),
    ],
    ids=str,
)
def test_of_whom_or_what_it_is_is_never_guessed(change):
    """Where patient or code is written twice, nothing is known to be about a variable."""
    found = chart(without(change), GOOD, OLDER)
    assert found.rejected == {"malformed": 1} and found.unusable == ()
    assert len(found.readings) == 2


def test_a_patient_written_twice_is_no_patient():
    """The age is not known then, rather than one of two."""
    person = msgspec.json.encode(patient()).decode()
    twice = person[:-1] + ',"birthDate":"2019-01-01"}'
    document = parse(f'{{"resourceType":"Bundle","entry":[{{"resource":{twice}}}]}}'.encode())
    assert document.resources == [] and document.malformed == 1


@pytest.mark.parametrize(
    "raw",
    [
        b'{"resourceType":"Bundle","entry":[],"entry":[]}',
        b'{"resourceType":"Bundle","entry":[',
        b"[" * 5000,
        b"NaN",
        b"\xff\xfe",
    ],
)
def test_a_page_that_is_none_is_said(raw):
    """Half of a page, or one that holds its entries twice, is no page: the part could not be
    read.
    """
    with pytest.raises(FhirError):
        parse(raw)


def test_links_and_total_survive_the_lenient_way():
    """A page with one bad entry still leads to the next one."""
    link = [{"relation": "next", "url": "https://ehr.example/page2"}, 7, {"relation": "next"}]
    page = msgspec.json.encode(bundle([GOOD, OLDER], link=link)).replace(b"97", b"1e400")
    document = parse(page)
    assert document.next == "https://ehr.example/page2" and document.total == 2
    assert len(document.resources) == 2


def test_half_characters_never_reach_what_is_kept():
    """A text with half a character can't be stored or sent by anybody: it is mended where it is
    read.
    """
    named = TEXT.replace('"code":"8867-4"', '"code":"x"').replace(
        '"code":{', '"code":{"text":"Puls\\ud83d",', 1
    )
    found = chart(named, GOOD)
    assert msgspec.json.encode(found.as_json()) and found.left_out[0].label.startswith("Puls")


TWICE = [
    b'{"a":1,"a":1}',
    b'{"a":1,"b":{"c":[{"d":1,"d" :2}]}}',
    b'{"a" :1,"a"\n:":"}',
    b'{"a":1,"\\u0061":2}',
    b'{"a:b":1,"a\\u003ab":2}',
    b'{"a":"\\u003a","b":1,"b":2}',
    b'{"a":"x:y","a":"x"}',
]


@pytest.mark.rule("B4")
@pytest.mark.parametrize("text", TWICE)
def test_a_member_written_twice_is_found_however_it_is_written(text):
    """Spaces, escapes and colons in texts hide none."""
    assert names_twice(text) and plain(text) is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(':"\\ab é', max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(':"ab', max_size=2), inner),
    max_leaves=12,
)


@pytest.mark.rule("B4")
@settings(max_examples=300, deadline=None, derandomize=True)
@given(VALUES, st.sampled_from([(",", ":"), (" , ", " : ")]), st.booleans(), st.data())
def test_what_is_written_once_is_read_and_what_is_written_twice_never(value, marks, ascii, data):
    """Of any value: as json reads it; with one of its members written again there is none."""
    text = json.dumps(value, separators=marks, ensure_ascii=ascii)
    assert plain(text.encode()) == value and not names_twice(text.encode())
    objects = [n for n, mark in enumerate(text) if mark == "{" and _object_at(text, n)]
    if objects:
        start = data.draw(st.sampled_from(objects)) + 1
        name = next(iter(json.JSONDecoder().raw_decode(text, start - 1)[0]))
        again = f"{text[:start]}{json.dumps(name)}:[],{text[start:]}".encode()
        assert plain(again) is None and names_twice(again)


def _object_at(text: str, start: int) -> bool:
    """Tell whether an object with members begins there."""
    try:
        return bool(json.JSONDecoder().raw_decode(text, start)[0])
    except ValueError:
        return False


@pytest.mark.rule("B4")
def test_a_byte_order_mark_is_passed_over():
    """RFC 8259 8.1 lets a reader do so; a chart is not unread for three bytes."""
    page = b'\xef\xbb\xbf{"resourceType":"Bundle","entry":[{"resource":' + TEXT.encode() + b"}]}"
    assert [one.resourceType for one in parse(page).resources] == ["Observation"]
