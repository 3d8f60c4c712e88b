// The threshold explorer: looks figures up in the stored groups and says them. It sends nothing.
"use strict";

const percent = (share) => (share === null ? "–" : `${Number((share * 100).toPrecision(3))} %`);
const count = (number) => number.toLocaleString("en");

function figures(data, group) {
    const [rate, low, high] = group.failures ?? [null, null, null];
    const known = group.failures !== null;
    return {
        coverage: `${percent(group.coverage)} (${count(group.allowed)})`,
        rate: known ? `${percent(rate)} ${rate > data.target ? "(above what is wanted)" : ""}` : "not known",
        bound: known && low !== null ? `${percent(low)} to ${percent(high)}` : group.reason,
        more: count(group.more ?? Math.max(group.allowed - data.allowedNow, 0)),
        fewer: count(group.fewer ?? Math.max(data.allowedNow - group.allowed, 0)),
        with: group.with,
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
        for (const place of section.querySelectorAll("[data-say]")) {
            place.textContent = said[place.dataset.say];
        }
        slider.setAttribute(
            "aria-valuetext",
            `${group.threshold.toFixed(4)}${group.with && `, with ${group.with}`}: ${said.coverage} allowed, failure rate ${said.rate}`,
        );
    }

    slider.max = data.groups.length - 1;
    slider.addEventListener("input", show);
    for (const button of section.querySelectorAll("[data-jump]")) {
        button.addEventListener("click", () => {
            slider.value = data[button.dataset.jump];
            show();
        });
    }
    slider.value = data.proposed ?? data.current;
    show();
}

document.querySelectorAll("[data-explorer]").forEach(start);
