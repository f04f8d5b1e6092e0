// Tries values as they are changed: sliders beside the fields, the result beside the form. Without it the button "Show" does the same.
(function () {
  "use strict";
  // Of changes that follow each other so fast only the last is asked for; one that follows a pause is asked for at once.
  var SOON = 40, PAUSE = 150, QUIET = 600, LONG = 1000;

  function begin(form) {
    if (form.begun || !window.vigilParts) return;
    form.begun = true;
    var part = form.closest(".what-if"), place = part.querySelector("#what-if-result");
    var bar = part.querySelector("[data-said]"), hear = part.querySelector("[data-hear]");
    var timer, quiet, waiting, turn = 0, sent = 0;

    function field(row) { return row.querySelector("[name]:not(button)"); }

    // Shows beside a field what it holds: the slider's place, and whether it is the chart's value.
    function mark(row) {
      var input = field(row), range = row.querySelector("[type=range]"), changed = input.value !== input.dataset.real || input.validity.badInput;
      row.classList.toggle("changed", changed);
      row.querySelector("[data-tag]").hidden = !changed;
      if (!range) return;
      range.classList.toggle("unset", !input.value);
      if (input.value && Number(range.value) !== Number(input.value)) range.value = input.value;
      range.setAttribute("aria-valuetext", input.value ? (input.value + " " + range.dataset.unit).trim() : "not measured");
    }

    function reset(row) {
      var input = field(row), range = row.querySelector("[type=range]");
      input.value = input.dataset.real;
      if (range) range.value = range.dataset.at;
      mark(row);
    }

    function wrong() {
      form.querySelectorAll("[aria-invalid]").forEach(function (input) { input.removeAttribute("aria-invalid"); });
      place.querySelectorAll("[data-wrong]").forEach(function (item) {
        var input = document.getElementById(item.dataset.wrong);
        input.setAttribute("aria-invalid", "true");
        input.closest("[data-row]").querySelector("[data-tag]").hidden = true;
      });
    }

    function answered(ok) {
      var said = place.querySelector("[data-saying]");
      wrong();
      clearTimeout(waiting);
      // Figures of other values than those of the form must not stay.
      if (!ok || !said) bar.textContent = bar.dataset.failed;
      else bar.innerHTML = said.innerHTML;
      clearTimeout(quiet);
      quiet = setTimeout(function () { hear.textContent = bar.textContent; }, QUIET);
    }

    function send() {
      sent = Date.now();
      clearTimeout(waiting);
      waiting = setTimeout(function () { bar.textContent = bar.dataset.waiting; }, LONG);
      var given = new URLSearchParams(new FormData(form)), mine = ++turn;
      window.vigilParts.load(place, form.action, { method: "POST", headers: { "Vigil-Part": "result" }, body: given }).then(function (ok) {
        if (mine === turn) answered(ok);
      });
    }

    function soon() {
      clearTimeout(timer);
      timer = setTimeout(send, Date.now() - sent > PAUSE ? 0 : SOON);
    }

    form.addEventListener("input", function (event) {
      var row = event.target.closest("[data-row]");
      if (!row) return;
      if (event.target.type === "range") field(row).value = event.target.value;
      mark(row);
      soon();
    });
    form.addEventListener("click", function (event) {
      var undo = event.target.closest("button.undo"), all = event.target.closest("[data-reset]");
      if (!undo && !all) return;
      event.preventDefault();
      event.stopPropagation();
      if (undo) reset(undo.closest("[data-row]"));
      else form.querySelectorAll("[data-row]").forEach(reset);
      soon();
    });
    form.addEventListener("keydown", function (event) {
      var row = event.key === "Escape" && event.target.closest("[data-row].changed");
      if (!row) return;
      event.preventDefault();
      reset(row);
      soon();
    });
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      soon();
    });

    form.querySelectorAll("[type=range], [data-live]").forEach(function (item) { item.hidden = false; });
    form.querySelector("[data-show]").hidden = true;
    form.querySelectorAll("[data-row]").forEach(mark);
  }

  function look() { document.querySelectorAll("form[data-what-if]").forEach(begin); }
  document.addEventListener("vigil:part", look);
  look();
})();
