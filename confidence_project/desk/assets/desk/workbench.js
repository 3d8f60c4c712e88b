// The workbench by keys: a key presses the button that names it, unless the person writes, or has switched keys off.
"use strict";

const KEPT_AS = "workbench-keys";
const task = document.querySelector("[data-workbench]");
const box = document.querySelector("[data-keys]");

if (box) {
    box.checked = localStorage.getItem(KEPT_AS) !== "off";
    box.addEventListener("change", () => localStorage.setItem(KEPT_AS, box.checked ? "on" : "off"));
}
// Each answer loads the page anew: what is to be judged now is read out, and no button is under the Enter key.
task?.focus();

document.addEventListener("keydown", (event) => {
    const writes = event.target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]");
    if (writes || event.repeat || event.ctrlKey || event.altKey || event.metaKey || localStorage.getItem(KEPT_AS) === "off") {
        return;
    }
    document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`)?.click();
});

// Pressed twice it would answer the next decision with the same answer.
document.querySelectorAll("form.answers, form.undo").forEach((form) => {
    form.addEventListener("submit", (event) => {
        if (form.dataset.sent) {
            event.preventDefault();
        }
        form.dataset.sent = "yes";
    });
});
