// The picture: draws what the model shows where the layout puts it, and changes only what has changed.

import { wide, narrow, BOX } from "./layout.js";
import { age, bytes, percent, rate } from "./model.js";

const NARROW = 640; // pixels

function element(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes || {}))
    made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function set(node, key, value) {
  if (node.getAttribute(key) !== String(value))
    node.setAttribute(key, value);
}

export function say(node, text) {
  if (node.textContent !== text)
    node.textContent = text;
}

const isSupervision = bundle => bundle.contract === "supervision";

export class Picture {
  constructor(svg) {
    this.svg = svg;
    this.lines = element("g", { class: "lines", "aria-hidden": "true" });
    this.labels = element("g", { class: "labels", "aria-hidden": "true" });
    this.boxes = element("g", { class: "boxes" });
    const arrow = element("marker", { id: "arrow", viewBox: "0 0 10 10", refX: 9, refY: 5, markerWidth: 9, markerHeight: 9,
      markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" }, element("path", { d: "M0 1L9 5L0 9z", class: "arrow" }));
    svg.append(element("defs", {}, arrow), this.lines, this.boxes, this.labels);
    this.box = new Map();
    this.line = new Map();
    this.supervision = false;
    this.drawn = "";
    svg.addEventListener("keydown", event => event.key === "Escape" && document.activeElement.blur());
  }

  show(view) {
    // What a process says to itself is in the table only.
    const bundles = view.bundles.filter(bundle => bundle.client !== bundle.server && (this.supervision || !isSupervision(bundle)));
    const thin = this.svg.parentNode.clientWidth < NARROW;
    const keys = view.processes.map(process => process.key);
    const drawn = JSON.stringify([thin, keys, bundles.map(bundle => bundle.key)]);
    if (drawn !== this.drawn && keys.length) {
      this.drawn = drawn;
      this.place((thin ? narrow : wide)(keys, bundles), keys, bundles);
    }
    for (const process of view.processes)
      this.showBox(process, bundles);
    for (const bundle of bundles)
      this.showLine(bundle);
    for (const process of view.restarted)
      this.flash(process);
  }

  // ---- Where things are ----

  place(layout, keys, bundles) {
    set(this.svg, "viewBox", [layout.x, layout.y, layout.width, layout.height].join(" "));
    this.svg.style.maxWidth = layout.width * (layout.narrow ? 1.3 : 1.15) + "px";
    for (const key of keys)
      if (!this.box.has(key))
        this.box.set(key, this.makeBox(key));
    for (const bundle of bundles)
      if (!this.line.has(bundle.key))
        this.line.set(bundle.key, this.makeLine());
    this.drop(this.box, new Set(keys));
    this.drop(this.line, new Set(bundles.map(bundle => bundle.key)));
    for (const [key, box] of this.box) {
      const { x, y } = layout.nodes.get(key);
      set(box.group, "transform", `translate(${x} ${y})`);
    }
    // In the document they are in the order in which they are seen, for those who go through them by key.
    this.boxes.append(...[...keys].sort((one, other) => {
      const [a, b] = [layout.nodes.get(one), layout.nodes.get(other)];
      return a.x - b.x || a.y - b.y;
    }).map(key => this.box.get(key).group));
    for (const [key, line] of this.line) {
      const { path, x, y, back, length } = layout.lines.get(key);
      set(line.path, "d", path);
      set(line.flow, "d", path);
      line.back = back;
      set(line.path, back ? "marker-start" : "marker-end", "url(#arrow)");
      line.path.removeAttribute(back ? "marker-end" : "marker-start");
      line.room = layout.narrow ? length : Infinity;
      set(line.label, "transform", `translate(${x} ${y})` + (layout.narrow ? " rotate(90)" : ""));
      line.label.classList.toggle("short", layout.narrow);
    }
  }

  drop(map, wanted) {
    for (const [key, made] of map)
      if (!wanted.has(key)) {
        made.all.forEach(node => node.remove());
        map.delete(key);
      }
  }

  // ---- Boxes ----

  makeBox(key) {
    const text = (x, y, name) => element("text", { x, y, class: name });
    const box = {
      name: text(14, 25, "name"), phase: text(BOX.width - 14, 25, "phase"),
      memory: text(14, 82, "small"), cpu: text(14, 47, "small"), since: text(BOX.width - 14, 47, "small end"),
      counter: text(BOX.width - 14, 82, "counter end"),
      used: element("rect", { x: 14, y: 58, height: 7, rx: 3.5, class: "used" }),
      line: new Map(),
    };
    box.group = element("g", { class: "box", tabindex: 0, role: "img" },
      element("rect", { width: BOX.width, height: BOX.height, rx: 10, class: "shell" }),
      element("rect", { width: 5, height: BOX.height - 20, x: 0, y: 10, rx: 2.5, class: "stripe" }),
      element("rect", { x: 14, y: 58, height: 7, width: BOX.width - 28, rx: 3.5, class: "limit" }), box.used,
      box.name, box.phase, box.cpu, box.since, box.memory, box.counter);
    box.all = [box.group];
    for (const [event, on] of [["mouseenter", true], ["focus", true], ["mouseleave", false], ["blur", false]])
      box.group.addEventListener(event, () => this.point(on ? key : null));
    say(box.name, key.length > 17 ? key.slice(0, 16) + "…" : key);
    return box;
  }

  showBox(process, bundles) {
    const box = this.box.get(process.key);
    const part = process.memory_limit ? Math.min(1, process.memory / process.memory_limit) : 0;
    const memory = process.memory_limit ? `${bytes(process.memory)} of ${bytes(process.memory_limit)}` : "no memory";
    const restarts = process.restarts === 1 ? "1 restart" : process.restarts + " restarts";
    set(box.group, "data-phase", process.kind);
    say(box.phase, process.phase || "");
    say(box.cpu, percent(process.cpu) + " CPU");
    say(box.since, "for " + age(process.age));
    say(box.memory, memory);
    say(box.counter, process.restarts ? "↻ " + process.restarts : "");
    set(box.used, "width", Math.max(part ? 3 : 0, part * (BOX.width - 28)).toFixed(1));
    set(box.used, "data-full", part > 0.9);
    const neighbours = (mine, other, word) => {
      const names = [...new Set(bundles.filter(bundle => bundle[mine] === process.key).map(bundle => bundle[other]))];
      return names.length ? ` ${word} ${names.join(", ")}.` : "";
    };
    set(box.group, "aria-label", `${process.key}, ${process.phase}, ${restarts}. ${memory}.` +
      neighbours("client", "server", "Client of") + neighbours("server", "client", "Serves"));
    if (box.restarts !== undefined)
      box.counter.classList.toggle("risen", false);
    box.restarts = process.restarts;
  }

  flash(process) {
    const { group, counter } = this.box.get(process.key);
    group.classList.remove("flash");
    void group.getBoundingClientRect(); // so that the animation begins anew
    group.classList.add("flash");
    counter.classList.add("risen");
  }

  // What has nothing to do with that box steps back.
  point(key) {
    this.svg.classList.toggle("pointed", key !== null);
    const near = new Set([key]);
    for (const line of this.line.values()) {
      const touches = line.bundle && (line.bundle.client === key || line.bundle.server === key);
      line.all.forEach(node => node.classList.toggle("near", touches));
      if (touches)
        near.add(line.bundle.client).add(line.bundle.server);
    }
    for (const [name, box] of this.box)
      box.group.classList.toggle("near", near.has(name));
  }

  // ---- Lines ----

  makeLine() {
    const line = {
      path: element("path", { class: "line" }), flow: element("path", { class: "flow" }),
      contract: element("text", { class: "contract", y: -3 }), state: element("text", { class: "state", y: 12 }),
    };
    line.ground = element("rect", { class: "ground", rx: 5 });
    line.label = element("g", { class: "label" }, line.ground, line.contract, line.state);
    line.group = element("g", {}, line.path, line.flow);
    line.all = [line.group, line.label];
    this.lines.append(line.group);
    this.labels.append(line.label);
    return line;
  }

  showLine(bundle) {
    const line = this.line.get(bundle.key);
    const both = bundle.rate[0] + bundle.rate[1];
    const many = bundle.count > 1 && !bundle.gone ? " ×" + bundle.count : "";
    line.bundle = bundle;
    for (const node of line.all) {
      set(node, "data-contract", bundle.contract);
      node.classList.toggle("gone", bundle.gone);
      node.classList.toggle("busy", both > 0.05);
    }
    set(line.path, "stroke-width", (1.5 + Math.min(4, Math.log10(1 + both))).toFixed(1));
    if (both > 0.05)
      line.flow.style.animationDuration = Math.max(0.4, 3 - Math.log10(1 + both)) + "s";
    line.flow.style.animationDirection = line.back ? "reverse" : "normal";
    const perSecond = rate(both) + "/s";
    if (line.label.classList.contains("short")) { // on its side, in one row, as long as there is room
      const full = `${bundle.contract}${many} ${perSecond}`;
      say(line.contract, full.length * 6.6 < line.room ? full : bundle.contract.length * 6.6 < line.room ? bundle.contract : "");
      say(line.state, "");
    } else {
      say(line.contract, bundle.contract + many);
      say(line.state, (bundle.state ? bundle.state + " · " : "") + perSecond);
    }
    const short = line.state.textContent === "";
    const width = Math.max(line.contract.textContent.length * 7.2, line.state.textContent.length * 6.5) + 6;
    for (const [key, value] of [["x", -width / 2], ["y", short ? -8 : -15], ["width", width], ["height", short ? 15 : 31]])
      set(line.ground, key, value);
  }
}
