// The page of a study: fills its sections from the data in it, or asks the server for them again and again
"use strict";

const POLL_MILLISECONDS = 2000;
const given = JSON.parse(document.getElementById("data").textContent);
const state = { overview: given.overview || null, details: new Map(Object.entries(given.details || {}).map(([trial, detail]) => [Number(trial), detail])), selected: null, etag: null };

const best = (overview) => (overview.answer.best ? overview.answer.best.trial : overview.front.length ? overview.front[overview.front.length - 1].trial : null);

async function detailOf(trial) {
  if (state.details.has(trial) || !given.live) return state.details.get(trial);
  const answer = await fetch(`trials/${trial}.json${location.search}`);
  if (!answer.ok) return undefined;
  const detail = await answer.json();
  state.details.set(trial, detail);
  return detail;
}

async function select(trial, { focuses = true } = {}) {
  state.selected = trial;
  for (const point of document.querySelectorAll(".front-point")) point.setAttribute("aria-pressed", String(Number(point.dataset.trial) === trial));
  for (const button of document.querySelectorAll("button.trial")) button.setAttribute("aria-pressed", String(Number(button.dataset.trial) === trial));
  const detail = await detailOf(trial);
  if (state.selected !== trial) return;
  showNet(trial, state.overview, detail);
  drawNetCurve(detail, state.overview);
  if (focuses) {
    document.getElementById("net-section").focus({ preventScroll: true });
    document.getElementById("net-section").scrollIntoView({ block: "start" });
  }
}

const trialButton = (trial) => make("button", { class: "trial", type: "button", "data-trial": trial, "aria-pressed": String(trial === state.selected), onclick: () => select(trial) }, String(trial));

function showAnswer({ answer, settings, num_trained: trained, state: now, num_validation: validation, read, openings }) {
  const found = answer.best;
  const within = `at most ${counted(answer.max_params, "parameter")}`;
  const lines = [];
  if (found === null) lines.push("No net is trained to its end yet.");
  else {
    const error = found.error === null ? "" : ` ± ${(100 * found.error).toFixed(2)}`;
    const seeds = found.confirmed ? ", the mean over fresh seeds," : "";
    lines.push(`With ${within}, trial ${found.trial} is the most accurate: ${percent(found.val_accuracy)}${error} of the validation images${seeds} at ${integer(found.num_params)} parameters.`);
    if (found.confirmed) lines.push(`Trained anew with ${counted(found.confirmed.seeds.length, "seed")}, it has ${percent(found.confirmed.accuracy)} on the test images, with a 95 % interval of ${percent(found.confirmed.low)} to ${percent(found.confirmed.high)}.`);
    else lines.push(`This is validation, not test: the most accurate of many trials looks better than it is.${openings.length ? "" : " The test images were not read."}`);
  }
  const measure = settings.metric === "balanced-accuracy" ? " Accuracy is balanced here: the mean over the classes." : "";
  fill("question", `Which net with at most ${counted(settings.budget, "parameter")} is most accurate on ${settings.dataset}?${measure}`);
  fill("answer", lines.map((line) => make("p", {}, line)));
  fill("verdict", verdict(answer));
  const tiles = found === null ? [] : [
    [percent(found.val_accuracy), "validation accuracy of the best net"],
    [integer(found.num_params), `of ${integer(settings.budget)} parameters`],
    found.confirmed ? [percent(found.confirmed.accuracy), "test accuracy, confirmed"] : null,
    [integer(trained), "trials trained"],
    validation ? [integer(validation), "validation images"] : null,
  ].filter(Boolean);
  fill("tiles", tiles.map(([value, label], index) => make("div", { class: index ? null : "first" }, make("dt", {}, label), make("dd", {}, value))));
  fill("state", stateLine(now, trained, read));
}

function stateLine(now, trained, read) {
  const stood = `As of ${read.replace("T", " ").replace("+00:00", "")} UTC: ${counted(trained, "trial")} trained`;
  if (now.running) return `${stood}, ${integer(now.running)} in training.`;
  if (now.interrupted) {
    const sign = now.last_sign ? ` Its workers gave their last sign of life at ${now.last_sign.replace("T", " ").replace("+00:00", "")} UTC.` : "";
    return `${stood}; no search is running, and ${counted(now.interrupted, "trial")} stopped on the way.${sign} The same command goes on with them from their last finished epochs.`;
  }
  return `${stood}; no search is running.`;
}

