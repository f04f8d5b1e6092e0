// Says so where this computer's clock runs in another zone than the page's times. Without it the page is complete.
(function () {
  "use strict";
  var mark = document.querySelector("[data-zone]");
  if (!mark || !window.Intl) return;
  var now = new Date(mark.getAttribute("data-now"));
  function clock(zone) {
    return new Intl.DateTimeFormat("en-GB", { timeZone: zone, dateStyle: "short", timeStyle: "short" }).format(now);
  }
  try {
    if (clock(mark.getAttribute("data-zone")) === clock(undefined)) return;
  } catch (unknownZone) {
    return;
  }
  // No name, so that it stays in the line that the page has kept for it.
  mark.textContent += ", not in this computer's zone";
})();
