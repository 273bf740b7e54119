// The exact figures, as tables. Rows stay the same elements as long as what they show is there, so that a selection, or where
// somebody reads, is not lost every second.

import { age, bytes, number, percent, rate } from "./model.js";
import { say } from "./picture.js";

export class Table {
  // columns: [title, function of a row -> text, class of the cell]
  constructor(table, columns) {
    this.columns = columns;
    this.rows = new Map();
    const head = document.createElement("tr");
    for (const [title, , kind] of columns) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.className = kind || "";
      cell.textContent = title;
      head.append(cell);
    }
    this.body = document.createElement("tbody");
    table.append(document.createElement("thead"), this.body);
    table.tHead.append(head);
  }

  make() {
    const row = document.createElement("tr");
    this.columns.forEach(([, , kind], i) => {
      const cell = document.createElement(i ? "td" : "th");
      if (!i)
        cell.scope = "row";
      cell.className = kind || "";
      row.append(cell);
    });
    return row;
  }

  show(list) {
    const keys = new Set(list.map(one => one.key));
    for (const [key, row] of this.rows)
      if (!keys.has(key)) {
        row.remove();
        this.rows.delete(key);
      }
    list.forEach((one, i) => {
      let row = this.rows.get(one.key);
      if (!row)
        this.rows.set(one.key, row = this.make());
      row.dataset.phase = one.kind || "";
      row.classList.toggle("gone", Boolean(one.gone));
      this.columns.forEach(([, text], column) => say(row.cells[column], text(one)));
      if (this.body.rows[i] !== row)
        this.body.insertBefore(row, this.body.rows[i] || null);
    });
  }
}

export const processColumns = [
  ["Process", one => one.key],
  ["Phase", one => one.phase || "", "phase"],
  ["Number", one => (one.number ? String(one.number) : "–"), "figure"],
  ["Restarts", one => number(one.restarts), "figure"],
  ["Back after", one => (one.restarted_ns ? (one.restarted_ns / 1e6).toFixed(2) + " ms" : "–"), "figure"],
  ["For", one => age(one.age), "figure"],
  ["CPU", one => percent(one.cpu), "figure"],
  ["Memory", one => bytes(one.memory || 0), "figure"],
  ["of", one => bytes(one.memory_limit || 0), "figure"],
  ["Threads", one => number(one.threads || 0), "figure"],
  ["Handles", one => number(one.handles || 0), "figure"],
  ["Calls /s", one => rate(one.callRate), "figure"],
  ["Messages /s", one => rate(one.messageRate), "figure"],
];

function states(one) {
  if (one.gone || one.states.size === 0)
    return one.state;
  return [...one.states].map(([state, count]) => (one.count > 1 ? `${state} ×${count}` : state)).join(", ");
}

export const channelColumns = [
  ["Client", one => one.client],
  ["Server", one => one.server],
  ["Contract", one => one.contract],
  ["Channels", one => number(one.gone ? 0 : one.count), "figure"],
  ["State", states],
  ["Waiting", one => `${number(one.queued[0])} / ${number(one.queued[1])}`, "figure"],
  ["Client says /s", one => rate(one.rate[0]), "figure"],
  ["Server says /s", one => rate(one.rate[1]), "figure"],
  ["Messages", one => number(one.messages[0] + one.messages[1]), "figure"],
];