function verdict({ target, is_confirmed: isConfirmed, max_params: maxParams }) {
  if (target === null) return [];
  const images = isConfirmed ? "test" : "validation";
  const wanted = `${(100 * target.accuracy).toFixed(2)} % of the ${images} images with at most ${counted(maxParams, "parameter")}`;
  const net = target.net;
  const sure = target.confidence === null ? "" : ` The confidence that it does so on all such images is ${percent(target.confidence, 0)}.`;
  const told = net === null ? "there is no such net yet" : target.passed
    ? `trial ${net.trial} is the smallest net that reaches it, with ${percent(net.accuracy)} at ${integer(net.num_params)} parameters.${sure}`
    : `the nearest is trial ${net.trial}, with ${percent(net.accuracy)} at ${integer(net.num_params)} parameters.${sure}`;
  return [make("p", { id: "target" }, make("span", { class: target.passed ? "holds" : "broken" }, target.passed ? "✓ pass" : "✗ fail"), ` Wanted: ${wanted}; ${told}`)];
}

function showFront(overview) {
  drawFront("front-chart", overview, state.selected, select);
  const members = new Map(overview.confirmed.map((point) => [point.trial, point]));
  const heads = ["trial", "parameters", "val accuracy"];
  if (members.size) heads.push("test accuracy", "95 % interval");
  const row = (point) => {
    const member = members.get(point.trial);
    const tested = member ? [percent(member.accuracy), `${(100 * member.low).toFixed(2)}-${(100 * member.high).toFixed(2)} %`] : ["", ""];
    return [trialButton(point.trial), integer(point.num_params), percent(point.val_accuracy), ...(members.size ? tested : []), make("code", {}, point.notation)];
  };
  const outside = overview.confirmed.filter((point) => !overview.front.some((other) => other.trial === point.trial));
  const points = [...overview.front, ...outside].sort((a, b) => a.num_params - b.num_params);
  fill("front-table", points.length ? table([...heads, "notation"], points.map(row), 0, "The front as a table") : null);
  const opened = overview.openings.map(([when, number]) => `${when} UTC for ${counted(number, "model")}`).join(" and ");
  fill("front-note", opened ? `The test set was opened ${opened}.` : "The test set was not opened.");
  const systems = overview.references;
  fill("reference-table", systems.length ? [make("h3", {}, "Reference systems, on the test images"), table(["system", "parameters", "claimed", "measured here", "what is claimed"],
    systems.map((system) => [system.name, integer(system.num_params), percent(system.claimed), system.measured ? `${percent(system.measured.mean)} (n = ${system.measured.n})` : "-", system.claim]), 1, "Reference systems")] : null);
}

function showFates(overview) {
  const { counts, reasons, pruned_after: prunedAfter, saved_epochs: saved, spent } = overview;
  const meanings = {
    complete: "trained to the end", pruned: "stopped early, since they would miss the front", diverged: "stopped, since the loss was no longer finite",
    rejected: "over the budget or a limit of the device, and never built", duplicate: "equal to a trained trial, and not trained again", failed: "given up after several workers were lost with them",
  };
  const most = Math.max(1, ...Object.values(counts));
  fill("fates-table", table(["outcome", "what it means", "candidates", "compared"], Object.entries(counts).filter(([, number]) => number).map(([name, number]) => [name, meanings[name], integer(number), bar(number / most, name)]), 2, "Outcomes"));
  const total = spent.reduce((sum, group) => sum + group.epochs, 0);
  fill("spent-table", table(["trials that are", "trials", "epochs", "share", "time"], spent.map((group) => [group.what, integer(group.trials), integer(group.epochs), make("span", {}, percent(total ? group.epochs / total : 0, 1), bar(total ? group.epochs / total : 0)), duration(group.seconds)]), 1, "How the epochs were spent"));
  const pruned = prunedAfter.map(([epoch, number]) => `${integer(number)} after epoch ${epoch}`).join(", ");
  fill("pruned-note", pruned ? `Pruning saved ${counted(saved, "epoch")}, ${percent(saved / (saved + total), 0)} of what all trained trials would have taken. It stopped ${pruned}.` : "No trial was pruned.");
  fill("reasons", reasons.map(([reason, number]) => make("li", {}, `${reason}${number > 1 ? ` (${integer(number)} times)` : ""}`)));
}

