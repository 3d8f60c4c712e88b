// The threshold explorer: looks figures up in the stored groups and says them. It sends nothing.
"use strict";

const percent = (share) => (share === null ? "–" : `${Number((share * 100).toPrecision(3))} %`);
const count = (number) => number.toLocaleString("en");

/** The group that a threshold allows down to: the first at or above it; the strictest when none is. */
function placeOf(groups, threshold) {
    const place = groups.findIndex((group) => group.threshold >= threshold);
    return place < 0 ? groups.length - 1 : place;
}

function figures(data, group) {
    const [rate, low, high] = group.failures ?? [null, null, null];
    const known = group.failures !== null;
    return {
        coverage: `${percent(group.coverage)} (${count(group.allowed)})`,
        rate: known ? `${percent(rate)} ${rate > data.target ? "(above what is wanted)" : ""}` : "not known",
        bound: !known ? "no fair labels here" : low === null ? "only in a review" : `${percent(low)} to ${percent(high)}`,
        more: count(Math.max(group.allowed - data.allowedNow, 0)),
        fewer: count(Math.max(data.allowedNow - group.allowed, 0)),
    };
}

function start(section) {
    const data = JSON.parse(document.getElementById(section.dataset.explorer).textContent);
    const slider = section.querySelector("input");
    const output = section.querySelector("output");

    function show() {
        const group = data.groups[slider.value];
        const said = figures(data, group);
        output.textContent = group.threshold.toFixed(4);
        for (const [name, text] of Object.entries(said)) {
            section.querySelector(`[data-say="${name}"]`).textContent = text;
        }
        slider.setAttribute(
            "aria-valuetext",
            `${group.threshold.toFixed(4)}: ${said.coverage} allowed, failure rate ${said.rate}`,
        );
    }

    slider.max = data.groups.length - 1;
    slider.addEventListener("input", show);
    for (const button of section.querySelectorAll("[data-jump]")) {
        button.addEventListener("click", () => {
            slider.value = placeOf(data.groups, data[button.dataset.jump]);
            show();
        });
    }
    slider.value = placeOf(data.groups, data.proposed ?? data.current);
    show();
}

document.querySelectorAll("[data-explorer]").forEach(start);
