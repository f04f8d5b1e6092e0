"""Turns values into text that is only text in GitHub Flavored Markdown, raw HTML and autolinks
included (D1, R70).
"""

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

LONGEST = 80
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_MARKS = {mark: f"\\{mark}" for mark in "\\`*_{}[]#|~!$^="}
_CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]
_BIDI = [0x061C, 0x200B, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF]
_TABLE = dict.fromkeys(_CONTROLS + _BIDI) | {
    ord(mark): text for mark, text in (_ENTITIES | _MARKS).items()
}


def escape(text: str) -> str:
    """Return text without control and direction marks, in which nothing is markup, a link or an
    address.
    """
    text = text.translate(_TABLE)
    # Autolinks are found in the text after escapes are undone, so they have to be broken, not
    # escaped.
    return text.replace("://", ": //").replace("www.", "www .").replace("@", " at ")


def load(folder: str, name: str) -> Template:
    """Return a template, compiled once; each value it prints is escaped and cut to 80
    characters.
    """
    environment = Environment(
        loader=FileSystemLoader(folder),
        finalize=_finalize,
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["sentence"] = lambda text: Markup(escape(text))
    return environment.get_template(name)


def _finalize(value: object) -> object:
    return value if isinstance(value, Markup) else escape(str(value)[:LONGEST])
