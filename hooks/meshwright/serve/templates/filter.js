"use strict";
const box = document.getElementById("filter");
const input = box.querySelector("input");
const output = box.querySelector("output");
const entries = [...document.querySelectorAll("[data-entry]")].map((node) => [node, node.textContent.toLowerCase()]);
const show = () => {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const [node, text] of entries) {
    node.hidden = !words.every((word) => text.includes(word));
    count += !node.hidden;
  }
  for (const group of document.querySelectorAll("[data-group]")) {
    group.hidden = !group.querySelector("[data-entry]:not([hidden])");
  }
  output.textContent = words.length ? `${count} of ${entries.length}` : "";
};
input.addEventListener("input", show);
box.hidden = false;
show();
