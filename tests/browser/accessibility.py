"""Judges a page by axe-core, and measures the contrast that axe-core leaves open."""

import io

from PIL import Image

from smartapp.styling.colour import Colour, contrast

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """
async tags => {
  const found = await axe.run(document, {runOnly: {type: "tag", values: tags}, resultTypes: ["violations", "incomplete"]});
  const told = one => one.nodes.map(node => ({rule: one.id, help: one.help, target: node.target.flat(), why: node.failureSummary}));
  return {
    violations: found.violations.flatMap(told),
    incomplete: found.incomplete.filter(one => one.id !== "color-contrast").flatMap(told),
  };
}
"""
# Every element with words of its own that can be seen, with its colour, size and weight. Its words are hidden
# while the ground is looked at.
WORDS = """
() => {
  const found = [];
  // What is scrolled out of a box of its own lies behind something else.
  const outside = (one, box) => {
    for (let up = one.parentElement; up && up !== document.body; up = up.parentElement) {
      const style = getComputedStyle(up), edge = up.getBoundingClientRect();
      if (style.overflowX !== "visible" && (box.right > edge.right + 1 || box.left < edge.left - 1)) return true;
      if (style.overflowY !== "visible" && (box.bottom > edge.bottom + 1 || box.top < edge.top - 1)) return true;
    }
    return false;
  };
  for (const one of document.querySelectorAll("body *")) {
    const own = [...one.childNodes].filter(n => n.nodeType === 3 && n.textContent.trim());
    if (!own.length || ["SCRIPT", "STYLE", "TITLE", "DESC", "NOSCRIPT", "OPTION", "TEXTAREA"].includes(one.tagName.toUpperCase())) continue;
    const range = document.createRange();
    range.selectNodeContents(own[0]);
    const style = getComputedStyle(one), svg = one.closest("svg") !== null;
    if (style.visibility !== "visible" || !one.checkVisibility({opacityProperty: true}) || one.closest("[disabled]")) continue;
    // Each line by itself: around two of them may stand something else.
    for (const box of range.getClientRects()) {
      if (!box.width || !box.height || outside(one, box)) continue;
      found.push({
        words: own[0].textContent.trim().slice(0, 40), tag: one.tagName, class: String(one.getAttribute("class")),
        colour: svg ? style.fill : style.color, size: parseFloat(style.fontSize), bold: parseInt(style.fontWeight) >= 700,
        halo: svg && style.paintOrder.startsWith("stroke") && style.stroke !== "none" ? style.stroke : null,
        box: [box.x + scrollX, box.y + scrollY, box.width, box.height],
      });
    }
  }
  return found;
}
"""
HIDE = """
hide => {
  const sheet = window.hiding || (window.hiding = new CSSStyleSheet());
  sheet.replaceSync(hide ? "* { color: transparent !important; } svg text { fill: transparent !important; stroke: none !important; } * { transition: none !important; animation: none !important; }" : "");
  if (!document.adoptedStyleSheets.includes(sheet)) document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}
"""
# A colour that covers less of the ground behind a word is a line or the edge of something.
SHARE = 0.12
PIECE = 8000


def judged(page, axe: str) -> dict[str, list[dict]]:
    """Return what axe-core finds on a page or in a frame, contrast left out of `incomplete`."""
    page.evaluate(axe)
    return page.evaluate(RUN, TAGS)


def too_faint(page) -> list[str]:
    """Return the words of a page whose contrast to what lies behind them is under WCAG's 4.5, or 3
    where they are large.

    What lies behind is looked at: a picture of the page without its words.
    """
    page.evaluate(HIDE, False)
    words = page.evaluate(WORDS)
    page.evaluate(HIDE, True)
    ground = _picture(page)
    page.evaluate(HIDE, False)
    found = []
    for word in words:
        ratio = _worst(word, ground)
        large = word["size"] >= 24 or (word["bold"] and word["size"] >= 18.66)
        if ratio is not None and ratio < (3 if large else 4.5):
            found.append(f"{word['words']!r} ({word['tag']}.{word['class']}): {ratio:.2f}")
    return found


def _picture(page) -> Image.Image:
    """Return a picture of a whole page, in pieces: of one beyond 16,384 pixels Chromium gives back
    something else.
    """
    wide, high = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    )
    found = Image.new("RGB", (wide, high))
    for top in range(0, high, PIECE):
        piece = {"x": 0, "y": top, "width": wide, "height": min(PIECE, high - top)}
        taken = page.screenshot(full_page=True, clip=piece)
        found.paste(Image.open(io.BytesIO(taken)).convert("RGB"), (0, top))
    return found


def _worst(word: dict, ground: Image.Image) -> float | None:
    """Return the lowest contrast of a word's colour; None where it lies outside the picture."""
    x, y, width, height = word["box"]
    left, top = max(int(x), 0), max(int(y), 0)
    right, bottom = min(int(x + width) + 1, ground.width), min(int(y + height) + 1, ground.height)
    if right <= left or bottom <= top:
        return None
    part = ground.crop((left, top, right, bottom))
    colour = _rgb(word["colour"])
    if colour is None:
        return None
    behind = [_rgb(word["halo"])] if word["halo"] else _common(part)
    return min(contrast(colour, one) for one in behind if one)


def _common(part: Image.Image) -> list[Colour]:
    counted = part.getcolors(part.width * part.height) or []
    least = SHARE * part.width * part.height
    common = [colour for n, colour in counted if n >= least] or [max(counted)[1]]
    return [Colour(*colour) for colour in common]


def _rgb(text: str) -> Colour | None:
    inside = text.partition("(")[2].rstrip(")").replace(",", " ").replace("/", " ").split()
    numbers = [float(one) for one in inside]
    opaque = len(numbers) == 3 or numbers[3:] == [1.0]
    return Colour(*map(int, numbers[:3])) if opaque else None
