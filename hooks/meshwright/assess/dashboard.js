"use strict";
// Sorts and filters the matrix, and shows evidence beside it. All texts go in as text, never as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const [ANCHOR, ID, TITLE, DOMAIN, SCORE, CHANGE, CELLS, STANDING, OWNER, PAGE, EVIDENCE] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const STATES = ["broken", "excepted", "inconclusive", "kept"];
const WORDS = { broken: "broken", excepted: "excepted", inconclusive: "not known", kept: "kept" };
const AT_ONCE = 100;
const EXCEPTED = data.standings.findIndex(([name]) => name === "excepted");
const body = document.getElementById("rows");
const made = [...body.rows];
const field = (id) => document.getElementById(id);
let sorted = { by: "standing", down: false };
let limit = data.inFull ? Infinity : AT_ONCE;

function element(name, options = {}, ...children) {
  const { text, ...attributes } = options;
  const one = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value) one.setAttribute(key, value);
  if (text !== undefined) one.textContent = text;
  one.append(...children.filter(Boolean));
  return one;
}

const address = (...parts) => "#" + parts.join("/").split("/").map(encodeURIComponent).join("/");
const shown = (score) => (score === null ? "–" : String(score));
const letters = products().map((one) => `${one[TITLE]}\n${one[ID]}`.toLowerCase());

function products() {
  return data.products;
}

// -- rows ----------------------------------------------------------------------------------------------------

function row(number) {
  return (made[number] ??= built(products()[number]));
}

function built(product) {
  const change = product[CHANGE];
  const slash = product[ID].indexOf("/") + 1;
  const head = element("th", { scope: "row" }, element("a", { href: address(product[ANCHOR]), text: product[TITLE] }), element("span", { class: "id" }, element("span", { class: "of", text: product[ID].slice(0, slash) }), product[ID].slice(slash)));
  const [name, sign, words] = data.standings[product[STANDING]];
  const standing = element("td", { class: "whole" }, element("span", { class: `chip ${name}` }, element("i", { "aria-hidden": "true", text: sign }), " ", element("span", { class: "words", text: words })));
  const whole = element("td", { class: "whole" }, element("b", { text: shown(product[SCORE]) }));
  const sum = (which) => product[CELLS].reduce((total, one) => total + one[which], 0);
  if (sum(2) < sum(3)) whole.append(element("span", { class: "not-all", text: `${sum(2)}/${sum(3)}` }, element("span", { class: "words", text: " known" })));
  if (change) whole.append(element("span", { class: `change ${change > 0 ? "good" : "bad"}`, text: `${change > 0 ? "▲" : "▼"}${Math.abs(change)}` }));
  const cells = product[CELLS].map((one, number) => cell(product, number, one));
  return element("tr", {}, head, element("td", { class: "domain", text: data.texts[product[DOMAIN]] }), standing, whole, ...cells);
}

function cell(product, number, [score, standing, known, functions, , excepted]) {
  const [name, sign, meaning] = data.standings[standing];
  const looks = [name, excepted && "hatched", known < functions && "partly"].filter(Boolean).join(" ");
  const said = meaning + (excepted && name !== "excepted" ? ", with an exception" : "") + (known < functions ? `, ${known} of ${functions} known` : "");
  return element("td", { class: "cell" },
    element("a", { class: looks, href: address(product[ANCHOR], data.characteristics[number]) },
      element("i", { "aria-hidden": "true", text: sign }), element("b", { text: shown(score) }), element("span", { class: "said", text: said })));
}

// -- sorting and filtering -----------------------------------------------------------------------------------

const KEYS = { standing: (one) => one[STANDING] * 1000 + (one[SCORE] ?? 101), title: (one) => one[TITLE].toLowerCase(), domain: (one) => data.texts[one[DOMAIN]], score: (one) => one[SCORE] };

function compared(one, other) {
  if (one === other) return 0;
  if (one === null || other === null) return one === null ? Infinity : -Infinity; // what is not known comes last, either way
  return one < other ? -1 : 1;
}

function order() {
  const key = KEYS[sorted.by] ?? ((one) => one[CELLS][Number(sorted.by)][0]);
  const keys = products().map(key);
  return [...keys.keys()].sort((one, other) => {
    const found = compared(keys[one], keys[other]);
    const turned = sorted.down && Number.isFinite(found) ? -found : found;
    return turned || one - other;
  });
}

function fits(number) {
  const product = products()[number];
  const [words, domain, characteristic, standing] = ["find", "domain", "characteristic", "standing"].map((id) => field(id).value);
  if (words && !letters[number].includes(words.trim().toLowerCase())) return false;
  if (domain && data.texts[product[DOMAIN]] !== domain) return false;
  if (standing === "") return true;
  if (characteristic === "") return is(product[STANDING], product[CELLS].some((one) => one[5] > 0), Number(standing));
  const [, state, , , , excepted] = product[CELLS][Number(characteristic)];
  return is(state, excepted > 0, Number(standing));
}

function is(standing, excepted, chosen) {
  return chosen === EXCEPTED ? excepted : standing === chosen;
}

function show() {
  const found = order().filter(fits);
  const now = found.slice(0, limit);
  body.replaceChildren(...now.map(row));
  field("count").textContent = `${found.length.toLocaleString("en")} of ${products().length.toLocaleString("en")} products`;
  field("none").hidden = found.length > 0;
  const left = found.length - now.length;
  field("more").hidden = left <= 0;
  field("more").textContent = `Show ${Math.min(left, AT_ONCE)} more of ${left.toLocaleString("en")}`;
}

