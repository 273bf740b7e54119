// Where boxes and lines go. Wide: columns, clients left of their servers, lines that pass a column have a place of their own
// in it, and each line runs through its label. Narrow: one column of boxes, lines as brackets beside it. Pure arithmetic.

export const BOX = { width: 212, height: 104 };
const GAP = { column: 176, row: 30, label: 34, pass: 30 };
const MARGIN = 14;

// Column of each box: the longest way from a box that nobody is a server for. Ways that lead back do not count.
function columnsOf(keys, edges) {
  const column = new Map(), busy = new Set();
  const into = key => edges.filter(edge => edge.server === key && edge.client !== key);
  function find(key) {
    if (column.has(key))
      return column.get(key);
    busy.add(key);
    let longest = 0;
    for (const edge of into(key))
      if (!busy.has(edge.client))
        longest = Math.max(longest, find(edge.client) + 1);
    busy.delete(key);
    column.set(key, longest);
    return longest;
  }
  keys.forEach(find);
  return column;
}

// The parts of a line from column to column; in between it has places without a box.
function partsOf(edges, column, columns) {
  const parts = [];
  for (const edge of edges) {
    const back = column.get(edge.client) > column.get(edge.server);
    const [from, to] = back ? [edge.server, edge.client] : [edge.client, edge.server];
    let last = from;
    for (let i = column.get(from) + 1; i < column.get(to); i++) {
      const place = { key: edge.key + "\n" + i, pass: true, height: GAP.pass };
      columns[i].push(place);
      parts.push({ edge, from: last, to: place.key, gap: i - 1 });
      last = place.key;
    }
    parts.push({ edge, from: last, to, gap: Math.max(0, column.get(to) - 1), last: true, back });
  }
  return parts;
}

function order(columns, parts) {
  const place = new Map();
  const number = column => column.forEach((node, i) => place.set(node.key, i + (1 - column.length) / 2));
  columns.forEach(number);
  for (let sweep = 0; sweep < 8; sweep++) {
    const right = sweep % 2 === 0;
    for (const column of right ? columns : [...columns].reverse()) {
      for (const node of column) {
        const ends = parts.filter(part => (right ? part.to : part.from) === node.key)
          .map(part => place.get(right ? part.from : part.to));
        node.weight = ends.length ? ends.reduce((sum, one) => sum + one, 0) / ends.length : place.get(node.key);
      }
      column.sort((one, other) => one.weight - other.weight || (one.key < other.key ? -1 : 1));
      number(column);
    }
  }
}

// Moves labels apart, each as near to where it would like to be as the others let it.
function spread(labels, least) {
  labels.sort((one, other) => one.y - other.y);
  for (let round = 0; round < 60; round++)
    for (let i = 1; i < labels.length; i++) {
      const short = least - (labels[i].y - labels[i - 1].y);
      if (short > 0) {
        labels[i - 1].y -= short / 2;
        labels[i].y += short / 2;
      }
    }
}

