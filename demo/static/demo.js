// Keeps the frame closed until an app is opened in it; without script the frame is simply there, empty.
const place = document.getElementById("app-place");
place.classList.add("closed");
for (const link of document.querySelectorAll('a[target="app"]')) {
  link.addEventListener("click", () => {
    link.closest("dialog")?.close();
    place.classList.remove("closed");
    place.scrollIntoView({ block: "start" });
    place.querySelector("iframe").focus();
  });
}
// A card that pops up does so above the page; without script it stands in it.
for (const dialog of document.querySelectorAll("dialog.popup")) {
  dialog.close();
  dialog.showModal();
}
