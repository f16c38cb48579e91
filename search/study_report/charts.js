// The charts of a study: its front, learning curves, growth, and bars
"use strict";

const LEAST_ERROR = 1e-4;
const errorOf = (accuracy) => Math.max(LEAST_ERROR, 1 - accuracy);
const widthOf = (id) => Math.max(280, Math.min(1040, document.getElementById(id).clientWidth || 900));

// Points of all kinds in one list, for the chart and for the search of the nearest one.
function frontPoints(overview) {
  const members = new Map(overview.confirmed.map((point) => [point.trial, point]));
  const onFront = new Set(overview.front.map((point) => point.trial));
  const trials = overview.trials.filter((row) => row[1] !== "diverged" && row[3] !== null && !onFront.has(row[0]));
  return [
    ...trials.map(([trial, outcome, size, accuracy, , , notation]) => ({ kind: outcome, trial, size, accuracy, notation })),
    ...overview.references.map((system) => ({
      kind: "reference", size: system.num_params, notation: system.notation, name: system.name,
      accuracy: system.measured ? system.measured.mean : system.claimed, claimed: system.claimed,
    })),
    ...overview.front.map((point) => ({
      kind: "front", trial: point.trial, size: point.num_params, accuracy: point.val_accuracy, notation: point.notation,
      member: members.get(point.trial),
    })),
    ...overview.confirmed.filter((point) => !onFront.has(point.trial)).map((point) => ({
      kind: "front", trial: point.trial, size: point.num_params, accuracy: point.val_accuracy, notation: point.notation, member: point,
    })),
  ];
}

function describePoint(point) {
  if (point.kind === "reference") {
    return `${point.name}, reference system: ${percent(point.accuracy)} of the test images measured here, ${percent(point.claimed)} claimed, ${integer(point.size)} parameters`;
  }
  const where = { front: ", on the front", pruned: ", pruned", complete: "" }[point.kind];
  const tested = point.member ? `; confirmed: ${percent(point.member.accuracy)} of the test images (${percent(point.member.low)} to ${percent(point.member.high)})` : "";
  return `Trial ${point.trial}${where}: ${percent(point.accuracy)} of the validation images, ${integer(point.size)} parameters${tested}`;
}

// The range of errors that the chart shows: that of the front and of what lies near it. Hopeless trials lie below it.
function errorRange(overview, points) {
  const shown = points.filter((point) => point.kind === "front" || (point.kind === "reference" && point.accuracy > 0.9)).map((point) => errorOf(point.accuracy));
  const members = overview.confirmed.flatMap((point) => [errorOf(point.high), errorOf(point.low)]);
  const all = shown.length ? [...shown, ...members] : points.map((point) => errorOf(point.accuracy));
  const low = Math.min(...all, 0.5);
  return [low / 1.25, Math.min(1, Math.max(...all, low * 3) * 1.6)];
}