const curve = (x1, y1, x2, y2) => {
  const middle = (x1 + x2) / 2;
  return `C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
};

export function wide(keys, edges) {
  const column = columnsOf(keys, edges);
  const columns = Array.from({ length: Math.max(0, ...column.values()) + 1 }, () => []);
  for (const key of keys)
    columns[column.get(key)].push({ key, height: BOX.height });
  const parts = partsOf(edges, column, columns);
  order(columns, parts);

  const heightOf = list => list.reduce((sum, node) => sum + node.height, 0) + GAP.row * (list.length - 1);
  const labelsIn = columns.map((_, i) => parts.filter(part => part.last && part.gap === i).length);
  let height = Math.max(...columns.map(heightOf), ...labelsIn.map(count => count * GAP.label));
  const nodes = new Map();
  columns.forEach((list, i) => {
    const free = height - heightOf(list), between = list.length > 1 ? Math.min(70, free / (list.length - 1)) : 0;
    let y = MARGIN + (free - between * (list.length - 1)) / 2;
    for (const node of list) {
      Object.assign(node, { x: MARGIN + i * (BOX.width + GAP.column), y, width: BOX.width });
      nodes.set(node.key, node);
      y += node.height + GAP.row + between;
    }
  });

  // Ports: where lines leave and arrive at a box, in the order of what is at their other ends.
  const port = new Map();
  for (const node of nodes.values())
    for (const side of ["from", "to"]) {
      const ends = parts.filter(part => part[side] === node.key);
      const other = side === "from" ? "to" : "from";
      ends.sort((one, two) => nodes.get(one[other]).y - nodes.get(two[other]).y || (one.edge.key < two.edge.key ? -1 : 1));
      ends.forEach((part, i) => port.set(side + part.edge.key + part.gap, node.y + node.height * (i + 1) / (ends.length + 1)));
    }
  for (const part of parts) {
    const from = nodes.get(part.from), to = nodes.get(part.to);
    part.x1 = from.x + from.width;
    part.x2 = to.x;
    part.y1 = port.get("from" + part.edge.key + part.gap);
    part.y2 = port.get("to" + part.edge.key + part.gap);
    part.y = (part.y1 + part.y2) / 2;
  }
  columns.forEach((_, i) => spread(parts.filter(part => part.last && part.gap === i), GAP.label));
  const top = Math.min(MARGIN, ...parts.filter(part => part.last).map(part => part.y - GAP.label / 2));
  const bottom = Math.max(height + MARGIN, ...parts.filter(part => part.last).map(part => part.y + GAP.label / 2));

  const lines = new Map();
  for (const part of parts) {
    const line = lines.get(part.edge.key) || { path: "", key: part.edge.key };
    line.path += line.path ? "" : `M${part.x1} ${part.y1}`;
    if (part.last) {
      const middle = (part.x1 + part.x2) / 2;
      line.path += curve(part.x1, part.y1, middle, part.y) + curve(middle, part.y, part.x2, part.y2);
      Object.assign(line, { x: middle, y: part.y, back: part.back });
    } else {
      line.path += curve(part.x1, part.y1, part.x2, part.y2) + `L${part.x2 + BOX.width} ${part.y2}`;
    }
    lines.set(part.edge.key, line);
  }
  return {
    nodes, lines, narrow: false, x: 0, y: top - MARGIN / 2,
    width: 2 * MARGIN + columns.length * BOX.width + (columns.length - 1) * GAP.column,
    height: bottom - top + 2 * MARGIN,
  };
}

export function narrow(keys, edges) {
  const column = columnsOf(keys, edges);
  const sorted = [...keys].sort((one, other) => column.get(one) - column.get(other));
  const nodes = new Map(), lines = new Map();
  sorted.forEach((key, i) => nodes.set(key, { key, x: 4, y: 6 + i * (BOX.height + 18), width: BOX.width, height: BOX.height }));
  const spans = edges.map(edge => {
    const [a, b] = [nodes.get(edge.client), nodes.get(edge.server)];
    return { edge, top: Math.min(a.y, b.y), bottom: Math.max(a.y, b.y), down: a.y <= b.y };
  }).sort((one, other) => one.bottom - one.top - (other.bottom - other.top) || one.top - other.top);
  const lanes = [];
  const ports = new Map(sorted.map(key => [key, edges.filter(edge => edge.client === key || edge.server === key).length]));
  const used = new Map();
  const next = key => {
    const node = nodes.get(key), i = (used.get(key) || 0) + 1;
    used.set(key, i);
    return node.y + node.height * i / (ports.get(key) + 1);
  };
  for (const span of spans) {
    let lane = lanes.findIndex(taken => taken.every(other => span.top >= other.bottom || span.bottom <= other.top));
    if (lane < 0)
      lane = lanes.push([]) - 1;
    lanes[lane].push(span);
    span.lane = lane;
  }
  for (const span of spans) {
    const x0 = 4 + BOX.width, x = x0 + 18 + span.lane * 20, y1 = next(span.edge.client), y2 = next(span.edge.server);
    const r = 7 * Math.sign(y2 - y1 || 1);
    lines.set(span.edge.key, {
      key: span.edge.key, x, y: (y1 + y2) / 2, length: Math.abs(y2 - y1), back: false,
      path: `M${x0} ${y1}H${x - 7}q7 0 7 ${r}V${y2 - r}q0 ${r} -7 ${r}H${x0}`,
    });
  }
  return { nodes, lines, narrow: true, x: 0, y: 0, width: BOX.width + 24 + 18 + 20 * lanes.length,
    height: 12 + sorted.length * (BOX.height + 18) };
}
