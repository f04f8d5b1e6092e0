"""Each word by which a call is refused has its meaning, and stands in docs/strictness.md."""

import re
from pathlib import Path

from ehr import refusals

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "strictness.md").read_text("utf-8")


def used_words():
    """Return the words that the code refuses by, as they are written in it."""
    for name in ("cdshooks/auth.py", "ehr/jws.py"):
        text = (ROOT / name).read_text("utf-8")
        yield from re.findall(r'(?:Refused|_unsigned)\(\s*"([a-z ]+)"[,)]', text)
    text = (ROOT / "cdshooks" / "claims.py").read_text("utf-8")
    yield from re.findall(r'(?:return|else|None if .* else) "([a-z ]+)"', text)


def test_every_word_that_is_used_is_explained():
    found = set(used_words())
    assert {"malformed", "algorithm", "header", "jti", "lifetime", "tenant"} <= found
    assert not [word for word in found if refusals.meaning(word) is None]


def test_every_word_stands_in_the_table_of_checks():
    assert not [word for word in refusals.REFUSALS if not re.search(rf"\b{word}\b", DOCUMENT)]


def test_every_module_that_the_table_names_is_there():
    named = set(re.findall(r"`((?:cdshooks|ehr|runtime|smartapp)/\w+\.py)`", DOCUMENT))
    assert len(named) >= 8 and not [name for name in named if not (ROOT / name).is_file()]


def test_a_reason_of_several_words_is_read_word_by_word():
    found = refusals.meaning("audience, key set: timeout")
    assert "public_url" in found and "can't be read" in found
    assert refusals.meaning("The body is not UTF-8.") is None
