// Shortcuts of single keys, as the dialog of them says. Off while somebody types, and where a person has turned them off.
"use strict";

const dialog = document.getElementById("keys");
const PAUSE = 1500;
let typed = "";
let last = 0;

function isTyping(target) {
    return target.isContentEditable || target.matches("textarea, select, input:not([type=submit], [type=button], [type=checkbox], [type=radio])");
}

function toRow(step) {
    const links = [...document.querySelectorAll("#result_list tbody th a, #result_list tbody td:first-of-type a")];
    const here = links.indexOf(document.activeElement);
    const next = links[here < 0 && step < 0 ? links.length - 1 : here + step];
    next?.focus();
}

function act(row) {
    const {href, focus, row: step} = row.dataset;
    if (href) {
        location.assign(href);
    } else if (focus) {
        focus.split(", ").map((each) => document.querySelector(each)).find(Boolean)?.focus();
    } else if (step) {
        toRow(Number(step));
    } else {
        dialog.showModal();
    }
}

function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) {
        return;
    }
    if (event.key.length !== 1 || dialog.open || isTyping(event.target)) {
        return;
    }
    const now = Date.now();
    const keys = typed && now - last < PAUSE ? `${typed} ${event.key}` : event.key;
    const rows = [...dialog.querySelectorAll("[data-keys]")];
    const row = rows.find((each) => each.dataset.keys === keys);
    last = now;
    typed = !row && rows.some((each) => each.dataset.keys.startsWith(`${event.key} `)) ? event.key : "";
    // A page may have buttons with keys of their own, which they name.
    const button = row || typed || event.repeat ? null : document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (row || button) {
        event.preventDefault();
        row ? act(row) : button.click();
    }
}

if (dialog) {
    for (const opener of document.querySelectorAll("[data-keys-open]")) {
        opener.hidden = false;
        opener.addEventListener("click", () => dialog.showModal());
    }
    if ("singleKeys" in dialog.dataset) {
        document.addEventListener("keydown", onKey);
    }
}