function showUnfinished({ unfinished }) {
  fill("unfinished", unfinished.length ? table(["trial", "state", "parameters", "epochs", "val accuracy"], unfinished.map((trial) => [String(trial.trial), trial.state, integer(trial.num_params || 0), String(trial.curve.length), trial.curve.length ? percent(trial.curve[trial.curve.length - 1]) : "-"]), 2, "Trials that have not ended") : null);
}

function showImportances({ importances }) {
  const shown = importances.slice(0, 12);
  const largest = (key) => Math.max(...shown.map((row) => row[key]), 1e-9);
  const share = (row, key) => make("span", {}, percent(row[key], 0), bar(row[key] / largest(key)));
  fill("importances-table", shown.length ? table(["setting", "for accuracy", "for accuracy beyond size"], shown.map((row) => [make("code", {}, row.name), share(row, "accuracy"), share(row, "beyond_size")]), 1, "Importance of settings") : make("p", { class: "lead" }, "This takes 20 complete trials."));
}

function showReproduction(overview) {
  const settings = Object.entries(overview.settings).map(([key, value]) => [key, String(value)]);
  fill("commands", overview.commands.map(({ what, command }) => make("div", {}, make("h3", {}, what), make("code", { class: "notation" }, command))));
  fill("settings", table(["setting", "value"], [...settings, ["program", `small-model-search ${overview.version}`]], 2, "Settings"));
  fill("space", make("pre", { tabindex: "0" }, overview.space));
}

function showLinks({ studies, study }) {
  const others = (studies || []).filter((name) => name !== study);
  fill("links", given.live ? [make("a", { href: "/dashboard/" }, "optuna-dashboard"), others.map((name) => make("a", { href: `/?study=${encodeURIComponent(name)}` }, `study ${name}`))] : []);
}

function render() {
  const { overview } = state;
  showLinks(overview);
  if (overview.front.length && (state.selected === null || !overview.trials.some((row) => row[0] === state.selected))) state.selected = best(overview);
  document.title = `${overview.study}: search report`;
  fill("title", overview.study);
  showAnswer(overview);
  showFront(overview);
  showUnfinished(overview);
  const fates = new Map(overview.trials.map((row) => [String(row[0]), row[1]]));
  const onFront = new Set(overview.front.map((point) => String(point.trial)));
  const curves = { ...overview.curves, ...Object.fromEntries(overview.unfinished.map((trial) => [String(trial.trial), trial.curve])) };
  drawCurves("curves-chart", curves, { epochs: overview.epochs, colours: (key) => (onFront.has(key) ? "front" : fates.get(key) || "running"), name: "Learning curves of the front and of the latest trials" });
  showFates(overview);
  drawGrowth("growth-chart", overview);
  showImportances(overview);
  showReproduction(overview);
  if (state.selected !== null) select(state.selected, { focuses: false });
}

async function poll() {
  let answer;
  let told;
  try {
    answer = await fetch(`study.json${location.search}`, { headers: state.etag ? { "If-None-Match": state.etag } : {}, cache: "no-store" });
    const text = await answer.text(); // an answer that nobody reads counts as aborted
    told = answer.status === 304 ? null : JSON.parse(text);
  } catch {
    fill("connection", "The server does not answer; this page shows what it said last.");
    return;
  }
  if (told !== null && !answer.ok) {
    fill("connection", told.reason);
    return;
  }
  if (told !== null) {
    state.etag = answer.headers.get("ETag");
    state.overview = told;
    render();
  }
  fill("connection", state.overview.state.running ? "Live: this page follows the search." : "Live: this page follows the store.");
}

let width = window.innerWidth;
window.addEventListener("resize", () => {
  if (state.overview && Math.abs(window.innerWidth - width) > 8) { width = window.innerWidth; render(); }
});
if (given.live) {
  poll();
  setInterval(poll, POLL_MILLISECONDS);
} else render();