function anew() {
  limit = data.inFull ? Infinity : AT_ONCE;
  show();
}

for (const head of document.querySelectorAll("[data-sort]")) {
  const button = element("button", { type: "button", text: head.textContent });
  head.replaceChildren(button);
  button.addEventListener("click", () => {
    const by = head.dataset.sort;
    sorted = { by, down: sorted.by === by && !sorted.down };
    for (const other of document.querySelectorAll("[data-sort]")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
    anew();
  });
}
let waiting;
field("filters").addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(anew, products().length > 1000 ? 150 : 0);
});
field("filters").addEventListener("submit", (event) => event.preventDefault());
field("more").addEventListener("click", () => {
  const first = body.rows.length;
  limit += AT_ONCE;
  show();
  body.rows[first]?.querySelector("a").focus();
});
field("filters").hidden = false;

// -- evidence ------------------------------------------------------------------------------------------------

const drawer = field("drawer");
const byAnchor = new Map(products().map((one, number) => [one[ANCHOR], number]));
let opener = null;
let home = null; // where the evidence that is shown belongs

function evidence(product) {
  const list = data.characteristics.map((name, number) => {
    const [score, standing, known, functions] = product[CELLS][number];
    const [looks, sign] = data.standings[standing];
    const title = element("h3", { text: `${name} ` }, element("b", { class: looks, text: `${sign} ${shown(score)}` }), ` `, element("span", { class: "rest", text: `${known} of ${functions} known` }));
    const found = product[EVIDENCE][number];
    const results = found.length ? element("ul", {}, ...found.map(result)) : element("p", { class: "rest", text: "No function asks about it." });
    return element("section", { id: `${product[ANCHOR]}/${name}`, tabindex: "-1" }, title, results);
  });
  const page = product[PAGE] && element("p", {}, element("a", { href: product[PAGE], text: "The product's page" }));
  const owner = data.texts[product[OWNER]] && element("p", { class: "rest", text: `Owner: ${data.texts[product[OWNER]]}` });
  return element("div", { class: "body" }, page, owner, ...list);
}

function result([number, stateNumber, verdicts, more, reason, until]) {
  const [id, severity, question] = data.functions[number];
  const state = STATES[stateNumber];
  const asked = element("p", { class: "asked" }, element("span", { class: "state", text: WORDS[state] }), ` ${question} `, element("a", { class: "name", href: address("asked", id), text: id }), " ", element("span", { class: "rest", text: severity }));
  const one = element("li", { class: `result ${state}` }, asked);
  if (until) one.append(element("p", { class: "fix" }, element("b", { text: `Excepted until ${until}.` }), ` ${data.texts[reason]}`));
  for (const [said, text, fix, place] of verdicts) {
    one.append(element("p", { class: "evidence" }, data.texts[place] && element("code", { text: data.texts[place] }), ` ${data.texts[text]}`));
    if (data.texts[fix] && STATES[said] !== "kept") one.append(element("p", { class: "fix" }, element("b", { text: "Fix:" }), ` ${data.texts[fix]}`));
  }
  if (more) one.append(element("p", { class: "rest", text: `And ${more} more; the assessment as JSON has all.` }));
  return one;
}

function decoded(hash) {
  try {
    return decodeURIComponent(hash.slice(1));
  } catch {
    return "";
  }
}

function follow() {
  const wanted = decoded(location.hash);
  const name = byAnchor.has(wanted) ? "" : data.characteristics.find((one) => wanted.endsWith(`/${one}`)) ?? "";
  const anchor = name ? wanted.slice(0, -name.length - 1) : wanted;
  if (byAnchor.has(anchor)) open(byAnchor.get(anchor), name);
  else {
    shut();
    if (wanted.startsWith("asked/")) unfold(document.getElementById(wanted));
  }
}

function unfold(target) {
  target?.closest("details")?.setAttribute("open", "");
  target?.scrollIntoView();
  target?.focus();
}

function open(number, name) {
  restore();
  const product = products()[number];
  const details = data.inFull ? document.getElementById(product[ANCHOR]) : null;
  const content = details ? details.querySelector(".body") : evidence(product);
  home = details;
  field("drawer-title").textContent = product[TITLE];
  field("drawer-id").textContent = product[ID];
  field("drawer-body").replaceChildren(content);
  if (!drawer.open) drawer.showModal();
  const section = name && document.getElementById(`${product[ANCHOR]}/${name}`);
  drawer.scrollTop = 0;
  for (const one of content.querySelectorAll(".here")) one.classList.remove("here");
  if (!section) return;
  section.classList.add("here");
  drawer.scrollTop = section.offsetTop - drawer.querySelector("header").offsetHeight - 8;
  section.focus({ preventScroll: true });
}

function restore() {
  const content = field("drawer-body").firstElementChild;
  if (home && content) home.append(content);
  home = null;
}

function shut() {
  if (drawer.open) drawer.close();
}

drawer.addEventListener("close", () => {
  restore();
  field("drawer-body").replaceChildren();
  if (byAnchor.has(decoded(location.hash)) || data.characteristics.some((one) => decoded(location.hash).endsWith(`/${one}`))) history.replaceState(null, "", location.pathname + location.search);
  opener?.focus({ preventScroll: true });
  opener = null;
});
drawer.addEventListener("click", (event) => {
  if (event.target === drawer) shut();
});
field("close").addEventListener("click", shut);
addEventListener("hashchange", follow);
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='#']");
  if (!link) return;
  if (!drawer.open) opener = link;
  if (link.hash === location.hash) follow(); // which the browser takes for nothing new
});
if (data.inFull) field("evidence").hidden = true;
anew();
follow();
