// The workbench: reads out what is to be judged now, and sends each answer once.
"use strict";

// Each answer loads the page anew; the Enter key presses no button of it.
document.querySelector("[data-workbench]")?.focus();

// Pressed twice it would answer the next decision with the same answer.
document.querySelectorAll("form.answers, form.undo").forEach((form) => {
    form.addEventListener("submit", (event) => {
        if (form.dataset.sent) {
            event.preventDefault();
        }
        form.dataset.sent = "yes";
    });
});