function drawFront(id, overview, selected, onSelect) {
  const points = frontPoints(overview);
  if (!points.some((point) => point.trial !== undefined)) return fill(id, make("p", { class: "lead" }, "No trial is complete yet."));
  const width = widthOf(id);
  const height = Math.max(300, Math.min(460, width * 0.62));
  const budget = overview.settings.budget;
  const sizes = points.filter((point) => point.kind !== "reference").map((point) => point.size);
  const largest = Math.max(budget, ...points.filter((point) => point.kind === "reference" && point.size < budget * 4).map((point) => point.size));
  const [low, high] = errorRange(overview, points);
  const visible = points.filter((point) => errorOf(point.accuracy) <= high && point.size <= largest);
  const { svg, xs, ys, box } = frame({
    width, height, name: "Pareto front: accuracy against parameters",
    x: (from, to) => logScale(Math.min(...sizes) / 1.15, largest * 1.15, from, to),
    y: (from, to) => logScale(high, low, from, to),
    xLabel: "parameters", yLabel: "validation accuracy", xTick: integer, yTick: accuracyLabel,
  });
  const at = (point) => [xs(point.size), ys(errorOf(point.accuracy))];
  svg.append(make("svg:line", { class: "budget", x1: xs(budget), x2: xs(budget), y1: box.top, y2: box.bottom }));
  svg.append(make("svg:text", { class: "label budget-label", x: xs(budget), y: box.top - 8, "text-anchor": "end" }, `budget ${integer(budget)}`));
  // A path for each kind: a short line with round ends is a dot, and thousands of them are one element.
  for (const kind of ["pruned", "complete"]) {
    const d = visible.filter((point) => point.kind === kind).map((point) => `M${at(point).map((value) => value.toFixed(1)).join(" ")}h.01`).join("");
    if (d) svg.append(make("svg:path", { class: `dots ${kind}`, d }));
  }
  const front = visible.filter((point) => point.kind === "front").sort((a, b) => a.size - b.size);
  const searched = front.filter((point) => overview.front.some((other) => other.trial === point.trial));
  const steps = searched.flatMap((point, index) => {
    const [x, y] = at(point);
    return index ? [[x, ys(errorOf(searched[index - 1].accuracy))], [x, y]] : [[x, y]];
  });
  if (steps.length) svg.append(make("svg:path", { class: "steps", d: pathOf([...steps, [xs(budget), steps[steps.length - 1][1]]]) }));
  const labels = [];
  for (const point of visible.filter((other) => other.kind === "reference")) {
    const [x, y] = at(point);
    // A name stands to the right of its system, or to its left, unless another is there.
    const length = 6.6 * point.name.length;
    const side = [x + 10, x - 10 - length].find((left) => left > box.left && left + length < width
      && labels.every((other) => Math.abs(other.y - y) > 13 || left > other.left + other.length || other.left > left + length));
    if (side !== undefined) {
      labels.push({ left: side, length, y });
      svg.append(make("svg:text", { class: "label reference-label", x: side, y: y + 4 }, point.name));
    }
    const claimed = ys(errorOf(point.claimed));
    if (claimed >= box.top && claimed <= box.bottom) {
      svg.append(make("svg:line", { class: "claim", x1: x, x2: x, y1: y, y2: claimed }));
      svg.append(make("svg:line", { class: "claim", x1: x - 4, x2: x + 4, y1: claimed, y2: claimed }));
    }
    svg.append(make("svg:path", { class: "reference", d: `M${x} ${y - 6}l6 6l-6 6l-6 -6z` }));
  }
  for (const point of front) {
    const [x, y] = at(point);
    if (point.member) {
      const [top, bottom, middle] = [point.member.high, point.member.low, point.member.accuracy].map((accuracy) => ys(errorOf(accuracy)));
      svg.append(make("svg:line", { class: "interval", x1: x, x2: x, y1: Math.max(top, box.top), y2: Math.min(bottom, box.bottom) }));
      svg.append(make("svg:line", { class: "interval", x1: x - 5, x2: x + 5, y1: middle, y2: middle }));
    }
    svg.append(make("svg:circle", {
      class: "front-point", cx: x, cy: y, r: 6, tabindex: "0", role: "button", "data-trial": point.trial,
      "aria-label": describePoint(point), "aria-pressed": String(point.trial === selected),
      onclick: () => onSelect(point.trial),
      onkeydown: (event) => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); onSelect(point.trial); }
      },
      onfocus: () => showTip(point),
      onblur: hideTip,
    }));
  }
  const tip = make("div", { class: "tip", "aria-hidden": "true", hidden: true });
  function showTip(point) {
    const [x, y] = at(point);
    tip.replaceChildren(make("strong", {}, describePoint(point)), make("code", {}, point.notation));
    tip.hidden = false;
    tip.style.left = `${Math.max(0, Math.min(x - 150, width - 308))}px`;
    tip.style.top = `${y + 14}px`;
  }
  function hideTip() { tip.hidden = true; }
  function nearest(event) {
    const place = svg.getBoundingClientRect();
    const scale = width / place.width;
    const [px, py] = [(event.clientX - place.left) * scale, (event.clientY - place.top) * scale];
    let best = null;
    let least = 18 ** 2;
    for (const point of visible) {
      const [x, y] = at(point);
      const distance = (x - px) ** 2 + (y - py) ** 2 - (point.kind === "front" ? 40 : 0);
      if (distance <= least) { best = point; least = distance; }
    }
    return best;
  }
  svg.addEventListener("pointermove", (event) => {
    const point = nearest(event);
    svg.style.cursor = point && point.trial !== undefined ? "pointer" : "";
    if (point) showTip(point); else hideTip();
  });
  svg.addEventListener("pointerleave", hideTip);
  svg.addEventListener("click", (event) => {
    const point = nearest(event);
    if (point && point.trial !== undefined && !event.target.matches(".front-point")) onSelect(point.trial);
  });
  const hidden = points.length - visible.length;
  return fill(id, make("div", { class: "chart" }, svg, tip), legend(overview, visible, hidden));
}

