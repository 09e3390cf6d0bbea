// Keeps the phones on the page up to date, and presses their buttons without leaving the page.
"use strict";

const flipped = (root) => [...root.querySelectorAll(".flip:checked")].map((box) => box.id);

const values = (root) => {
  const found = new Map();
  for (const card of root.querySelectorAll("[data-card]")) {
    for (const field of card.querySelectorAll("[data-field]")) {
      found.set(card.dataset.card + "/" + field.dataset.field, field.querySelector(".value").textContent);
    }
  }
  return found;
};

function replaceScreen(part, fresh) {
  const before = values(part);
  const turned = new Set(flipped(part));
  for (const box of fresh.querySelectorAll(".flip")) box.checked = turned.has(box.id);
  for (const card of fresh.querySelectorAll("[data-card]")) {
    for (const field of card.querySelectorAll("[data-field]")) {
      const known = before.get(card.dataset.card + "/" + field.dataset.field);
      const value = field.querySelector(".value");
      if (known !== undefined && known !== value.textContent) value.classList.add("changed");
    }
  }
  part.replaceChildren(fresh);
}

function showBanner(part, fresh) {
  const banner = fresh.querySelector(".banner");
  if (banner === null || banner.dataset.banner === part.dataset.shown) return;
  part.dataset.shown = banner.dataset.banner;
  part.replaceChildren(banner);
}

const shown = new Map();

function update({ phone, parts }) {
  for (const [name, html] of Object.entries(parts)) {
    const place = phone + "/" + name;
    const part = document.querySelector(`[data-phone="${phone}"] [data-part="${name}"]`);
    if (part === null || shown.get(place) === html) continue;
    shown.set(place, html);
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    if (name === "screen") replaceScreen(part, fresh.content);
    else if (name === "banner") showBanner(part, fresh.content);
    else part.replaceChildren(fresh.content);
  }
}

new EventSource("/events").addEventListener("message", (event) => update(JSON.parse(event.data)));

document.addEventListener("submit", async (event) => {
  const form = event.target;
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual" });
    if (form.classList.contains("add")) form.reset();
  } finally {
    button.disabled = false;
  }
});
