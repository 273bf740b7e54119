// The status page: asks for /status.json every second and shows it, until it is told to pause or nobody looks. When the server
// does not answer it says so, keeps what it has, and tries on.

import { Model, number, rate } from "./model.js";
import { Picture, say } from "./picture.js";
import { Table, channelColumns, processColumns } from "./tables.js";

const EVERY = 1000, PATIENCE = 4000; // milliseconds
const HISTORY = 120; // samples

const find = id => document.getElementById(id);
const model = new Model();
const picture = new Picture(find("picture"));
const processes = new Table(find("processes"), processColumns);
const channels = new Table(find("channels"), channelColumns);
const history = [];
let shown = null, paused = false, timer = 0, lostAt = 0;

function showServer(view) {
  say(find("requests"), number(view.server.requests));
  say(find("rate"), rate(view.server.rate));
  say(find("connections"), number(view.server.connections));
  say(find("errors"), number(view.server.errors));
  say(find("restarts"), number(view.processes.reduce((sum, process) => sum + process.restarts, 0)));
  history.push(view.server.rate);
  if (history.length > HISTORY)
    history.shift();
  const most = Math.max(10, ...history);
  const points = history.map((value, i) =>
    `${(240 - (history.length - 1 - i) * 240 / (HISTORY - 1)).toFixed(1)} ${(46 - 43 * value / most).toFixed(1)}`);
  const first = points[0].split(" ")[0];
  find("history-line").setAttribute("d", "M" + points.join("L"));
  find("history-area").setAttribute("d", `M${first} 48L${points.join("L")}L240 48Z`);
}

function show(view) {
  shown = view;
  document.documentElement.dataset.shown = "yes";
  showServer(view);
  picture.show(view);
  processes.show(view.processes);
  channels.show(view.bundles);
  find("crash").hidden = !view.processes.some(process => process.key === "extension");
  for (const process of view.restarted)
    tell(`${process.key} was started again, restart ${process.restarts}.`);
}

function tell(text) {
  const line = document.createElement("span");
  line.textContent = text + " ";
  find("told").append(line);
  while (find("told").children.length > 5)
    find("told").firstChild.remove();
}

// ---- Asking ----

function lost(why) {
  lostAt ||= Date.now();
  document.documentElement.classList.add("lost");
  find("lost").hidden = false;
  const since = Math.round((Date.now() - lostAt) / 1000);
  say(find("lost"), `The server does not answer (${why}). ` + (shown ? "These are its last figures; " : "") +
    (since > 1 ? `asking again each second, for ${since} s now.` : "asking again each second."));
}

function found() {
  if (lostAt && shown)
    tell("The server answers again.");
  lostAt = 0;
  document.documentElement.classList.remove("lost");
  find("lost").hidden = true;
}

async function ask() {
  clearTimeout(timer);
  timer = 0;
  const control = new AbortController(), patience = setTimeout(() => control.abort(), PATIENCE);
  try {
    const answer = await fetch("/status.json", { cache: "no-store", signal: control.signal });
    if (!answer.ok)
      throw new Error("it answers " + answer.status);
    const status = await answer.json();
    found();
    show(model.take(status, performance.now()));
  } catch (error) {
    lost(error.name === "AbortError" ? "not within " + PATIENCE / 1000 + " s"
      : error.name === "TypeError" ? "no connection"
      : error.name === "SyntaxError" ? "its answer is no JSON" : error.message);
  } finally {
    clearTimeout(patience);
    next();
  }
}

function next() {
  clearTimeout(timer);
  timer = paused || document.hidden ? 0 : setTimeout(ask, EVERY);
}

// ---- What the reader does ----

find("pause").addEventListener("click", () => {
  paused = !paused;
  find("pause").setAttribute("aria-pressed", String(paused));
  document.documentElement.classList.toggle("paused", paused);
  next();
});

find("supervision").addEventListener("change", event => {
  picture.supervision = event.target.checked;
  if (shown)
    picture.show({ ...shown, restarted: [] });
});

find("crash").addEventListener("click", async () => {
  find("crash").disabled = true;
  try {
    const answer = await fetch("/ext/crash", { cache: "no-store" });
    tell(`The request that crashed the extension was answered ${answer.status}.`);
  } catch {
    tell("The request that crashed the extension was not answered.");
  }
  find("crash").disabled = false;
});

document.addEventListener("visibilitychange", next);
new ResizeObserver(() => shown && picture.show({ ...shown, restarted: [] })).observe(find("frame"));
ask();