function legend(overview, visible, hidden) {
  const kinds = [
    ["front", "on the front"], ["complete", "complete"], ["pruned", "pruned, after its last epoch"], ["reference", "reference system on the test images, measured here; the bar is its claim"],
  ].filter(([kind]) => visible.some((point) => point.kind === kind));
  if (overview.confirmed.length) kinds.push(["interval", "confirmed: accuracy on the test images with its 95 % interval"]);
  const below = hidden ? [make("li", {}, `${counted(hidden, "point")} outside the picture`)] : [];
  return make("ul", { class: "legend" }, kinds.map(([kind, text]) => make("li", {}, make("span", { class: `key ${kind}` }), text)), below);
}

// Learning curves as log errors, on which the last tenths of a point show.
function drawCurves(id, curves, { epochs, colours, name, height = 300 }) {
  const entries = Object.entries(curves).filter(([, values]) => values.length);
  if (!entries.length) return fill(id, make("p", { class: "lead" }, "No epoch is finished yet."));
  const errors = entries.flatMap(([, values]) => values.map(errorOf));
  const last = Math.max(epochs, ...entries.map(([, values]) => values.length));
  const { svg, xs, ys } = frame({
    width: widthOf(id), height, name,
    x: (from, to) => linearScale(1, Math.max(2, last), from, to, Math.min(last - 1 || 1, 14)),
    y: (from, to) => logScale(Math.min(1, Math.max(...errors) * 1.1), Math.min(...errors) / 1.15, from, to),
    xLabel: "epoch", yLabel: "validation accuracy", xTick: String, yTick: accuracyLabel,
  });
  for (const [key, values] of entries) {
    const points = values.map((accuracy, index) => [xs(index + 1), ys(errorOf(accuracy))]);
    const kind = colours(key);
    svg.append(make("svg:path", { class: `curve ${kind}`, d: pathOf(points) }));
    if (kind !== "complete") svg.append(make("svg:circle", { class: `curve-end ${kind}`, cx: points[points.length - 1][0], cy: points[points.length - 1][1], r: 2.5 }));
  }
  return fill(id, make("div", { class: "chart", role: "img", "aria-label": name }, svg));
}

function drawGrowth(id, overview) {
  const growth = overview.growth;
  if (growth.length < 2) return fill(id, make("p", { class: "lead" }, "The front has not grown yet."));
  const last = Math.max(...overview.trials.map((row) => row[0]));
  const { svg, xs, ys } = frame({
    width: widthOf(id), height: 240, name: "Area below the front after each trial",
    x: (from, to) => linearScale(0, last, from, to, 6),
    y: (from, to) => linearScale(Math.min(growth[0][1], 0), growth[growth.length - 1][1] * 1.05, from, to, 4),
    xLabel: "trial", yLabel: "area below the front", xTick: integer, yTick: (value) => value.toFixed(1),
  });
  const points = growth.flatMap(([trial, area], index) => (index ? [[xs(trial), ys(growth[index - 1][1])], [xs(trial), ys(area)]] : [[xs(trial), ys(area)]]));
  svg.append(make("svg:path", { class: "steps", d: pathOf([...points, [xs(last), points[points.length - 1][1]]]) }));
  const [first, final] = [growth[0], growth[growth.length - 1]];
  const told = `From ${first[1].toFixed(2)} after trial ${first[0]} to ${final[1].toFixed(2)}; it grew last with trial ${final[0]}.`;
  return fill(id, make("div", { class: "chart", role: "img", "aria-label": told }, svg), make("p", { class: "note" }, told));
}

const bar = (share, kind = "") => make("span", { class: `bar ${kind}`, style: `--part:${(100 * Math.max(0, Math.min(1, share))).toFixed(1)}%`, "aria-hidden": "true" });
