// One net: its layers, its learning curve and its confusion matrix
"use strict";

const MAX_MATRIX = 12;

function showNet(trial, overview, detail) {
  const row = overview.trials.find((other) => other[0] === trial);
  const member = overview.confirmed.find((point) => point.trial === trial);
  const isOnFront = overview.front.some((point) => point.trial === trial);
  if (!row) return fill("net", make("p", { class: "lead" }, "No net is chosen."));
  const [, outcome, size, accuracy, epochs, seconds, notation] = row;
  const tiles = [
    [accuracy === null ? "-" : percent(accuracy), "validation accuracy after its last epoch"],
    [integer(size), "trainable parameters"],
    member ? [percent(member.accuracy), `test accuracy, ${percent(member.low)} to ${percent(member.high)}, mean of ${counted(member.seeds.length, "seed")}`] : null,
    detail ? [integer(detail.macs), "multiply-accumulates for one image"] : null,
    detail ? [kib(detail.flash_bytes), "of flash for constants, as C with integers"] : null,
    detail ? [kib(detail.ram_bytes), "of RAM, as C with integers"] : null,
    [duration(seconds), `of training, ${counted(epochs, "epoch")}`],
  ].filter(Boolean);
  const fate = outcome === "complete" ? (isOnFront ? "on the front" : "complete") : `${outcome} after epoch ${epochs}`;
  return fill("net",
    make("h3", { id: "net-title" }, `Trial ${trial}, ${fate}`),
    make("code", { class: "notation" }, notation),
    make("dl", { class: "tiles" }, tiles.map(([value, label]) => make("div", {}, make("dt", {}, label), make("dd", {}, value)))),
    ...(detail ? details(detail, overview) : [make("p", { class: "lead" }, "The details of this trial are not kept in this file, which holds those of the front and of the most accurate trials.")]));
}

function details(detail, overview) {
  const total = detail.layers.reduce((sum, layer) => sum + layer[3], 0);
  const layers = detail.layers.map(([token, what, output, params, macs, field]) => [
    make("code", {}, token), what, output, integer(params), make("span", {}, percent(total ? params / total : 0, 1), bar(total ? params / total : 0)), integer(macs), `${field}×${field}`,
  ]);
  const parts = [
    make("p", { class: "note" }, `Trained with ${detail.training}.`),
    make("div", { id: "net-layers" }, table(["layer", "what it is", "output", "parameters", "share", "MACs", "sees"], layers, 2, "Layers")),
    make("div", { class: "columns" },
      make("div", {}, make("h3", {}, "Learning curve"), make("div", { id: "net-curve" }), make("p", { class: "note" }, "Blue: validation. Orange: training, on augmented images and with dropout.")),
      detail.confusion ? make("div", {}, make("h3", {}, "Confusion matrix"), confusion(detail.confusion, overview)) : null),
  ];
  if (detail.mistakes && detail.mistakes.length) parts.push(make("h3", {}, "Validation images that it gets wrong"), mistakes(detail.mistakes, overview.classes));
  return parts;
}

function drawNetCurve(detail, overview) {
  if (!detail) return;
  drawCurves("net-curve", { val: detail.val, train: detail.train }, { epochs: overview.epochs, colours: (key) => (key === "val" ? "front" : "training"), name: `Learning curve: ${percent(detail.val[detail.val.length - 1] || 0)} of the validation images after epoch ${detail.val.length}`, height: 280 });
}

function confusion(found, overview) {
  const names = overview.classes;
  const wrong = [...found.wrong].sort((a, b) => b[2] - a[2]);
  const numWrong = wrong.reduce((sum, cell) => sum + cell[2], 0);
  const told = make("p", { class: "note" }, `${counted(numWrong, "mistake")} in ${integer(numWrong + found.right.reduce((sum, number) => sum + number, 0))} validation images.`);
  if (names.length > MAX_MATRIX) {
    return make("div", {}, told, table(["true", "taken for", "images"], wrong.slice(0, 12).map(([label, said, number]) => [names[label], names[said], integer(number)]), 2, "Most frequent mistakes"));
  }
  const most = wrong.length ? wrong[0][2] : 1;
  const counts = new Map(wrong.map(([label, said, number]) => [`${label} ${said}`, number]));
  const cell = (label, said) => {
    if (label === said) return make("td", { class: "right" }, integer(found.right[label]));
    const number = counts.get(`${label} ${said}`) || 0;
    const shade = number ? Math.round(15 + 60 * Math.sqrt(number / most)) : 0;
    return make("td", { style: number ? `--shade:${shade}%` : null, class: number ? "wrong" : "none" }, number ? integer(number) : "");
  };
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Confusion matrix" }, told,
    make("table", { class: "confusion" },
      make("caption", {}, "Rows: the true class. Columns: what the net says."),
      make("thead", {}, make("tr", {}, make("td", {}, ""), names.map((name) => make("th", { scope: "col" }, name)))),
      make("tbody", {}, names.map((name, label) => make("tr", {}, make("th", { scope: "row" }, name), names.map((_, said) => cell(label, said)))))));
}

function mistakes(shown, names) {
  return make("div", { class: "gallery" }, shown.map(({ label, said, image }) => make("figure", {},
    make("img", { class: "digit", src: image, alt: `${names[label]}, taken for ${names[said]}` }),
    make("figcaption", {}, make("strong", {}, names[label]), " taken for ", make("strong", {}, names[said])))));
}
