"""Turns a body that is not quite JSON into one that is, so that one bad entry inside `prefetch`
costs only itself (B2).

Only a body that could not be read comes here. Half a surrogate pair, a control character in a text,
NaN and Infinity are replaced, each by something that holds MARK: where a mark stands outside of
`prefetch`, the body is refused as it would have been.
"""

import re

# U+10FFFF, as JSON escapes it: a noncharacter, never used in interchange.
MARK = rb"\udbff\udfff"
# A body with more is no chart with a slip in it, and mending costs time.
MOST_MENDED = 1000
PAIR = rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
GOOD = rb'[^"\\\x00-\x1f]++|\\[^u]|\\u[^dD]|\\u[dD][0-7]|' + PAIR
# First all that is good, then one thing that is not. Possessive throughout, a text without an end
# goes to the end, and the end itself is a thing: nothing is looked at twice (B7).
STRETCH = re.compile(
    rb'((?:[^"NI-]++|-(?!Infinity)|"(?:' + GOOD + rb')*+")*+)'
    rb'("(?:[^"\\]++|\\.)*+"?|-?Infinity|NaN|[NI]|\Z)',
    re.DOTALL,
)
IN_TEXT = re.compile(
    rb'((?:"|' + GOOD + rb")*+)(\\u[dD][89a-fA-F][0-9a-fA-F]{2}|[\x00-\x1f]|\\|\Z)", re.DOTALL
)


def mended(body: bytes) -> bytes:
    """Return the body with what is no JSON inside texts and numbers replaced; the rest as it is."""
    return STRETCH.sub(_stretch, body, MOST_MENDED)


def _stretch(match: re.Match[bytes]) -> bytes:
    good, bad = match[1], match[2]
    if bad[:1] == b'"':
        return good + IN_TEXT.sub(_piece, bad, MOST_MENDED)
    number = len(bad) > 1
    return good + (b'"' + MARK + bad + b'"' if number else bad)


def _piece(match: re.Match[bytes]) -> bytes:
    good, bad = match[1], match[2]
    return good + (MARK if bad and bad != b"\\" else bad)
