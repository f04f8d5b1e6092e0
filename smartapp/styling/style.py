"""Turns an EHR's style (SMART 2.2) into a stylesheet of ours, so far as it stays readable.

Taken are the ground and the text, two fonts, and the size of text and of corners. What marks a risk
keeps its colours, and the dark scheme its own; a style in which any of our texts would fall below
WCAG AA gives no colours at all.
"""

import re
from pathlib import Path
from typing import Any

import msgspec

from smartapp.styling.colour import Colour, colour, contrast

AA_TEXT = 4.5
SHEET = Path(__file__).parents[2] / "static" / "app.css"
PALETTE = re.compile(r"--([a-z-]+):\s*(#[0-9a-f]{6})")
# Grounds of our own, which text stands on; the others are inks.
GROUNDS = {"ground", "panel", "note", "warn", "rule", "grid", "calm", "points"}
FONTS = re.compile(r"[A-Za-z0-9 ,_'\"-]{1,200}")
SIZE = re.compile(r"(\d{1,3}(?:\.\d{1,3})?)(px|pt|em|rem|%)")
PIXELS = {"px": 1.0, "pt": 4 / 3, "em": 16.0, "rem": 16.0, "%": 0.16}
# Pixels: text may not become too small to read, nor so large that the page falls apart.
TEXT, CORNER = (14.0, 20.0), (0.0, 16.0)


def stylesheet(body: bytes) -> str:
    """Return the stylesheet of a style document; empty where nothing of it can be used."""
    try:
        style = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(style, dict):
        return ""
    return "\n".join(filter(None, (_colours(style), *_fonts(style), *_sizes(style))))


def _colours(style: dict[str, Any]) -> str:
    """Return the ground and what is mixed of it; it is for screens in the light scheme alone."""
    ground, ink = colour(style.get("color_background")), colour(style.get("color_text"))
    if ground is None or ink is None:
        return ""
    made = {
        "ground": ground,
        "panel": ground.toward(ink, 0.04),
        "rule": ground.toward(ink, 0.25),
        "grid": ground.toward(ink, 0.12),
        "ink": ink,
    }
    if not _readable(made):
        return ""
    values = " ".join(f"--{name}: {value};" for name, value in made.items())
    return f"@media screen and (prefers-color-scheme: light) {{ :root {{ {values} }} }}"


def _readable(made: dict[str, Colour]) -> bool:
    """Tell whether each ink, ours and theirs, has the contrast of AA on both grounds, and theirs on
    ours too.
    """
    inks = {name: one for name, one in _ours().items() if name not in GROUNDS} | {
        "ink": made["ink"]
    }
    texts = [one for name, one in inks.items() if not name.startswith("on-")]
    below = (made["ground"], made["panel"])
    boxes = [one for name, one in _ours().items() if name in {"note", "warn"}]
    return all(contrast(ink, ground) >= AA_TEXT for ink in texts for ground in below) and all(
        contrast(made["ink"], box) >= AA_TEXT for box in boxes
    )


def _ours() -> dict[str, Colour]:
    """Return our own colours of the light scheme, from the sheet that every page has."""
    first = SHEET.read_text("utf-8").partition(":root")[2].partition("}")[0]
    found = {name: colour(value) for name, value in PALETTE.findall(first)}
    return {name: value for name, value in found.items() if value}


def _fonts(style: dict[str, Any]) -> list[str]:
    places = {
        "font_family_body": "html, button, input, select",
        "font_family_heading": "h1, h2, h3",
    }
    found = {place: style.get(name) for name, place in places.items()}
    return [
        f"{place} {{ font-family: {fonts}, system-ui, sans-serif; }}"
        for place, fonts in found.items()
        if isinstance(fonts, str) and FONTS.fullmatch(fonts) and _balanced(fonts)
    ]


def _balanced(fonts: str) -> bool:
    """Tell whether each quote is closed, and no name of the list is empty."""
    names = [name.strip() for name in fonts.split(",")]
    whole = re.compile(r"\"[^'\"]+\"|'[^'\"]+'|[A-Za-z][A-Za-z0-9 _-]*")
    return all(whole.fullmatch(name) for name in names)


def _sizes(style: dict[str, Any]) -> list[str]:
    text = _pixels(style.get("dim_font_size"), *TEXT)
    corner = _pixels(style.get("dim_border_radius"), *CORNER)
    return [
        *([f"html {{ font-size: {text:g}px; }}"] if text is not None else []),
        *([f".button, button {{ border-radius: {corner:g}px; }}"] if corner is not None else []),
    ]


def _pixels(text: object, least: float, most: float) -> float | None:
    """Return a size in pixels, None for one of another form or outside of what we bear."""
    found = SIZE.fullmatch(text.strip()) if isinstance(text, str) else None
    pixels = float(found[1]) * PIXELS[found[2]] if found else None
    return pixels if pixels is not None and least <= pixels <= most else None
