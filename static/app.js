// Times come in UTC; this shows them in the reader's own zone. Without it the pages are complete, in UTC.
(function () {
  "use strict";
  var zone = document.querySelector("[data-zone]");
  if (!zone || !window.Intl) return;
  var clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  var moment = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  document.querySelectorAll("[data-form]").forEach(function (mark) {
    var time = new Date(mark.getAttribute("datetime") || mark.getAttribute("data-time"));
    var form = mark.getAttribute("data-form") === "clock" ? clock : moment;
    if (!isNaN(time)) mark.textContent = form.format(time).replace(",", "");
  });
  zone.textContent = clock.resolvedOptions().timeZone + " (this computer's zone)";
})();
