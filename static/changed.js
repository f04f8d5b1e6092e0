// Lets the hours of the course be pointed at by arrow keys, says what is pointed at, and marks the one that is shown.
(function () {
  "use strict";

  function hours(plot) { return Array.from(plot.querySelectorAll("a.hour")); }

  // One hour of each plot takes part in the order of the Tab key; arrow keys go on from there.
  function choose(root, back) {
    root.querySelectorAll("svg.course").forEach(function (plot) {
      hours(plot).forEach(function (hour) {
        var chosen = hour.getAttribute("href") === "hour?back=" + back;
        hour.setAttribute("tabindex", chosen ? "0" : "-1");
        hour.classList.toggle("chosen", chosen && back !== "0");
        if (chosen && back !== "0") hour.setAttribute("aria-current", "true");
        else hour.removeAttribute("aria-current");
      });
    });
  }

  function say(event) {
    var hour = event.target.closest && event.target.closest("a.hour"), figure = hour && hour.closest("figure");
    var readout = figure && figure.querySelector(".readout");
    if (readout) readout.textContent = hour.querySelector("title").textContent;
  }

  document.addEventListener("focusin", say);
  document.addEventListener("pointerover", say);

  document.addEventListener("keydown", function (event) {
    var hour = event.target.closest && event.target.closest("a.hour");
    if (!hour || event.ctrlKey || event.metaKey || event.altKey) return;
    var all = hours(hour.closest("svg")), at = all.indexOf(hour);
    var to = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (!all[to]) return;
    hour.setAttribute("tabindex", "-1");
    all[to].setAttribute("tabindex", "0");
    all[to].focus();
  });

  document.addEventListener("vigil:part", function (event) {
    var place = event.target, shown = place.querySelector("#hour-title");
    if (place.id !== "hour") return choose(place, "0");
    if (!shown) return;
    choose(document, document.getElementById("hour-back").value);
    var said = document.getElementById("hour-said"), top = place.getBoundingClientRect().top;
    if (said) said.textContent = shown.textContent;
    if (top > window.innerHeight - 120) window.scrollBy(0, top - window.innerHeight / 2);
  });

  choose(document, "0");
})();
