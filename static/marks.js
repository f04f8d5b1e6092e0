// Tells what a mark of a plot says: [data-mark] in an SVG or in what bears [data-marks], by mouse, touch and keyboard. [data-variable]
// and [data-time] lead to its Observation. Without it there are the titles of the marks and the table beside each plot.
(function () {
  "use strict";
  // Half of a target of 44 pixels: so far from a mark it is still meant.
  var REACH = 22, WAIT = 350;
  var tip = make("mark-tip"), ring = make("mark-ring"), shown = null, leaving = 0;

  function make(name) {
    var made = document.createElement("div");
    made.className = name;
    // What it says is the name of the mark, which is read where that is focused.
    made.setAttribute("aria-hidden", "true");
    made.hidden = true;
    document.body.appendChild(made);
    return made;
  }

  function marksOf(plot) { return Array.from(plot.querySelectorAll("[data-mark]")); }

  function plotOf(part) { return part.closest && (part.closest("[data-marks]") || part.closest("svg")); }

  function prepare() {
    new Set(marksOf(document).map(plotOf)).forEach(function (plot) {
      if (plot.ready) return;
      plot.ready = true;
      var marks = marksOf(plot);
      marks.forEach(function (mark) {
        var drawing = mark.closest("svg");
        drawing.removeAttribute("aria-hidden");
        drawing.querySelectorAll(":scope > title, [data-mark] > title").forEach(quiet);
        if (drawing.getAttribute("role") === "img") drawing.setAttribute("role", "group");
        mark.setAttribute("role", "img");
        if (place(mark)) mark.setAttribute("aria-keyshortcuts", "Enter");
        mark.setAttribute("aria-label", mark.dataset.mark);
        mark.setAttribute("tabindex", "-1");
      });
      // Of a plot over time the newest mark is met first.
      marks[marks[0].dataset.time ? marks.length - 1 : 0].setAttribute("tabindex", "0");
    });
  }

  // A title would be shown by the browser beside ours; the plot is still named by its words.
  function quiet(title) {
    var named = document.createElementNS(title.namespaceURI, "desc");
    named.id = title.id;
    named.textContent = title.textContent;
    if (title.id) title.replaceWith(named);
    else title.remove();
  }

  function place(mark) { return mark.dataset.variable && document.querySelector("#evidence [data-part]"); }

  function nearest(plot, x, y) {
    var best = null, least = REACH + 1, tie = Infinity;
    marksOf(plot).forEach(function (mark) {
      var box = mark.getBoundingClientRect();
      var away = Math.hypot(Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom));
      var middle = Math.hypot((box.left + box.right) / 2 - x, (box.top + box.bottom) / 2 - y);
      if (away < least || (away === least && middle < tie)) {
        best = mark;
        least = away;
        tie = middle;
      }
    });
    return best;
  }

  // What is a link of its own in a plot or beside it is meant itself.
  function meant(event) {
    var plot = plotOf(event.target), link = event.target.closest && event.target.closest("a");
    return plot && plot.ready && !link && nearest(plot, event.clientX, event.clientY);
  }

  function show(mark) {
    clearTimeout(leaving);
    if (shown !== mark) {
      shown = mark;
      tip.textContent = mark.dataset.mark;
      if (place(mark)) tip.append(document.createElement("br"), link(mark));
    }
    tip.hidden = ring.hidden = false;
    settle();
  }

  function link(mark) {
    var made = document.createElement("a"), where = place(mark).getAttribute("data-part");
    made.href = where + "?variable=" + mark.dataset.variable + "#newest-" + mark.dataset.variable;
    made.textContent = "Observation";
    made.tabIndex = -1;
    made.mark = mark;
    made.dataset.evidence = "";
    made.dataset.variable = mark.dataset.variable;
    if (mark.dataset.time) made.dataset.time = mark.dataset.time;
    return made;
  }

  function hide() {
    clearTimeout(leaving);
    shown = null;
    tip.hidden = ring.hidden = true;
  }

  function settle() {
    if (!shown) return;
    var box = shown.getBoundingClientRect(), wide = document.documentElement.clientWidth;
    if (!shown.isConnected || !box.width && !box.height) return hide();
    var left = Math.min(Math.max((box.left + box.right - tip.offsetWidth) / 2, 4), wide - tip.offsetWidth - 4);
    var above = box.top - tip.offsetHeight - 6, top = above < 4 ? box.bottom + 6 : above;
    put(tip, left, top);
    put(ring, box.left - 4, box.top - 4);
    ring.style.width = box.width + 8 + "px";
    ring.style.height = box.height + 8 + "px";
    ring.classList.toggle("focused", document.activeElement === shown);
  }

  function put(what, left, top) {
    what.style.left = left + window.scrollX + "px";
    what.style.top = top + window.scrollY + "px";
  }

  function leave() {
    clearTimeout(leaving);
    var focused = document.activeElement;
    leaving = setTimeout(function () {
      if (focused && focused.dataset && focused.dataset.mark && focused === document.activeElement) show(focused);
      else hide();
    }, WAIT);
  }

  function focus(mark) {
    marksOf(plotOf(mark)).forEach(function (one) { one.setAttribute("tabindex", one === mark ? "0" : "-1"); });
    mark.focus();
  }

  document.addEventListener("pointermove", function (event) {
    if (event.pointerType === "touch") return;
    if (tip.contains(event.target)) return clearTimeout(leaving);
    var mark = meant(event);
    if (mark && (mark !== shown || tip.hidden)) show(mark);
    else if (mark) clearTimeout(leaving);
    else if (shown) leave();
  });
  document.documentElement.addEventListener("pointerleave", leave);

  document.addEventListener("click", function (event) {
    var mark = meant(event);
    if (mark) focus(mark);
    else if (!tip.contains(event.target)) hide();
  });

  document.addEventListener("focusin", function (event) {
    if (event.target.dataset && event.target.dataset.mark) show(event.target);
    else if (!tip.contains(event.target)) hide();
  });
  document.addEventListener("focusout", function (event) {
    if (event.target === shown && !tip.contains(event.relatedTarget)) hide();
  });

  document.addEventListener("keydown", function (event) {
    var mark = event.target.dataset && event.target.dataset.mark ? event.target : null;
    if (event.key === "Escape" && !tip.hidden) hide();
    else if (event.key === "Escape" && mark) mark.blur();
    else if (mark && !event.ctrlKey && !event.metaKey && !event.altKey) move(event, mark);
  });

  function move(event, mark) {
    var marks = marksOf(plotOf(mark)), at = marks.indexOf(mark), last = marks.length - 1;
    var to = { ArrowLeft: at - 1, ArrowUp: at - 1, ArrowRight: at + 1, ArrowDown: at + 1, Home: 0, End: last }[event.key];
    if (event.key === "Enter" && place(mark)) {
      show(mark);
      tip.querySelector("a").click();
    } else if (to === undefined) return;
    else focus(marks[Math.min(Math.max(to, 0), last)]);
    event.preventDefault();
  }

  document.addEventListener("vigil:part", prepare);
  document.addEventListener("toggle", settle, true);
  document.addEventListener("scroll", settle, true);
  window.addEventListener("resize", settle);
  prepare();
})();
