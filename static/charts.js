// A list that is being assessed: its progress is looked at again, and its rows come by themselves, but not while somebody is
// in them. Without this script "Look again" does the same.
(function () {
  "use strict";

  var place = document.getElementById("charts"), EVERY = 2500;

  function changed(id, found, keep) {
    var old = place.querySelector(id), now = found.querySelector(id);
    if (old && now && !keep) old.replaceWith(now);
  }

  function busy() {
    var rows = place.querySelector("#rows"), chosen = window.getSelection();
    return rows && (rows.contains(document.activeElement) || (chosen && !chosen.isCollapsed && rows.contains(chosen.anchorNode)));
  }

  function look() {
    var progress = place.querySelector("#progress"), url = progress && progress.getAttribute("data-going");
    if (!url) return;
    fetch(url, { headers: { "Vigil-Part": "1" }, credentials: "same-origin" })
      .then(function (answer) {
        if (!answer.ok) throw answer;
        return answer.text();
      })
      .then(function (text) {
        var found = new DOMParser().parseFromString(text, "text/html");
        var going = found.querySelector("[data-going]"), at = document.activeElement;
        var name = progress.contains(at) ? at.className : "";
        changed("#rows", found, busy() && going);
        changed("#progress", found);
        var again = name && place.querySelector("#progress ." + name.split(" ").join("."));
        if (again) again.focus();
        setTimeout(look, EVERY);
      })
      .catch(function (answer) {
        // A session that has ended, or another problem that has a page: the link to look again leads to it.
        if (!(answer.status < 500)) setTimeout(look, 4 * EVERY);
      });
  }

  if (place) setTimeout(look, EVERY);
})();
