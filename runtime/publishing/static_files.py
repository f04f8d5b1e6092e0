"""Serves the files below static/, each under an address that holds its version, so that a browser
asks for it once and an upgrade is seen at once.
"""

import mimetypes
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import NotFound

from runtime.publishing.document import Document

VERSION = "v"


class StaticFiles:
    """The files that a folder held at the start; each is read once, as a template is."""

    def __init__(self, folder: Path):
        found = (path for path in folder.rglob("*") if path.is_file())
        self.paths = {path.relative_to(folder).as_posix(): path for path in found}
        self.read = cache(self._read)

    def answer(self, filename: str) -> Response:
        """Send a file; raises NotFound."""
        return self.read(filename).dated(request.args.get(VERSION))

    def stamp(self, endpoint: str, values: dict[str, Any]) -> None:
        """Add a file's version to its address, wherever one is made."""
        if endpoint == "static":
            values[VERSION] = self.read(values["filename"]).version

    def _read(self, filename: str) -> Document:
        if filename not in self.paths:
            raise NotFound
        kind = mimetypes.guess_type(filename)[0] or "application/octet-stream"
        return Document(self.paths[filename].read_bytes(), kind)


def install(app: Flask) -> None:
    """Let an application serve its static files this way."""
    if app.static_folder:
        files = StaticFiles(Path(app.static_folder))
        app.view_functions["static"] = files.answer
        app.url_defaults(files.stamp)
