"use strict";
// The picture is there already: this moves it, fades what is not asked for, and draws a part of a large mesh.
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const products = new Map(data.products.map((one) => [one.id, one]));
  const issues = new Map(data.issues.map((one) => [one.number, one]));
  const group = (list, key) => {
    const all = new Map();
    for (const one of list) { const k = one[key]; if (all.has(k)) all.get(k).push(one); else all.set(k, [one]); }
    return all;
  };
  const spoken = (name) => name.toLowerCase().split(/\s+/).filter(Boolean).join(" ");
  const readerOf = (reader) => reader.team || reader.agreement;
  // What the start of a key means: whether a product has what the rest of it names.
  const has = {
    s: (one, name) => one.inputs.some((input) => input.system === name),
    c: (one, name) => one.useCases.some((use) => spoken(use.name) === name),
    u: (one, name) => one.useCases.some((use) => use.users.includes(name)),
    r: (one, name) => one.readers.some((reader) => readerOf(reader) === name),
    k: (one, name) => one.capabilities.includes(name),
  };
  const reads = group(data.edges, "consumer"), readBy = group(data.edges, "source"), members = group(data.products, "domain");
  const stage = $("stage"), panel = $("panel"), find = $("find"), found = $("found");
  const first = stage.querySelector("svg");
  let svg = first, home = null, view = null, focus = null, scene = { nodes: new Map(), lines: [] };

  // -- elements: every text of the mesh goes in as text, never as markup -------------------------------
  const NS = "http://www.w3.org/2000/svg";
  const made = (element, attributes, children) => {
    for (const [name, value] of Object.entries(attributes || {})) if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
    for (const child of children) if (child !== null && child !== undefined && child !== "") element.append(child);
    return element;
  };
  const h = (name, attributes, ...children) => made(document.createElement(name), attributes, children);
  const s = (name, attributes, ...children) => made(document.createElementNS(NS, name), attributes, children);

  // -- where one looks --------------------------------------------------------------------------------
  const box = () => svg.getBoundingClientRect();
  const scale = () => { const b = box(); return Math.min(b.width / view.w, b.height / view.h); };
  const phone = () => innerWidth < 720;
  const fitted = () => box().width / home.w; // the whole width; what is further down is scrolled to
  function look() {
    svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`);
    stage.classList.toggle("near", scale() > fitted() * 1.02);
  }
  function all() { view = { ...home, h: box().height / fitted() }; look(); }
  function at(clientX, clientY) {
    const b = box(), k = scale();
    return { x: view.x + view.w / 2 + (clientX - b.left - b.width / 2) / k, y: view.y + view.h / 2 + (clientY - b.top - b.height / 2) / k };
  }
  function zoom(factor, clientX, clientY) {
    const b = box(), now = scale(), wanted = Math.max(Math.min(fitted(), now), Math.min(3, now * factor));
    if (Math.abs(wanted - now) < 1e-6) return false;
    if (wanted <= fitted() * 1.001) { const y = view.y; all(); if (view.h < home.h * .99) { view.y = Math.max(home.y, Math.min(home.y + home.h - view.h, y)); look(); } return true; }
    const point = at(clientX ?? b.left + b.width / 2, clientY ?? b.top + b.height / 2), k = now / wanted;
    view = { x: point.x - (point.x - view.x) * k, y: point.y - (point.y - view.y) * k, w: view.w * k, h: view.h * k };
    look();
    return true;
  }
  function pan(dx, dy) {
    const k = scale();
    view.x = Math.max(home.x - view.w * .8, Math.min(home.x + home.w - view.w * .2, view.x - dx / k));
    view.y = Math.max(home.y - view.h * .8, Math.min(home.y + home.h - view.h * .2, view.y - dy / k));
    look();
  }
  function start() {
    const [x, y, w, hh] = svg.getAttribute("viewBox").split(" ").map(Number);
    home = { x, y, w, h: hh };
    const tall = (stage.clientWidth * hh) / w;
    // The page scrolls over a tall map; on a phone, and where one product is in focus, one moves in the map.
    const most = phone() ? innerHeight * .76 : data.whole && focus ? Math.max(innerHeight * .8, 420) : Infinity;
    stage.style.height = `${Math.round(Math.max(phone() ? 180 : 320, Math.min(most, tall)))}px`;
    panel.style.maxHeight = phone() ? "" : `${Math.min(stage.clientHeight, innerHeight)}px`;
    all();
  }
  // Brings what is in focus to where the panel does not lie, as large as it can be read.
  function frame() {
    const chosen = scene.nodes.get(focus) || scene.nodes.get(starts(focus)[0]), on = [...svg.querySelectorAll(".node.on:not(.capability)")];
    if (!chosen || !on.length || !data.whole && (svg === first || !phone())) return;
    const b = box(), p = panel.getBoundingClientRect(), free = p.left < b.left + 40 ? Math.max(140, p.top - b.top) : b.height;
    const rects = on.map((one) => one.getBoundingClientRect()), low = at(Math.min(...rects.map((one) => one.left)), Math.min(...rects.map((one) => one.top)));
    const high = at(Math.max(...rects.map((one) => one.right)), Math.max(...rects.map((one) => one.bottom)));
    const k = Math.max(phone() ? .62 : .5, Math.min(1.15, (b.width - 60) / (high.x - low.x), (free - 60) / (high.y - low.y))), w = b.width / k, height = b.height / k, half = free / k / 2;
    const c = chosen.getBoundingClientRect(), middle = at((c.left + c.right) / 2, (c.top + c.bottom) / 2);
    const centre = (from, to, here, room) => (to - from <= room - 40 ? (from + to) / 2 : Math.max(from + room / 2 - 40, Math.min(to - room / 2 + 40, here)));
    view = { x: centre(low.x, high.x, middle.x, w) - w / 2, y: centre(low.y, high.y, middle.y, 2 * half) - half, w, h: height };
    look();
  }
  function show(element) {
    if (!element) return;
    const b = box(), e = element.getBoundingClientRect(), p = panel.hidden ? null : panel.getBoundingClientRect();
    const right = p && p.left > b.left + 40 ? p.left : b.right, bottom = p && p.left <= b.left + 40 ? Math.min(b.bottom, p.top) : b.bottom;
    const dx = e.left < b.left + 10 || e.right > right - 10 ? (b.left + right) / 2 - (e.left + e.right) / 2 : 0;
    const dy = e.top < b.top + 10 || e.bottom > bottom - 10 ? (b.top + Math.max(bottom, b.top + 120)) / 2 - (e.top + e.bottom) / 2 : 0;
    if (dx || dy) pan(dx, dy);
  }

  // -- what is in the picture -------------------------------------------------------------------------
  function read() {
    scene = { nodes: new Map(), lines: [], out: new Map(), into: new Map() };
    for (const node of svg.querySelectorAll("[data-n]")) {
      scene.nodes.set(node.dataset.n, node);
      if (!node.hasAttribute("href")) { node.setAttribute("tabindex", "0"); node.setAttribute("role", "button"); }
    }
    for (const node of svg.querySelectorAll(".box")) { node.setAttribute("tabindex", "0"); node.setAttribute("role", "button"); }
    for (const element of svg.querySelectorAll("[data-a]")) {
      const line = { element, a: element.dataset.a, b: element.dataset.b };
      scene.lines.push(line);
      for (const [map, key] of [[scene.out, line.a], [scene.into, line.b]]) { if (map.has(key)) map.get(key).push(line); else map.set(key, [line]); }
    }
  }
  // A step is from product to product; what a product draws from and serves belongs to it.
  function reached(starts, map, other) {
    const far = new Map(starts.map((key) => [key, 0])), waiting = [...starts], most = Number($("depth").value);
    while (waiting.length) {
      const key = waiting.shift();
      for (const line of map.get(key) || []) {
        const next = line[other], step = /^[pd]:/.test(key) && /^[pd]:/.test(next) ? 1 : 0, steps = far.get(key) + step;
        if (steps > most || (far.has(next) && far.get(next) <= steps)) continue;
        far.set(next, steps);
        if (step) waiting.push(next); else waiting.unshift(next);
      }
    }
    return far;
  }
  function starts(key) {
    const name = key.slice(2), overview = !data.whole && svg === first && has[key[0]];
    if (scene.nodes.has(key) && key[0] !== "k" && !overview) return [key];
    const keys = key.startsWith("d:") ? [...scene.nodes].filter(([, node]) => node.dataset.domain === name).map(([one]) => one)
      : overview ? [key, ...new Set(data.products.filter((one) => has[key[0]](one, name)).map((one) => `d:${one.domain}`))]
      : key[0] === "k" ? data.products.filter((one) => has.k(one, name)).map((one) => `p:${one.id}`) : [key];
    return keys.filter((one) => scene.nodes.has(one));
  }
  function fade() {
    for (const element of svg.querySelectorAll(".on, .chosen")) element.classList.remove("on", "chosen");
    const from = !focus || (!data.whole && focus.startsWith("d:")) ? [] : starts(focus); // a domain that is drawn alone has nothing around it
    svg.classList.toggle("focused", from.length > 0);
    if (!from.length) return;
    const up = $("up").checked ? reached(from, scene.into, "a") : new Map(from.map((key) => [key, 0]));
    const down = $("down").checked ? reached(from, scene.out, "b") : new Map(from.map((key) => [key, 0]));
    const alone = focus.startsWith("k:") || !data.whole && svg === first;
    for (const key of alone ? [...from, focus] : [...up.keys(), ...down.keys()]) scene.nodes.get(key)?.classList.add("on");
    for (const line of scene.lines) {
      const on = alone && focus[0] !== "k" ? focus === line.a || focus === line.b : alone ? from.includes(line.a) && from.includes(line.b) : (up.has(line.a) && up.has(line.b)) || (down.has(line.a) && down.has(line.b));
      line.element.classList.toggle("on", on);
    }
    for (const node of svg.querySelectorAll(".product.on")) for (const uses of products.get(node.dataset.n.slice(2))?.capabilities || []) scene.nodes.get(`k:${uses}`)?.classList.add("on");
    for (const one of svg.querySelectorAll(".box")) one.classList.toggle("on", [...svg.querySelectorAll(".node.on")].some((node) => node.dataset.domain === one.dataset.domain));
    scene.nodes.get(focus)?.classList.add("chosen");
  }

  // -- a part of a large mesh, drawn when it is asked for ------------------------------------------------
  const pen = document.createElement("canvas").getContext("2d");
  function cut(text, room, font) {
    pen.font = `${font} system-ui, sans-serif`;
    if (pen.measureText(text).width <= room) return text;
    let low = 0, high = Math.min(text.length, 200);
    while (low < high) { const middle = (low + high + 1) >> 1; if (pen.measureText(text.slice(0, middle) + "…").width <= room) low = middle; else high = middle - 1; }
    return text.slice(0, low) + "…";
  }
  const CARD = 206, ACROSS = 84, MOST = 160, SMALLEST = 9 / 11.5; // smaller than that nobody reads the text
  function part(key) {
    const chosen = new Map(); // id -> how far from the focus: negative above it
    let left = 0;
    if (key.startsWith("p:")) {
      const id = key.slice(2), most = Number($("depth").value);
      chosen.set(id, 0);
      for (const [map, other, sign, wanted] of [[reads, "source", -1, $("up").checked], [readBy, "consumer", 1, $("down").checked]]) {
        let row = wanted ? [id] : [];
        for (let step = 1; row.length && step <= most; step++) {
          const next = [];
          for (const one of row) for (const edge of map.get(one) || []) if (!chosen.has(edge[other])) {
            if (chosen.size >= MOST) { left++; continue; }
            chosen.set(edge[other], sign * step); next.push(edge[other]);
          }
          row = next;
        }
      }
    } else {
      const inside = [...(members.get(key.slice(2)) || [])].sort((a, b) => !!b.issues.length - !!a.issues.length || (readBy.get(b.id)?.length || 0) - (readBy.get(a.id)?.length || 0));
      left = Math.max(0, inside.length - MOST);
      const ranks = [...new Set(inside.map((one) => one.rank))].sort((a, b) => a - b);
      for (const one of inside.slice(0, MOST)) chosen.set(one.id, ranks.indexOf(one.rank));
    }
    return { chosen, left };
  }
  function draw(key) {
    const { chosen, left } = part(key), domain = key.startsWith("d:") ? key.slice(2) : null;
    // No wider than the window: steps of the data share a column.
    const steps = [...new Set(chosen.values())].sort((a, b) => a - b), beside = 190 + 230 + 2 * ACROSS + 48;
    const most = Math.max(1, Math.floor((stage.clientWidth / SMALLEST - beside + ACROSS) / (CARD + ACROSS)));
    if (steps.length > most) {
      const many = (column) => [...chosen.values()].filter((one) => one < column).length;
      const shared = new Map(steps.map((column) => [column, Math.min(most - 1, Math.floor(many(column) * most / chosen.size))]));
      for (const [id, column] of chosen) chosen.set(id, shared.get(column));
    }
    const nodes = new Map(), lines = [];
    const add = (one) => { if (!nodes.has(one.key)) nodes.set(one.key, one); return nodes.get(one.key); };
    const lowest = Math.min(...chosen.values()), highest = Math.max(...chosen.values());
    for (const [id, column] of chosen) {
      const product = products.get(id), rows = product && chosen.size <= 30 ? product.outputs.slice(0, 4) : [];
      add({ key: `p:${id}`, kind: product ? "product" : "ghost", product, id, column, w: CARD, h: 58 + 18 * rows.length + (rows.length ? 6 : 0), rows });
    }
    const outside = (id, column) => { // products of other domains stand together, by domain
      const name = products.get(id)?.domain ?? id, one = add({ key: products.has(id) ? `d:${name}` : `p:${id}`, kind: products.has(id) ? "tile" : "ghost", id, name, column, w: 190, h: 52, ids: new Set() });
      one.ids.add(id);
      return one.key;
    };
    const drawn = new Set();
    const line = (a, b, kind, edge) => { if (!drawn.has(a + "\n" + b + (edge?.input ?? ""))) lines.push({ a, b, kind, edge }); drawn.add(a + "\n" + b + (edge?.input ?? "")); };
    for (const id of chosen.keys()) {
      const product = products.get(id), mine = `p:${id}`;
      for (const edge of reads.get(id) || []) {
        if (nodes.has(`p:${edge.source}`)) line(`p:${edge.source}`, mine, "share", edge);
        else if (domain !== null) line(outside(edge.source, lowest - 1), mine, "share", edge);
      }
      if (domain !== null) for (const edge of readBy.get(id) || []) if (!chosen.has(edge.consumer) && products.get(edge.consumer)?.domain !== domain) {
        const key = `d:${products.get(edge.consumer).domain}`, both = nodes.get(key)?.column < highest;
        if (!both) line(mine, outside(edge.consumer, highest + 1), "share", edge); else line(mine, key, "share", edge);
      }
      if (!product || (domain === null && id !== key.slice(2) && chosen.size > 40)) continue;
      for (const input of product.inputs) if (input.system) { add({ key: `s:${input.system}`, kind: "system", name: input.system, column: lowest - 1, w: 190, h: 34 }); line(`s:${input.system}`, mine, "feed"); }
      product.useCases.slice(0, 3).forEach((use) => { const of = `c:${spoken(use.name)}`; add({ key: of, kind: "case", name: use.name, use, column: highest + 1, w: 230, h: 54 }); line(mine, of, "serve"); });
      for (const reader of product.readers.slice(0, 6)) { const of = `r:${readerOf(reader)}`; add({ key: of, kind: "reader", name: readerOf(reader), column: highest + 1, w: 230, h: 34 }); line(mine, of, "read"); }
    }
    place(nodes, lines);
    return picture(nodes, lines, left, domain);
  }
  function place(nodes, lines) {
    const columns = group([...nodes.values()], "column"), order = [...columns.keys()].sort((a, b) => a - b);
    const ties = new Map([...nodes.keys()].map((key) => [key, []]));
    for (const line of lines) { ties.get(line.a).push(line.b); ties.get(line.b).push(line.a); }
    let x = 24;
    for (const column of order) { const widest = Math.max(...columns.get(column).map((one) => one.w)); for (const one of columns.get(column)) one.x = x; x += widest + ACROSS; }
    const stack = (column) => { let y = 0; for (const one of column) { one.y = y; y += one.h + 16; } for (const one of column) one.y -= (y - 16) / 2; };
    for (const column of columns.values()) { column.sort((a, b) => (a.key < b.key ? -1 : 1)); stack(column); }
    for (let sweep = 0; sweep < 6; sweep++) for (const column of sweep % 2 ? [...order].reverse() : order) {
      const list = columns.get(column), pull = new Map(list.map((one) => [one, ties.get(one.key).length ? ties.get(one.key).reduce((sum, key) => sum + nodes.get(key).y + nodes.get(key).h / 2, 0) / ties.get(one.key).length : one.y]));
      list.sort((a, b) => pull.get(a) - pull.get(b) || (a.key < b.key ? -1 : 1));
      stack(list);
    }
  }
  const worst = (numbers) => numbers.map((number) => issues.get(number)?.level).filter(Boolean).sort()[0] || "";
  function picture(nodes, lines, left, domain) {
    const everything = [...nodes.values()], top = Math.min(...everything.map((one) => one.y)) - 40, bottom = Math.max(...everything.map((one) => one.y + one.h)) + 40, wide = Math.max(...everything.map((one) => one.x + one.w)) + 24;
    const drawn = s("svg", { class: `mesh${lines.length > 150 ? " dense" : ""}`, viewBox: `0 ${top} ${wide} ${bottom - top}`, role: "group", "aria-label": "A part of the map" }, first.querySelector("defs").cloneNode(true));
    for (const line of lines) {
      const a = nodes.get(line.a), b = nodes.get(line.b), forwards = b.column > a.column;
      const x = a.x + a.w, y = a.y + a.h / 2, to = b.x, ty = b.y + b.h / 2, half = forwards ? Math.max(30, (to - x) / 2) : 70;
      const level = line.edge ? (line.edge.cycle || line.edge.missing ? "error" : worst(line.edge.issues)) : "", pattern = line.edge ? line.edge.declared || line.edge.pattern : "";
      const d = `M${x} ${y}C${x + half} ${y} ${to - half} ${ty} ${to} ${ty}`;
      drawn.append(s("g", { class: ["line", line.kind, pattern, level].filter(Boolean).join(" "), "data-a": line.a, "data-b": line.b },
        line.edge ? s("title", {}, [`${line.edge.source} → ${line.edge.consumer}: ${pattern}. ${line.edge.reason}`, by(line.edge), ...line.edge.issues.map((number) => issues.get(number)?.sentence)].filter(Boolean).join("\n")) : null,
        pattern === "copy" ? s("path", { class: "hull", d }) : null, s("path", { d, "marker-end": line.kind === "share" ? `url(#arrow${level === "error" ? "-bad" : ""})` : null })));
    }
    for (const one of everything) drawn.append(shape(one));
    if (left) drawn.append(s("text", { class: "more-text", x: 24, y: top + 24 }, `${left} more are not drawn: the list below has them, and Find finds them.`));
    return drawn;
  }
  function shape(one) {
    const base = { "data-n": one.key, transform: `translate(${one.x} ${one.y})` }, text = (names, x, y, words) => s("text", { class: names, x, y }, words);
    if (one.kind === "product") {
      const product = one.product, level = worst(product.issues), kind = product.type === "source-oriented" ? "source" : "consumer";
      return s("a", { ...base, href: address(one.key), class: `node product ${kind} ${level} ${product.state && product.state !== "there" ? product.state : ""}`, "data-name": product.title, "data-domain": product.domain },
        s("title", {}, `${product.title} (${product.id})\n${product.purpose.slice(0, 300)}`),
        s("rect", { class: "body", width: one.w, height: one.h, rx: 8 }), s("path", { class: "accent", d: `M10 .75H${one.w - 10}` }),
        text("title", 12, 25, cut(product.title, one.w - 24 - (level ? 26 : 0), "600 14.5px")),
        text("small quiet", 12, 44, cut([product.state !== "there" && product.state, product.domain, product.classification].filter(Boolean).join(" · "), one.w - 24, "11.5px")),
        ...one.rows.map((port, number) => text("small", 12, 66 + 18 * number, cut(`${port.name} · ${port.uses}`, one.w - 24, "11.5px"))),
        level ? s("g", { class: `badge ${level}` }, s("rect", { x: one.w - 30, y: 10, width: 20, height: 18, rx: 9 }), text("", one.w - 20, 22.8, String(product.issues.length))) : null);
    }
    if (one.kind === "tile") return s("a", { ...base, href: address(one.key), class: "node tile", "data-name": one.name },
      s("title", {}, [...one.ids].slice(0, 40).join("\n")), s("rect", { class: "body", width: one.w, height: one.h, rx: 10 }),
      text("name", 12, 22, cut(one.name, one.w - 24, "600 12.5px")), text("small quiet", 12, 40, `${one.ids.size} product${one.ids.size > 1 ? "s" : ""}`));
    const ghost = one.kind === "ghost";
    return s("g", { ...base, class: `node ${one.kind}`, "data-name": ghost ? one.id : one.name },
      s("title", {}, ghost ? `${one.id}: not in the mesh` : one.use ? `${one.name}\n${one.use.users.join(", ")}: ${one.use.action}` : one.name),
      s("rect", { class: "body", width: one.w, height: one.h, rx: one.kind === "system" ? 4 : 8 }),
      ghost ? text("title", 12, 25, cut(one.id, one.w - 24, "600 14.5px")) : text(one.kind === "case" ? "name" : "small", 12, 22, cut(one.name, one.w - 24, one.kind === "case" ? "600 12.5px" : "11.5px")),
      ghost ? text("small error", 12, 44, "not in the mesh") : null, one.use ? text("small quiet", 12, 41, cut(`${one.use.users.join(", ")}: ${one.use.action}`, one.w - 24, "11.5px")) : null);
  }

  // -- what the panel says ----------------------------------------------------------------------------
  const link = (id, words) => h("a", { href: address(`p:${id}`) }, words || products.get(id)?.title || id);
  function by(edge) { return edge.agreement ? `Read as ${edge.role} by the agreement ${edge.agreement}, until ${edge.until}.` : ""; }
  const list = (title, items) => (items.length ? [h("h3", {}, title), h("ul", {}, ...items.slice(0, 200).map((item) => h("li", {}, ...[].concat(item))), items.length > 200 ? h("li", { class: "rest" }, `and ${items.length - 200} more`) : "")] : []);
  const quiet = (words) => h("span", { class: "rest" }, words);
  const issueText = (number) => { const issue = issues.get(number); return h("div", { class: `issue ${issue.level}` }, h("b", { class: issue.level === "error" ? "bad" : "fair" }, issue.sentence), " ", quiet(issue.fix)); };
  function ofProduct(product) {
    const edges = new Map((reads.get(product.id) || []).map((edge) => [edge.input, edge]));
    const facts = [product.id, product.version, product.type, product.classification, product.access].filter(Boolean).join(" · ");
    return [h("h2", {}, product.url ? h("a", { href: product.url }, product.title) : product.title), h("p", { class: "rest" }, facts), h("p", {}, product.purpose),
      ...(product.state && product.state !== "there" ? [h("p", {}, h("b", {}, product.state)), ...list("Doubtful", product.doubts)] : []),
      ...product.issues.map(issueText),
      ...list("Owner", product.owner || product.team ? [[product.owner, product.team ? quiet(` ${product.team}`) : ""]] : []),
      ...list("Reads", product.inputs.map((input) => {
        const edge = edges.get(input.name);
        if (!edge || input.system) return [input.system || input.from, quiet(` · ${input.uses}`)];
        const way = edge.declared && edge.declared !== edge.pattern ? `${edge.declared}, but ${edge.pattern} fits` : edge.pattern;
        return [edge.missing === "product" ? edge.source : link(edge.source), quiet(` #${edge.port} · ${way}. ${edge.reason} ${edge.unknown} ${by(edge)}`)];
      })),
      ...list("Gives", product.outputs.map((port) => [port.name, quiet(` · ${port.uses}`)])),
      ...list("Read by", (readBy.get(product.id) || []).map((edge) => [link(edge.consumer), quiet(` from ${edge.port}${edge.agreement ? ` as ${edge.role}, until ${edge.until}` : ""}`)])),
      ...list("Read by people", (product.readers || []).map((one) => [one.team || one.agreement, quiet(` as ${one.role}, until ${one.until} (agreement ${one.agreement})`)])),
      ...list("Used for", product.useCases.map((use) => [use.name, quiet(` · ${use.users.join(", ")}: ${use.action}`)])),
      ...list("Platform capabilities", product.capabilities.length ? [product.capabilities.join(", ")] : []),
      ...(/^https?:\/\//.test(product.repository) ? list("Repository", [h("a", { href: product.repository, rel: "noreferrer" }, product.repository)]) : [])];
  }
  const GROUPS = { systems: ["s", "Source systems"], useCases: ["c", "Use cases"], users: ["u", "Users"], readers: ["r", "Readers by agreement"] };
  function everyOf(name) {
    const [start, title] = GROUPS[name], counts = new Map();
    for (const one of data.products) {
      const all = { s: one.inputs.map((input) => input.system), c: one.useCases.map((use) => use.name), u: one.useCases.flatMap((use) => use.users), r: one.readers.map(readerOf) }[start];
      for (const words of new Set(all.filter(Boolean))) { const key = start === "c" ? spoken(words) : words, known = counts.get(key); if (known) known.count += 1; else counts.set(key, { words, count: 1 }); }
    }
    const sorted = [...counts].sort((a, b) => b[1].count - a[1].count || (a[1].words < b[1].words ? -1 : 1));
    return [h("h2", {}, title), ...list(`${sorted.length} in all`, sorted.map(([key, { words, count }]) => [h("a", { href: address(`${start}:${key}`) }, words), quiet(` · ${count} product${count === 1 ? "" : "s"}`)]))];
  }
  function about(key) {
    const name = key.slice(2), those = (test) => data.products.filter(test).map((one) => [link(one.id), quiet(` ${one.domain}`)]);
    if (key.startsWith("p:")) return products.has(name) ? ofProduct(products.get(name)) : [h("h2", {}, name), h("p", { class: "bad" }, "The mesh has no such product."), ...list("Read by", (readBy.get(name) || []).map((edge) => link(edge.consumer)))];
    if (key.startsWith("g:")) return everyOf(name);
    if (key.startsWith("s:")) return [h("h2", {}, name), h("p", { class: "rest" }, "Source system"), ...list("Read by", those((one) => has.s(one, name)))];
    if (key.startsWith("r:")) return [h("h2", {}, name), h("p", { class: "rest" }, "Reads under an agreement"), ...list("Reads", data.products.flatMap((one) => one.readers.filter((reader) => readerOf(reader) === name).map((reader) => [link(one.id), quiet(` · as ${reader.role}, ${reader.agreement}, until ${reader.until}`)])))];
    if (key.startsWith("u:")) return [h("h2", {}, name), h("p", { class: "rest" }, "User"), ...list("Uses", data.products.flatMap((one) => one.useCases.filter((use) => use.users.includes(name)).map((use) => [link(one.id), quiet(` · ${use.name}: ${use.action}`)])))];
    if (key.startsWith("k:")) return [h("h2", {}, name), h("p", { class: "rest" }, "Platform capability"), ...list("Used by", those((one) => has.k(one, name)))];
    if (key.startsWith("c:")) {
      const served = data.products.flatMap((one) => one.useCases.filter((use) => spoken(use.name) === name).map((use) => ({ one, use })));
      if (!served.length) return [];
      const each = (values) => [...new Set(values)].filter(Boolean);
      return [h("h2", {}, served[0].use.name), h("p", { class: "rest" }, "Use case"), ...each(served.map(({ use }) => use.action)).map((words) => h("p", {}, words)),
        ...list("Users", each(served.flatMap(({ use }) => use.users))), ...list("Served by", served.map(({ one, use }) => [link(one.id), quiet(` ${use.outputs.join(", ")}`)]))];
    }
    const inside = members.get(name) || [];
    return [h("h2", {}, name), h("p", { class: "rest" }, `Domain with ${inside.length} product${inside.length === 1 ? "" : "s"}`), ...list("Products", [...inside].sort((a, b) => !!b.issues.length - !!a.issues.length).map((one) => [link(one.id), one.issues.length ? h("span", { class: worst(one.issues) === "error" ? "bad" : "fair" }, ` · ${one.issues.length} issue${one.issues.length > 1 ? "s" : ""}`) : ""]))];
  }
  function tell() {
    panel.hidden = !focus;
    if (!focus) return panel.replaceChildren();
    const close = h("button", { type: "button", class: "close", "aria-label": "Close", title: "Close (Esc)" }, "×");
    close.addEventListener("click", () => go(null));
    panel.replaceChildren(close, ...about(focus).filter((one) => one !== ""));
    panel.scrollTop = 0;
  }

  // -- focus: the address says it, so that a view can be shared -----------------------------------------
  const known = (key) => products.has(key.slice(2)) && key.startsWith("p:") || key.startsWith("d:") && members.has(key.slice(2)) || scene.nodes.has(key) || names.has(key) || /^g:/.test(key) && key.slice(2) in GROUPS;
  function asked(hash) {
    let text = hash.replace(/^#/, "");
    try { text = decodeURIComponent(text); } catch { /* as it stands */ }
    if (!text) return null;
    return known(`p:${text}`) ? `p:${text}` : /^[dsuckrg]:/.test(text) && known(text) ? text : null;
  }
  const address = (key) => `#${encodeURIComponent(key.startsWith("p:") ? key.slice(2) : key).replace(/%2F/g, "/").replace(/%3A/g, ":")}`;
  const near = () => $("desk").scrollIntoView({ block: innerWidth < 720 ? "start" : "nearest" });
  function go(key) {
    history.pushState(null, "", key ? address(key) : location.pathname + location.search);
    apply(key);
  }
  function apply(key) {
    focus = key;
    const whole = svg === first && !stage.classList.contains("near");
    tell();
    if (whole && !phone()) all(); // the panel takes or gives back some of the width
    if (!data.whole) {
      const drawn = key && /^[pd]:/.test(key) && (key[0] === "p" || members.has(key.slice(2))) ? draw(key) : first;
      if (drawn !== svg) { svg.replaceWith(drawn); svg = drawn; begin(); }
    }
    layers();
    fade();
    $("domain").value = key?.startsWith("d:") ? key : "";
    if (data.whole) start();
    if (key && (data.whole || key[0] === "p")) frame();
    if (key && data.whole && !phone() && ($("desk").getBoundingClientRect().top < 0 || $("desk").getBoundingClientRect().bottom > innerHeight)) near();
  }
  const opening = first.getAttribute("viewBox");
  function begin() { if (svg === first) svg.setAttribute("viewBox", opening); read(); start(); }
  function layers() { for (const one of document.querySelectorAll("[data-layer]")) svg.classList.toggle(`no-${one.dataset.layer}`, !one.checked); }

  // -- search -----------------------------------------------------------------------------------------
  const names = new Map();
  for (const one of data.products) {
    for (const input of one.inputs) if (input.system) names.set(`s:${input.system}`, [input.system, "source system"]);
    for (const use of one.useCases) { if (!names.has(`c:${spoken(use.name)}`)) names.set(`c:${spoken(use.name)}`, [use.name, "use case"]); for (const user of use.users) names.set(`u:${user}`, [user, "user"]); }
    for (const reader of one.readers) names.set(`r:${readerOf(reader)}`, [readerOf(reader), "reader"]);
    for (const uses of one.capabilities) names.set(`k:${uses}`, [uses, "capability"]);
  }
  const index = [...data.products.map((one) => [`p:${one.id}`, one.title, one.id, `${one.title} ${one.id} ${one.team} ${one.owner}`.toLowerCase()]), ...[...members.keys()].map((name) => [`d:${name}`, name, "domain", name.toLowerCase()]), ...[...names].map(([key, [name, kind]]) => [key, name, kind, name.toLowerCase()])];
  function search() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    found.hidden = !words.length;
    if (!words.length) return;
    const hits = [];
    for (const one of index) { if (words.every((word) => one[3].includes(word))) hits.push(one); if (hits.length > 200) break; }
    hits.sort((a, b) => b[1].toLowerCase().startsWith(words[0]) - a[1].toLowerCase().startsWith(words[0]));
    found.replaceChildren(...(hits.length ? hits.slice(0, 12).map(([key, name, kind]) => h("li", {}, h("a", { href: address(key) }, name, h("span", { class: "rest" }, ` ${kind}`)))) : [h("li", { class: "rest" }, "Nothing is called so.")]));
  }
  find.addEventListener("input", search);
  find.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { event.preventDefault(); found.querySelector("a")?.focus(); }
  });
  found.addEventListener("keydown", (event) => {
    const row = event.target.closest("li"), next = event.key === "ArrowDown" ? row?.nextElementSibling : event.key === "ArrowUp" ? row?.previousElementSibling : null;
    if (next || event.key === "ArrowUp") { event.preventDefault(); (next?.querySelector("a") || find).focus(); }
  });
  $("tools").addEventListener("submit", (event) => { event.preventDefault(); const hit = found.querySelector("a"); if (hit && !found.hidden) hit.click(); });

  // -- hands ------------------------------------------------------------------------------------------
  const pointers = new Map();
  let moved = 0, apart = 0;
  stage.addEventListener("pointerdown", (event) => { if (event.button) return; pointers.set(event.pointerId, event); moved = pointers.size > 1 ? moved : 0; apart = 0; });
  addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    pointers.set(event.pointerId, event);
    if (pointers.size === 2) {
      const [one, two] = [...pointers.values()], now = Math.hypot(one.clientX - two.clientX, one.clientY - two.clientY);
      if (apart) zoom(now / apart, (one.clientX + two.clientX) / 2, (one.clientY + two.clientY) / 2);
      apart = now; moved = 99;
      return;
    }
    moved += Math.abs(event.clientX - before.clientX) + Math.abs(event.clientY - before.clientY);
    if (moved > 4) { stage.classList.add("dragged"); pan(event.clientX - before.clientX, event.clientY - before.clientY); }
  });
  for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, (event) => { pointers.delete(event.pointerId); apart = 0; stage.classList.remove("dragged"); });
  stage.addEventListener("dragstart", (event) => event.preventDefault());
  stage.addEventListener("wheel", (event) => {
    if (stage.clientHeight > innerHeight * .9 && !event.ctrlKey && !event.metaKey) return; // the page scrolls over a tall map
    if (zoom(Math.exp(-Math.max(-90, Math.min(90, event.deltaY)) / 260), event.clientX, event.clientY)) event.preventDefault(); // else the page scrolls
  }, { passive: false });
  $("zoom").addEventListener("click", (event) => { const how = event.target.closest("button")?.dataset.zoom; if (how === "all") all(); else if (how) zoom(how === "in" ? 1.4 : 1 / 1.4); });
  document.addEventListener("click", (event) => {
    if (moved > 4 && stage.contains(event.target)) { event.preventDefault(); moved = 0; return; }
    const anchor = event.target.closest("a"), href = anchor?.getAttribute("href") || "";
    if (href.startsWith("#") && !(event.ctrlKey || event.metaKey || event.shiftKey)) {
      const key = asked(href) || (/^#issue-\d+$/.test(href) ? null : undefined);
      if (!key) return;
      event.preventDefault();
      found.hidden = true;
      go(key);
      if (!stage.contains(anchor) || innerWidth < 720) near();
      return;
    }
    if (anchor) return;
    const node = stage.contains(event.target) ? event.target.closest("[data-n]") : null, area = stage.contains(event.target) ? event.target.closest(".box") : null;
    if (node) go(node.dataset.n); else if (area) go(`d:${area.dataset.domain}`); else if (stage.contains(event.target) && focus && data.whole) go(null);
    if (!$("tools").contains(event.target)) found.hidden = true;
  });
  for (const [kind, on] of [["pointerover", true], ["pointerout", false], ["focusin", true], ["focusout", false]]) stage.addEventListener(kind, (event) => {
    const key = data.whole ? null : event.target.closest?.("[data-n]")?.dataset.n;
    if (key) for (const line of [...(scene.out.get(key) || []), ...(scene.into.get(key) || [])]) line.element.classList.toggle("pointed", on);
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") { if (!found.hidden) { found.hidden = true; find.focus(); } else if (focus) { const key = focus; go(null); scene.nodes.get(key)?.focus({ preventScroll: true }); } return; }
    const there = stage.contains(document.activeElement) || document.activeElement === document.body || $("zoom").contains(document.activeElement);
    if (!there || event.ctrlKey || event.metaKey || event.altKey) return;
    const node = event.target.closest?.("[role=button]");
    if ((event.key === "Enter" || event.key === " ") && node && stage.contains(node)) { event.preventDefault(); go(node.dataset.n || `d:${node.dataset.domain}`); return; }
    const steps = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    if (event.key === "+" || event.key === "=") zoom(1.25); else if (event.key === "-") zoom(.8); else if (event.key === "0") all();
    else if (steps[event.key] && document.activeElement !== document.body) pan(...steps[event.key]); else return;
    event.preventDefault();
  });
  stage.addEventListener("focusin", (event) => { if (event.target.matches?.(":focus-visible")) show(event.target.closest("[data-n]")); });
  $("domain").addEventListener("change", (event) => go(event.target.value || null));
  for (const id of ["depth", "up", "down"]) $(id).addEventListener("change", () => (data.whole ? fade() : apply(focus)));
  for (const one of document.querySelectorAll("[data-layer]")) one.addEventListener("change", layers);
  addEventListener("popstate", () => { const key = asked(location.hash); if (key || !location.hash) { apply(key); near(); } });
  let wide = innerWidth;
  addEventListener("resize", () => { if (innerWidth === wide) return; wide = innerWidth; // a phone's bars come and go while one scrolls
     svg.setAttribute("viewBox", `${home.x} ${home.y} ${home.w} ${home.h}`); start(); if (focus) frame(); });

  $("tools").hidden = false;
  for (const one of document.querySelectorAll(".no-script")) one.hidden = true;
  stage.classList.add("live");
  stage.tabIndex = 0;
  stage.setAttribute("aria-label", "The map: + and - zoom, arrows move, 0 shows everything, Escape leaves the focus");
  stage.setAttribute("role", "region");
  // Addresses lead to the map now, no longer to the list below it.
  for (const one of document.querySelectorAll("article[id], .lines li[id], details[id]")) one.removeAttribute("id");
  begin();
  const key = asked(location.hash);
  if (key) { apply(key); scrollTo(0, 0); near(); }
})();
