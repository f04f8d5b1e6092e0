"""Turns the cards of a service into what the chart page shows, and leaves out what a client must
not show (R64-R74, R86-R88).
"""

from collections.abc import Container
from typing import Any
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt

from demo.playing.clients import GENERIC, Played

INDICATORS = {"info": "Information", "warning": "Warning", "critical": "Critical"}
TAGS = {
    "p", "br", "hr", "em", "strong", "s", "del", "code", "pre", "blockquote", "ul", "ol", "li",
    "h1", "h2", "h3", "h4", "h5", "h6", "a", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
# What this client creates at a suggestion; another type of resource is not carried out.
CREATED = "ServiceRequest"
# GitHub Flavored Markdown without its HTML: a card's text may hold a patient's words (R70).
_markdown, _with_html = (
    MarkdownIt("commonmark", {"html": html}).enable(["table", "strikethrough"])
    for html in (False, True)
)


def view(card: Any, vigil_url: str, played: Played = GENERIC) -> dict[str, Any] | None:
    """Return what the client that is played shows of a card, None when it breaks a MUST of the
    standard or is none that this client can show.
    """
    source = card.get("source") if isinstance(card, dict) else None
    if (
        not isinstance(source, dict)
        or not isinstance(source.get("label"), str)
        or not _is_one_of(card.get("indicator"), INDICATORS)
    ):
        return None
    if not isinstance(card.get("summary"), str) or not card["summary"]:
        return None
    if card.get("suggestions") and not _is_one_of(card.get("selectionBehavior"), played.selections):
        return None
    return {
        "summary": card["summary"],
        "indicator": card["indicator"],
        "word": INDICATORS[card["indicator"]],
        "detail": detail(card.get("detail"), played.html),
        "source": {"label": source["label"], "url": _web(source.get("url"))},
        "icon": _icon(source, vigil_url) if played.icon else None,
        "links": [
            found
            for number, link in enumerate(_dicts(card.get("links")))
            if (found := _link(number, link, vigil_url, played))
        ],
        "suggestions": [
            {"number": number, "label": label, "recommended": one.get("isRecommended") is True}
            for number, one in enumerate(_dicts(card.get("suggestions")))
            if (label := _words(one, played)) and _orders(one)
        ],
        "one_only": card.get("selectionBehavior") == "at-most-one",
        # What can't be told to the service can't be dismissed.
        "uuid": name if played.feedback and isinstance(name := card.get("uuid"), str) else None,
        "reasons": [
            r
            for r in _dicts(card.get("overrideReasons"))
            if isinstance(r.get("code"), str) and isinstance(r.get("display"), str)
        ],
    }


def detail(text: object, html: bool = False) -> str:
    """Return a card's Markdown as HTML that holds no script, image, style or form; `html` lets
    through what HTML the text has of its own.
    """
    if not isinstance(text, str):
        return ""
    return nh3.clean(
        (_with_html if html else _markdown).render(text),
        tags=TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https"},
        link_rel="noopener noreferrer",
    )


def smart_link(card: Any, number: int, vigil_url: str) -> dict[str, Any] | None:
    """Return link `number` of a card if it is a SMART link to the registered app."""
    links = _dicts(card.get("links")) if isinstance(card, dict) else []
    found = links[number] if 0 <= number < len(links) else None
    return (
        found
        if found and found.get("type") == "smart" and is_registered(found.get("url"), vigil_url)
        else None
    )


def suggestion(card: Any, number: int) -> tuple[str | None, list[dict[str, Any]]]:
    """Return the uuid of suggestion `number`, by which feedback names it, and the resources that
    applying it creates: all of its actions or none (R78). Nothing where it can't be applied.
    """
    listed = _dicts(card.get("suggestions")) if isinstance(card, dict) else []
    found = listed[number] if 0 <= number < len(listed) else {}
    name = found.get("uuid")
    return name if isinstance(name, str) else None, _orders(found)


def _words(suggestion: dict[str, Any], played: Played) -> str:
    """Return what a suggestion is shown by; nothing where this client can't show it."""
    actions = _dicts(suggestion.get("actions"))
    if played.described and len(actions) != 1:
        return ""
    words = actions[0].get("description") if played.described else suggestion.get("label")
    return words if isinstance(words, str) else ""


def _orders(suggestion: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a suggestion creates; nothing where one of its actions is none that this client
    carries out.
    """
    actions = _dicts(suggestion.get("actions"))
    made = [action.get("resource") for action in actions if action.get("type") == "create"]
    orders = [
        resource
        for resource in made
        if isinstance(resource, dict) and resource.get("resourceType") == CREATED
    ]
    return orders if len(orders) == len(actions) else []


def _link(
    number: int, link: dict[str, Any], vigil_url: str, played: Played
) -> dict[str, Any] | None:
    label, kind = link.get("label"), link.get("type")
    if not isinstance(label, str) or not _is_one_of(kind, {"absolute", "smart"}):
        return None
    # Like a hospital's EHR: an app that nobody registered is not opened.
    if kind == "smart":
        return (
            {"label": played.link_label or label, "type": kind, "number": number}
            if is_registered(link.get("url"), vigil_url)
            else None
        )
    url = _web(link.get("url"))
    if not url or (played.listed and not is_registered(url, vigil_url)):
        return None
    return {"label": played.link_label or label, "type": kind, "url": url}


def is_registered(url: object, vigil_url: str) -> bool:
    """Tell whether a URL is below the one registered app."""
    if (
        not isinstance(url, str)
        or "#" in url
        or any(character <= " " or character == "\\" for character in url)
    ):
        return False
    return url.startswith(f"{vigil_url}/")


def _icon(source: dict[str, Any], vigil_url: str) -> str | None:
    # The page's policy lets in no image of another origin.
    return source["icon"] if is_registered(source.get("icon"), vigil_url) else None


def _web(url: object) -> str | None:
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in {"http", "https"} and parts.hostname else None


def _is_one_of(value: object, allowed: Container[str]) -> bool:
    # A list or an object where a code belongs can't even be looked up.
    return isinstance(value, str) and value in allowed


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
