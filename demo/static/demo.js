// Keeps the frame closed until an app is opened in it; without script the frame is simply there, empty.
const place = document.getElementById("app-place");
place.classList.add("closed");
for (const link of document.querySelectorAll('a[target="app"]')) {
  link.addEventListener("click", () => {
    link.closest("dialog")?.close();
    place.classList.remove("closed");
    document.getElementById("closed-by-app").hidden = true;
    place.scrollIntoView({ block: "start" });
    place.querySelector("iframe").focus();
  });
}
// A card that pops up does so above the page; without script it stands in it.
for (const dialog of document.querySelectorAll("dialog.popup")) {
  dialog.close();
  dialog.showModal();
}
// The window's end of SMART Web Messaging: only what the frame's own app says, from its origin, and with a handle that the server knows.
const frame = place.querySelector("iframe");
addEventListener("message", async (event) => {
  const said = event.data;
  if (event.source !== frame.contentWindow || event.origin !== frame.dataset.origin || typeof said?.messageId !== "string") return;
  const given = await fetch(frame.dataset.messages, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(said) });
  if (!given.ok) return;
  const { payload: { drafted, ...payload } } = await given.json();
  const answer = { messageId: crypto.randomUUID(), responseToMessageId: said.messageId, payload };
  event.source.postMessage(answer, event.origin);
  if (said.messageType === "ui.done") {
    place.classList.add("closed");
    frame.src = "about:blank";
    document.getElementById("closed-by-app").hidden = false;
    document.getElementById("closed-by-app").scrollIntoView({ block: "center" });
  }
  if (drafted) {
    const drafts = document.getElementById("drafts"), row = document.createElement("li");
    row.textContent = `${drafted}: draft, from the app`;
    drafts.append(row);
    drafts.hidden = false;
  }
});
