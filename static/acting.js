// Copy, print, and the messages to the window that the app stands in (SMART Web Messaging 1.0). Without it all but these still works.
(function () {
  "use strict";
  var REPLY_MS = 10000;
  var win = null, waiting = {};

  function each(selector, act) { document.querySelectorAll(selector).forEach(act); }
  function status(control) { return control.parentElement.querySelector("[role=status]"); }
  function tell(control, words) { status(control).textContent = words; }

  // --- Copy: a frame without the permission selects the text instead.
  function copy(button) {
    var text = document.getElementById(button.dataset.copy);
    function byHand() { text.focus(); text.select(); tell(button, button.dataset.byHand); }
    if (!navigator.clipboard) return byHand();
    navigator.clipboard.writeText(text.value).then(function () { tell(button, button.dataset.done); }, byHand);
  }

  // --- Messages: to one origin, and only an answer of that window and origin to what was asked is taken.
  function open(place) {
    var target = window.parent !== window.self ? window.parent : window.opener;
    if (!target) return;
    win = { target: target, origin: place.dataset.origin, handle: place.dataset.handle };
    window.addEventListener("message", function (event) {
      var said = event.data, done = said && typeof said === "object" && waiting[said.responseToMessageId];
      if (event.source !== win.target || event.origin !== win.origin || !done || !said.payload) return;
      delete waiting[said.responseToMessageId];
      done(said.payload);
    });
    ask("status.handshake", {}, function () { win.good = true; reveal(); });
  }

  function ask(type, payload, done, none) {
    var id = crypto.randomUUID ? crypto.randomUUID() : Array.from(crypto.getRandomValues(new Uint32Array(4))).join("-");
    waiting[id] = done;
    if (none) setTimeout(function () { if (waiting[id]) { delete waiting[id]; none(); } }, REPLY_MS);
    win.target.postMessage({ messagingHandle: win.handle, messageId: id, messageType: type, payload: payload }, win.origin);
  }

  function reveal() {
    each("[data-print], [data-copy]", function (one) { one.hidden = false; });
    if (win && win.good) each("[data-finish], [data-needs-window]", function (one) { one.hidden = false; });
  }

  function finish(button) {
    function refused() { tell(button, button.dataset.refused); }
    ask("ui.done", {}, function (said) { if (said.status !== "success") refused(); }, refused);
  }

  function draft(button) {
    var form = button.form;
    button.disabled = true;
    tell(button, button.dataset.waiting);
    function refused() { tell(button, button.dataset.refused); button.disabled = false; }
    ask("scratchpad.create", { resource: JSON.parse(button.dataset.draft) }, function (said) {
      var code = String(said.status || ""), good = /^2\d\d\b/.test(code);
      form.elements.status.value = code;
      form.elements.place.value = typeof said.location === "string" ? said.location : "";
      fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), credentials: "same-origin" }).then(
        function (answer) { if (good && !answer.ok) tell(button, button.dataset.unrecorded); },
        function () { if (good) tell(button, button.dataset.unrecorded); });
      if (good) tell(button, button.dataset.drafted); else refused();
    }, refused);
  }

  // A link to a part unfolds it where it stands on this page.
  function unfold(event, link) {
    var part = document.getElementById(link.dataset.opens);
    if (!part || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    part.open = true;
    part.scrollIntoView({ block: "start" });
    part.querySelector("summary").focus({ preventScroll: true });
  }

  document.addEventListener("click", function (event) {
    var on = event.target.closest("[data-copy], [data-print], [data-finish], [data-draft], [data-opens]");
    if (!on) return;
    if (on.matches("[data-copy]")) copy(on);
    else if (on.matches("[data-print]")) window.print();
    else if (on.matches("[data-finish]")) finish(on);
    else if (on.matches("[data-draft]")) draft(on);
    else unfold(event, on);
  });

  // On paper nothing of the first screen stays folded, also where a style can't unfold it.
  var unfolded = [];
  window.addEventListener("beforeprint", function () {
    unfolded = Array.from(document.querySelectorAll(".first details:not([open])"));
    unfolded.forEach(function (one) { one.open = true; });
  });
  window.addEventListener("afterprint", function () { unfolded.forEach(function (one) { one.open = false; }); });

  // What was done stands where its form stood, and is read out there.
  var sent = null;
  document.addEventListener("submit", function (event) {
    var act = event.target.closest(".act");
    // A second press of a button that was pressed.
    if (act && event.target.dataset.sent) return event.preventDefault();
    if (act) event.target.dataset.sent = "1";
    sent = act && act.getAttribute("aria-labelledby");
  }, true);
  document.addEventListener("vigil:part", function (event) {
    reveal();
    var act = sent && event.target.querySelector("[aria-labelledby=" + sent + "]");
    var done = act && (act.querySelector("[data-done]") || act.querySelector("button"));
    sent = null;
    if (done) setTimeout(function () { done.focus(); }, 0);
  });

  var place = document.querySelector("[data-window]");
  if (place) open(place);
  reveal();
})();
