"use strict";
const asked = JSON.parse(document.getElementById("request-data").textContent);
const form = document.getElementById("request");
const field = (name) => form.elements[name];

// The same as product/agreement_text.py writes: tests/integration/browser compares the two.
const escaped = new RegExp(asked.escaped, "gu");
const escape = (sign) => {
  if (sign === '"' || sign === "\\") return `\\${sign}`;
  const code = sign.codePointAt(0);
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
};
const quoted = (text) => `"${text.replace(escaped, escape).replace(/[\u{10000}-\u{10ffff}]/gu, escape)}"`;
const written = (value) => {
  const texts = Array.isArray(value) ? value : [value];
  return texts.length === 1 ? quoted(texts[0]) : `[${texts.map(quoted).join(", ")}]`;
};
const agreementText = (fields) =>
  asked.lines
    .filter(([, name]) => !name || (fields[name] && fields[name].length))
    .map(([start, name]) => start + (name ? written(fields[name]) : ""))
    .concat("")
    .join("\n");

const day = (offset) => new Date(Date.now() + offset * 86400000).toISOString().slice(0, 10);
const principals = () => [...new Set(field("principals").value.split("\n").map((line) => line.trim()).filter(Boolean))];
const agreementFields = () => ({
  id: field("name").value,
  description: field("description").value,
  providerTeam: asked.providerTeam,
  product: asked.product,
  port: field("port").value,
  team: field("team").value,
  role: field("role").value,
  start: `${day(0)}T00:00:00Z`,
  end: `${field("until").value}T00:00:00Z`,
  principals: principals(),
  requester: field("requester").value,
  purpose: field("purpose").value,
  renews: field("renews").value,
});

const shell = (text) => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);
const command = (fields) =>
  [
    ["meshwright", "access", "request", fields.id, "--role", fields.role],
    ...fields.principals.map((one) => ["--principal", one]),
    ["--for", fields.description],
    ...(fields.purpose ? [["--purpose", fields.purpose]] : []),
    ["--until", fields.end.slice(0, 10), "--team", fields.team, "--requester", fields.requester],
    ...(fields.port ? [["--output", fields.port]] : []),
  ]
    .map((words) => words.map(shell).join(" "))
    .join(" \\\n  ");
const renewal = (fields) =>
  ["meshwright", "access", "renew", fields.renews, "--until", fields.end.slice(0, 10), "--requester", fields.requester].map(shell).join(" ");

const address = (path, text) => {
  if (asked.forge === "gitlab") return `${asked.newFile}?file_name=${encodeURIComponent(path)}`;
  const whole = `${asked.newFile}?filename=${encodeURIComponent(path)}&value=${encodeURIComponent(text)}`;
  return whole.length <= asked.longestAddress ? whole : `${asked.newFile}?filename=${encodeURIComponent(path)}`;
};

const row = (texts) => {
  const line = document.createElement("tr");
  texts.forEach((text, index) => {
    const cell = document.createElement(index ? "td" : "th");
    if (!index) cell.scope = "row";
    cell.textContent = text;
    line.append(cell);
  });
  return line;
};
const SEES = { clear: "as it is", nothing: "nothing" };

const showRole = () => {
  const role = asked.roles[field("role").value];
  document.getElementById("request-columns").replaceChildren(
    ...role.columns.map(([name, sees]) => row([name, SEES[sees] || `mask: ${sees}`])),
  );
  const count = (kind) => role.columns.filter(([, sees]) => kind(sees)).length;
  const clear = count((sees) => sees === "clear");
  const nothing = count((sees) => sees === "nothing");
  document.getElementById("request-sees").textContent =
    `${field("role").value} sees ${clear} of ${role.columns.length} columns as they are, ` +
    `masks of ${role.columns.length - clear - nothing}, nothing of ${nothing}${role.rows ? ", and only some rows" : ""}.`;
  field("purpose").replaceChildren(...role.purposes.map((purpose) => new Option(purpose, purpose)));
  document.getElementById("request-purposes").hidden = !role.purposes.length;
  field("until").min = day(1);
  field("until").max = day(role.maxDays);
  document.getElementById("request-longest").textContent = `At most ${role.maxDays} days from today; it can be renewed.`;
};

const nextName = (name) => {
  const numbered = name.match(/^(.+)-([1-9][0-9]{0,3})$/);
  const base = numbered ? numbered[1] : name;
  for (let count = (numbered ? Number(numbered[2]) : 1) + 1; ; count += 1) {
    const next = `${base.slice(0, 63 - String(count).length - 1).replace(/-+$/, "")}-${count}`;
    if (!asked.taken.includes(next)) return next;
  }
};
const renew = () => {
  const before = asked.renewable.find((one) => one.id === field("renews").value);
  const note = document.getElementById("request-people");
  note.hidden = true;
  if (!before) return;
  field("name").value = nextName(before.id);
  if (asked.roles[before.role]) field("role").value = before.role;
  field("port").value = asked.ports.includes(before.port) ? before.port : "";
  field("team").value = before.team;
  field("principals").value = before.principals.join("\n");
  note.hidden = !before.people;
  showRole();
};

const show = (event) => {
  event.preventDefault();
  field("principals").setCustomValidity(
    principals().every((one) => /^(group|id):\S/.test(one)) ? "" : "Write group:NAME or id:ID, one a line.",
  );
  if (!form.reportValidity()) return;
  const fields = agreementFields();
  const path = `${asked.folder}/${fields.id}.yaml`;
  const text = agreementText(fields);
  document.getElementById("request-path").textContent = path;
  document.getElementById("request-text").value = text;
  document.getElementById("request-command").textContent = fields.renews ? renewal(fields) : command(fields);
  const link = document.getElementById("request-link");
  if (asked.newFile) {
    link.href = address(path, text);
    const filled = link.href.includes("&value=");
    document.getElementById("request-paste").hidden = filled;
    link.parentElement.hidden = false;
  }
  const result = document.getElementById("request-result");
  result.hidden = false;
  document.getElementById("request-done").focus();
};

const copy = async () => {
  const text = document.getElementById("request-text");
  const status = document.getElementById("request-copied");
  try {
    await navigator.clipboard.writeText(text.value);
    status.textContent = "Copied.";
  } catch {
    text.select();
    status.textContent = document.execCommand("copy") ? "Copied." : "Copy the selected text.";
  }
};

const send = document.getElementById("request-send");
// Past the listener of `submit`, which shows the request.
if (send) send.addEventListener("click", () => HTMLFormElement.prototype.submit.call(form));

field("role").addEventListener("change", showRole);
field("renews").addEventListener("change", renew);
field("principals").addEventListener("input", () => field("principals").setCustomValidity(""));
form.addEventListener("submit", show);
form.addEventListener("input", () => (document.getElementById("request-result").hidden = true));
document.getElementById("request-copy").addEventListener("click", copy);
form.hidden = false;
showRole();
