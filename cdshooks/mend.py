"""Turns a body that is not quite JSON into one that is, so that one bad entry inside `prefetch`
costs only itself (B2).

Only a body that could not be read comes here. Half a surrogate pair, a control character in a text,
NaN and Infinity are replaced, each by something that holds MARK: where a mark stands outside of
`prefetch`, the body is refused as it would have been.
"""

import re

# U+10FFFF, as JSON escapes it: a noncharacter, never used in interchange.
MARK = rb"\udbff\udfff"
# Possessive (`++`, `*+`): a text without an end is given up at once (B7).
TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|-?Infinity|NaN', re.DOTALL)
BAD = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a whole pair: kept
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"  # half of one
    rb"|\\."  # any other escape: kept
    rb"|[\x00-\x1f]",
    re.DOTALL,
)


def mended(body: bytes) -> bytes:
    """Return the body with what is no JSON inside texts and numbers replaced; the rest as it is."""
    return TOKEN.sub(_token, body)


def _token(match: re.Match[bytes]) -> bytes:
    text = match[0]
    return BAD.sub(_piece, text) if text[:1] == b'"' else b'"' + MARK + text + b'"'


def _piece(match: re.Match[bytes]) -> bytes:
    piece = match[0]
    half = len(piece) == 6 and piece[:2] == b"\\u"
    return MARK if half or len(piece) == 1 else piece
