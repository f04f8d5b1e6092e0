// Loads the parts of a session's page where they are unfolded, and their forms in place. Without it each part is a page of its own.
// A link with data-inside loads its part where it stands, or in the place whose id data-inside names; focus stays on it by its id.
(function () {
  "use strict";
  if (!window.fetch || !window.DOMParser) return;

  function say(place, words) {
    place.textContent = words;
    place.setAttribute("role", "status");
  }

  // Where an answer is no part (a session ended, an error page), its own words are shown, and read out.
  function put(place, text, ok) {
    var found = new DOMParser().parseFromString(text, "text/html");
    var content = ok ? found.body : found.querySelector("main") || found.body;
    if (ok) place.removeAttribute("role");
    else place.setAttribute("role", "status");
    place.replaceChildren.apply(place, Array.from(content.childNodes));
    place.dispatchEvent(new CustomEvent("vigil:part", { bubbles: true }));
  }

  // Where none came. What was sent may have been done all the same; the part says whether it was.
  function lost(place, url, sent) {
    var own = place.getAttribute("data-part"), focused = place.contains(document.activeElement);
    if (!own) return say(place, "Vigil could not be reached. Try again.");
    say(place, sent ? "Vigil gave no answer: it is not known whether that was done. " : "Vigil could not be reached. ");
    var again = document.createElement("button");
    again.type = "button";
    again.className = "button";
    again.textContent = sent ? "Look" : "Try again";
    again.addEventListener("click", function () { load(place, sent ? own : url); });
    place.append(again);
    if (focused) again.focus();
  }

  function load(place, url, options) {
    var turn = (place.turn = (place.turn || 0) + 1);
    var wait = setTimeout(function () {
      place.setAttribute("aria-busy", "true");
    }, 200);
    var wanted = Object.assign({ headers: { "Vigil-Part": "1" }, credentials: "same-origin" }, options);
    return fetch(url, wanted)
      .then(function (answer) {
        return answer.text().then(function (text) {
          // An answer that was overtaken by a later one is not shown.
          if (place.turn === turn) put(place, text, answer.ok);
          if (place.turn === turn) place.loaded = answer.ok;
          return answer.ok;
        });
      })
      .catch(function () {
        if (place.turn !== turn) return false;
        place.loaded = false;
        lost(place, url, wanted.method === "POST");
        return false;
      })
      .finally(function () {
        clearTimeout(wait);
        place.removeAttribute("aria-busy");
      });
  }

  function unfold(details) {
    var place = details.querySelector("[data-part]");
    if (!place || place.loaded || !details.open) return;
    place.loaded = true;
    say(place, "Loading …");
    load(place, place.getAttribute("data-part"));
  }

  document.addEventListener("toggle", function (event) { unfold(event.target); }, true);
  document.querySelectorAll("details[open]").forEach(unfold);

  document.addEventListener("submit", function (event) {
    var form = event.target, place = form.closest("[data-part]");
    if (!place || event.defaultPrevented || form.hasAttribute("data-whole")) return;
    event.preventDefault();
    var given = new URLSearchParams(new FormData(form, event.submitter)), url = new URL(form.action), focus = form.id;
    if (form.method === "get") url.search = given;
    load(place, url, form.method === "get" ? {} : { method: "POST", body: given }).then(function () {
      var again = focus && document.getElementById(focus);
      var first = again && again.querySelector("button, select, input:not([type=hidden])");
      if (first) first.focus();
    });
  });

  document.addEventListener("click", function (event) {
    var link = event.target.closest("a[data-inside]"), name = link && link.getAttribute("data-inside");
    var place = name ? document.getElementById(name) : link && link.closest("[data-part]");
    if (!place || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    load(place, link.getAttribute("href")).then(function () {
      var again = link.id && (document.getElementById(link.id) || place.querySelector("[tabindex='-1']"));
      if (again) again.focus();
    });
  });

  window.vigilParts = { load: load };
})();
