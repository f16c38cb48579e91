// Elements, numbers as people read them, and scales for charts
"use strict";

const SVG = "http://www.w3.org/2000/svg";

// An element with attributes and children; text children are text, never markup.
function make(tag, attributes = {}, ...children) {
  const isSvg = tag.startsWith("svg:");
  const node = isSvg ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

const fill = (id, ...children) => document.getElementById(id).replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
const integer = (number) => Math.round(number).toLocaleString("en-US");
const percent = (fraction, digits = 2) => `${(100 * fraction).toFixed(digits)} %`;
const counted = (number, noun) => `${integer(number)} ${noun}${number === 1 ? "" : "s"}`;
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;

function duration(seconds) {
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (parts[0] === 0) parts.shift();
  return parts.map((part, index) => (index ? String(part).padStart(2, "0") : part)).join(":");
}

// A table of cells; a cell may be an element. The first `texts` columns are aligned as text, the others as numbers.
function table(heads, rows, texts = 1, label = null) {
  const cell = (value, column, isHead) => {
    const attributes = column < texts ? { class: "text" } : {};
    if (isHead) return make("th", { scope: "col", ...attributes }, value);
    return column === 0 ? make("th", { scope: "row", ...attributes }, value) : make("td", attributes, value);
  };
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label || heads.join(", ") },
    make("table", {},
      make("thead", {}, make("tr", {}, heads.map((head, column) => cell(head, column, true)))),
      make("tbody", {}, rows.map((row) => make("tr", {}, row.map((value, column) => cell(value, column, false)))))));
}

// A logarithmic scale from values to pixels, with at least four round ticks if there are; it may fall.
function logScale(first, last, from, to) {
  const [a, b] = [Math.log10(first), Math.log10(last)];
  const [low, high] = [Math.min(first, last), Math.max(first, last)];
  const scale = (value) => from + ((Math.log10(value) - a) / (b - a || 1)) * (to - from);
  const ticks = (steps) => {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
      found.push(...steps.map((step) => step * 10 ** power).filter((value) => value >= low * 0.999 && value <= high * 1.001));
    }
    return found;
  };
  scale.ticks = [[1, 2, 5], [1, 1.5, 2, 3, 5, 7], [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9]].map(ticks).find((found) => found.length > 3) || ticks([1, 2, 5]);
  return scale;
}

function linearScale(low, high, from, to, count = 5) {
  const scale = (value) => from + ((value - low) / (high - low || 1)) * (to - from);
  const raw = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw * 0.999);
  scale.ticks = [];
  for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + step * 1e-9; value += step) scale.ticks.push(value);
  return scale;
}

// An error as the accuracy that it leaves, with as many digits as the error needs.
function accuracyLabel(error) {
  const digits = [0, 1, 2, 3, 4].find((number) => Math.abs(100 * error - Number((100 * error).toFixed(number))) < 1e-6);
  return `${(100 * (1 - error)).toFixed(digits)} %`;
}

// The frame of a chart: axes with their ticks and labels. Gives the SVG and its scales.
function frame({ width, height, x, y, xLabel, yLabel, xTick, yTick, name, left = 58 }) {
  const box = { left, right: width - 14, top: 26, bottom: height - 44 };
  const [xs, ys] = [x(box.left, box.right), y(box.bottom, box.top)];
  const spaced = (ticks, position, least) => {
    const kept = [];
    for (const tick of ticks) {
      if (kept.every((other) => Math.abs(position(other) - position(tick)) >= least)) kept.push(tick);
    }
    return kept;
  };
  const text = (attributes, words) => make("svg:text", { class: "label", ...attributes }, words);
  const svg = make("svg:svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": name });
  for (const tick of spaced(ys.ticks, ys, 20)) {
    svg.append(make("svg:line", { class: "grid", x1: box.left, x2: box.right, y1: ys(tick), y2: ys(tick) }));
    svg.append(text({ x: box.left - 8, y: ys(tick) + 4, "text-anchor": "end" }, yTick(tick)));
  }
  for (const tick of spaced(xs.ticks, xs, 44)) {
    svg.append(make("svg:line", { class: "axis", x1: xs(tick), x2: xs(tick), y1: box.bottom, y2: box.bottom + 5 }));
    svg.append(text({ x: xs(tick), y: box.bottom + 19, "text-anchor": "middle" }, xTick(tick)));
  }
  svg.append(make("svg:line", { class: "axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }));
  svg.append(text({ x: box.right, y: height - 6, "text-anchor": "end" }, xLabel));
  svg.append(text({ x: 4, y: 13 }, yLabel));
  return { svg, xs, ys, box };
}

const pathOf = (points) => points.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
