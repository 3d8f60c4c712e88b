// Parts of a page that take a while: each is fetched once the page is there, and put in the place of what holds it.
"use strict";

async function fill(place) {
    const reply = await fetch(place.dataset.later, { credentials: "same-origin" });
    // What cannot be had leaves the link, by which the page says why.
    if (reply.ok && !reply.redirected) {
        place.innerHTML = await reply.text();
    }
}

document.querySelectorAll("[data-later]").forEach(fill);
