// How far a run or an import is: asks the server, less and less often while nothing moves, and shows what came of it when
// it is over.
"use strict";

const SOONEST = 1000;
const LATEST = 15000;

function start(section) {
    const bar = section.querySelector("progress");
    const said = section.querySelector("[role=status]");
    let before = "";
    let pause = SOONEST;

    function show(run) {
        const percent = Math.round(run.progress * 100);
        bar.value = run.progress;
        document.querySelector(".lead .badge").textContent = run.label;
        said.textContent =
            run.status === "PENDING"
                ? "Waits for a worker to take it up."
                : `${percent} % done, last sign of life ${run.sign_of_life}.`;
    }

    async function ask() {
        try {
            const reply = await fetch(section.dataset.progress, { headers: { Accept: "application/json" } });
            if (reply.redirected || reply.status === 403 || reply.status === 404) {
                said.textContent = "You are not signed in any more, or may not see this any more. Load the page again.";
                return;
            }
            const text = reply.ok ? await reply.text() : before;
            pause = text === before ? Math.min(pause * 1.5, LATEST) : SOONEST;
            if (text !== before) {
                before = text;
                const run = JSON.parse(text);
                if (run.is_over) {
                    location.reload();
                    return;
                }
                show(run);
            }
        } catch {
            pause = Math.min(pause * 2, LATEST);
            said.textContent = "The server does not answer; asking again.";
        }
        setTimeout(ask, pause);
    }

    setTimeout(ask, SOONEST);
}

document.querySelectorAll("[data-progress]").forEach(start);
