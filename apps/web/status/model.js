// What the status says, made into what is shown: processes with rates, and channels in bundles. Keeps the sample before, and
// for a while what is gone, so that the picture does not jump while a process is started again. No document in here.

const KEPT_FOR = 20000; // milliseconds that a bundle without channels is still shown
const CLOSED = 4294967295;

const kind = phase => String(phase || "stopped").replace(/[^a-z]+/g, "-");

export class Model {
  constructor() {
    this.before = null; // { time, processes: Map, bundles: Map, server }
    this.bundles = new Map(); // shown
    this.restarts = new Map(); // by name
  }

  // Takes an answer of /status.json; `now` is of this side's clock. -> what to show
  take(status, now) {
    const seconds = this.before ? Math.max(0.05, (now - this.before.now) / 1000) : 0;
    const processes = this.takeProcesses(status.processes || [], seconds, status.time);
    const bundles = this.takeChannels(status.channels || [], processes, seconds, now);
    const server = this.takeServer(status.server || {}, seconds);
    const restarted = processes.filter(process => {
      const last = this.restarts.get(process.name);
      this.restarts.set(process.name, process.restarts);
      return last !== undefined && process.restarts > last;
    });
    this.before = {
      now, server,
      processes: new Map(processes.map(process => [process.key, process])),
      bundles: new Map(bundles.filter(bundle => !bundle.gone).map(bundle => [bundle.key, bundle])),
    };
    return { time: status.time, processes, bundles, server, restarted };
  }

  takeProcesses(list, seconds, time) {
    const seen = new Map();
    // What a process gives to those that it starts counts as its own, too; shown is what it keeps.
    const parted = new Map();
    for (const { parent, memory_limit, number } of list)
      if (parent && number)
        parted.set(parent, (parted.get(parent) || 0) + (memory_limit || 0));
    return list.map(given => {
      const name = String(given.name || "process " + given.number);
      const times = seen.get(name) || 0;
      seen.set(name, times + 1);
      const key = times ? name + " " + given.number : name; // of two with one name the second has its number
      const last = this.before && this.before.processes.get(key);
      const same = last && last.number === given.number && given.number !== 0;
      const rate = field => (same && seconds ? Math.max(0, (given[field] - last[field]) / seconds) : 0);
      const part = Math.min((given.number && parted.get(given.number)) || 0, given.memory || 0);
      return {
        ...given, memory: given.memory - part || 0, memory_limit: given.memory_limit - part || 0, key, name, kind: kind(given.phase), age: given.since ? Math.max(0, time - given.since) : 0,
        cpu: rate("cpu_ns") / 1e9, callRate: rate("calls"), messageRate: rate("messages"),
        restarts: given.restarts || 0,
      };
    });
  }

  takeChannels(list, processes, seconds, now) {
    const byNumber = new Map(processes.filter(process => process.number).map(process => [process.number, process.key]));
    const found = new Map();
    for (const channel of list) {
      const client = byNumber.get(channel.client), server = byNumber.get(channel.server);
      if (!client || !server || channel.client === CLOSED || channel.server === CLOSED)
        continue; // an end that travels, or whose other end is closed
      const contract = channel.contract || "another contract";
      const key = [client, server, contract].join("\n");
      let bundle = found.get(key);
      if (!bundle)
        found.set(key, bundle = { key, client, server, contract, count: 0, states: new Map(), queued: [0, 0], messages: [0, 0] });
      const count = channel.count || 1;
      bundle.count += count;
      if (channel.state)
        bundle.states.set(channel.state, (bundle.states.get(channel.state) || 0) + count);
      for (const end of [0, 1]) {
        bundle.queued[end] += channel.queued[end];
        bundle.messages[end] += channel.messages[end];
      }
    }
    for (const bundle of found.values()) {
      const last = this.before && this.before.bundles.get(bundle.key);
      bundle.rate = [0, 1].map(end =>
        last && seconds ? Math.max(0, (bundle.messages[end] - last.messages[end]) / seconds) : 0);
      bundle.state = bundle.states.size === 1 ? bundle.states.keys().next().value
        : bundle.states.size ? bundle.states.size + " states" : "";
      bundle.seen = now;
      bundle.gone = false;
      this.bundles.set(bundle.key, bundle);
    }
    const names = new Set(processes.map(process => process.key));
    for (const [key, bundle] of this.bundles) {
      if (found.has(key))
        continue;
      Object.assign(bundle, { gone: true, rate: [0, 0], state: "closed", queued: [0, 0] });
      if (now - bundle.seen > KEPT_FOR || !names.has(bundle.client) || !names.has(bundle.server))
        this.bundles.delete(key);
    }
    return [...this.bundles.values()].sort((one, other) => (one.key < other.key ? -1 : 1));
  }

  takeServer(server, seconds) {
    const last = this.before && this.before.server;
    const requests = server.requests || 0;
    // A server that was started again counts from 0.
    const rate = last && seconds ? Math.max(0, (requests - (requests < last.requests ? 0 : last.requests)) / seconds) : 0;
    return { requests, rate, connections: server.connections || 0, errors: server.errors || 0 };
  }
}

// ---- As text ----

export function bytes(count) {
  if (count < 1024)
    return count + " B";
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let unit = -1;
  do {
    count /= 1024;
    unit++;
  } while (count >= 1024 && unit < units.length - 1);
  return (count < 10 ? count.toFixed(1) : Math.round(count)) + " " + units[unit];
}

export function number(count) {
  return Math.round(count).toLocaleString("en").replaceAll(",", "\u2009");
}

export function rate(value) {
  if (value >= 10000)
    return Math.round(value / 1000) + "k";
  if (value >= 1000)
    return (value / 1000).toFixed(1) + "k";
  return value && value < 9.95 ? value.toFixed(1) : String(Math.round(value));
}

export function percent(part) {
  return (part * 100).toFixed(part >= 0.0005 && part < 0.0995 ? 1 : 0) + " %";
}

export function age(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 60)
    return seconds + " s";
  if (seconds < 3600)
    return Math.floor(seconds / 60) + " min";
  if (seconds < 86400)
    return Math.floor(seconds / 3600) + " h " + Math.floor(seconds / 60 % 60) + " min";
  return Math.floor(seconds / 86400) + " d";
}
