"""Turns a document without patient data into answers that anybody may keep: with an ETag, and
compressed once for whoever takes that (D3, R22).

Only such a document is ever compressed. A page of a session holds a secret (the token of its forms)
beside what a request may choose, and the length of a compressed answer would give the one away by
the other (BREACH). So those pages leave as they are, and a proxy should compress nothing either.
"""

import gzip
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from flask import Response, request

# Kept, and asked for again each time.
ASKED_AGAIN = "no-cache"
# A model in service may be another one at any time: its pages may be so many seconds older.
BRIEFLY = "public, max-age=300"
# What has its version in the address never changes there.
FOR_GOOD = "public, max-age=31536000, immutable"
# Pictures are compressed already.
PACKED = ("text/", "application/json", "application/javascript", "image/svg+xml")


@dataclass(frozen=True)
class Document:
    """The bytes of a document and what they are; `keep` is its Cache-Control."""

    body: bytes
    mimetype: str
    keep: str = BRIEFLY

    @cached_property
    def version(self) -> str:
        """Return what changes with the document: 16 hex digits."""
        return sha256(self.body).hexdigest()[:16]

    @cached_property
    def packed(self) -> bytes | None:
        """Return the document compressed; None where that makes it no smaller."""
        if not self.mimetype.startswith(PACKED):
            return None
        packed = gzip.compress(self.body, mtime=0)
        return packed if len(packed) < len(self.body) else None

    def answer(self, keep: str | None = None) -> Response:
        """Return the answer to the request at hand: the document, or that it is still the same."""
        packed = self.packed if request.accept_encodings["gzip"] > 0 else None
        headers = {"Cache-Control": keep or self.keep}
        if self.packed:
            headers["Vary"] = "Accept-Encoding"
        if packed:
            headers["Content-Encoding"] = "gzip"
        response = Response(packed or self.body, mimetype=self.mimetype, headers=headers)
        # Weak, as it stands for the compressed bytes too.
        response.set_etag(self.version, weak=True)
        response.make_conditional(request)
        return response

    def dated(self, version: str | None) -> Response:
        """Return the answer to a request whose address named a version: it is kept for good where
        that is the one there is.
        """
        return self.answer(FOR_GOOD if version == self.version else None)
