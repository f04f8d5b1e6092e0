// Opens the evidence in place where a link leads into it, and goes to the row. Without it the link opens a page of its own.
(function () {
  "use strict";
  // Where the way began: there Back has to lead again, though the page may be longer now.
  var origin = null;

  function place() { return window.vigilParts && document.querySelector("#evidence [data-part]"); }

  function show(row, hash) {
    // An entry in the history of its own, so that Back leads to where the link stands.
    history.scrollRestoration = "manual";
    if (hash && location.hash !== hash) location.hash = hash;
    history.scrollRestoration = "auto";
    row.scrollIntoView({ block: "center" });
    row.focus({ preventScroll: true });
  }

  function ofMark(where, mark) {
    return Array.from(where.querySelectorAll("tr[data-time]")).find(function (row) {
      return row.dataset.variable === mark.variable && Date.parse(row.dataset.time) === Date.parse(mark.time);
    });
  }

  // The row of a mark is that of its variable and time, which may stand on a later page.
  function go(where, hash, mark, pages) {
    var found = mark.time && ofMark(where, mark), next = where.querySelector("a[rel=next]");
    if (mark.time && !found && next && pages) {
      return window.vigilParts.load(where, next.href).then(function () { go(where, hash, mark, pages - 1); });
    }
    found = found || (hash && where.querySelector(hash)) || where.querySelector("tbody") || where;
    var row = found.closest("tbody") || found;
    row.tabIndex = -1;
    show(row, row.id && "#" + row.id);
  }

  window.addEventListener("popstate", function () {
    if (location.hash || !origin || !origin.isConnected) return;
    origin.scrollIntoView({ block: "center" });
    origin.focus({ preventScroll: true });
  });

  document.addEventListener("click", function (event) {
    var link = event.target.closest("a[data-evidence]"), where = place();
    if (!link || !where || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    origin = link.mark || link;
    var url = new URL(link.href);
    where.loaded = true;
    where.closest("details").open = true;
    window.vigilParts.load(where, url.pathname + url.search).then(function (ok) {
      if (ok) go(where, url.hash, link.dataset, 9);
      else where.scrollIntoView();
    });
  });
})();
