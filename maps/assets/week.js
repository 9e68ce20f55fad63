/* The page of a week: districts coloured by number or rate, grid cells, ranked spots, families of rules to show and hide. */
"use strict";

/** The colour of the last step that a value reaches. */
muck.stepColour = (value, steps) => steps.reduce((found, [low, colour]) => (value >= low ? colour : found), steps[0][1]);

/** A legend of steps. */
muck.steps = function (section, title, steps, unit) {
  const row = muck.el("div", "steps");
  steps.forEach(([low, colour], i) => {
    const high = i + 1 < steps.length ? steps[i + 1][0] - 1 : null, box = muck.el("i");
    box.style.background = colour;
    muck.put(row, muck.put(muck.el("div"), box, muck.el("span", "", high === null ? `≥${low}` : high > low ? `${low}–${high}` : low)));
  });
  muck.put(section, muck.el("div", "caption", `${title}（${unit}）`), row);
};

/** Colours districts by `count` or `rate`, or leaves them plain, and writes their names with the number. */
muck.paintDistricts = function (mode) {
  const d = muck.data;
  (muck.layers.groups.districts || { drawn: [] }).drawn.forEach((area, n) => {
    const row = d.districts[n], value = (area.muck.feature.v || {})[mode];
    const colour = mode === "none" || value === undefined && mode !== "count" ? "#f6f5f1" : mode === "rate" && row.rate === null ? d.steps.none : muck.stepColour(value || 0, d.steps[mode]);
    area.setStyle({ fillColor: colour, fillOpacity: mode === "none" ? 0 : 0.75 });
    muck.districtLabels[n].element.lastChild.textContent = mode === "none" ? "" : mode === "rate" ? (row.rate === null ? "行程过少" : `每百趟 ${row.rate.toFixed(1)} 起`) : `${row.count} 起`;
    muck.districtLabels[n].size = null;
  });
  muck.districtSteps.forEach(([key, element]) => { element.hidden = key !== mode; });
  muck.layers.settle();
};

muck.modeChoice = function (panel) {
  const section = muck.section(panel, "街道着色", "toggles"), modes = [["count", "线索起数"], ["rate", "每百趟比率"], ["none", "不着色"]];
  modes.forEach(([mode, name], i) => {
    const radio = muck.el("input");
    Object.assign(radio, { type: "radio", name: "mode", value: mode, checked: i === 0 });
    radio.addEventListener("change", () => muck.paintDistricts(mode));
    muck.put(section, muck.put(muck.el("label"), radio, muck.el("span", "", name)));
  });
};

/** The ranked spots: an outline with its number on the map, a row that leads there. */
muck.drawSpots = function (panel) {
  const section = muck.section(panel, "热点（按分值排序）"), table = muck.el("table", "list");
  muck.put(table, muck.put(muck.el("tr"), ...["序", "主要类型", "时段", "起数", "分值"].map((name, i) => muck.el("th", i > 1 ? "number" : "", name))));
  muck.data.spots.forEach((spot) => {
    const row = muck.put(muck.el("tr", "link"), muck.el("td", "", spot.rank), muck.el("td", "", spot.rule),
      muck.el("td", "number", spot.hours), muck.el("td", "number", spot.count), muck.el("td", "number", spot.points));
    const frame = L.polygon(spot.outline.map((rings) => rings.map(muck.decode)), { renderer: muck.renderer, color: "#111", weight: 2.4, fill: false, interactive: false }).addTo(muck.map);
    frame.muck = { order: 68 };
    muck.layers.all.push(frame);
    muck.labels.add(String(spot.rank), muck.decode(spot.at)[0], 200 - spot.rank, 0, "badge hot");
    row.title = "在地图上查看";
    row.addEventListener("click", () => muck.fit(spot.bounds, { maxZoom: 15.5 }));
    table.appendChild(row);
  });
  if (!muck.data.spots.length) section.appendChild(muck.el("p", "", "本周没有形成热点。"));
  else section.appendChild(table);
};

/** The suggested checkpoints in the order in which they are taken; a row leads there. */
muck.planList = function (panel) {
  const rows = muck.data.plan || [];
  if (!rows.length) return;
  const section = muck.section(panel, "建议检查点位（下一周）");
  rows.forEach((stop) => {
    const card = muck.el("article", "case"), head = muck.el("button", "go"), at = muck.decode(stop.at)[0];
    head.type = "button";
    head.title = "在地图上查看";
    head.addEventListener("click", () => muck.map.setView(at, 15, { animate: false }));
    muck.put(head, muck.el("span", "label badge", stop.label), muck.el("strong", "", stop.when), muck.el("em", "", `预计 ${stop.expected.toFixed(1)} 起`));
    muck.put(section, muck.put(card, head, muck.el("p", "", stop.place), muck.el("p", "meta", stop.who), muck.el("p", "meta", stop.reason)));
  });
};

muck.districtTable = function (panel) {
  if (!muck.data.districts.length) return;
  const table = muck.el("table", "list");
  muck.put(table, muck.put(muck.el("tr"), ...["街道", "起数", "途经趟数", "每百趟"].map((name, i) => muck.el("th", i ? "number" : "", name))));
  muck.data.districts.slice().sort((a, b) => b.count - a.count || a.name.localeCompare(b.name, "zh")).forEach((row) => {
    muck.put(table, muck.put(muck.el("tr"), muck.el("td", "", row.name), muck.el("td", "number", row.count), muck.el("td", "number", row.trips),
      muck.el("td", "number", row.rate === null ? "—" : row.rate.toFixed(1))));
  });
  muck.section(panel, "街道").appendChild(table);
};

muck.start = function (map) {
  const d = muck.data, panel = document.querySelector(".panel"), keys = d.layers.map((layer) => layer.key), family = (key) => key.startsWith("family.");
  document.querySelector(".bar").remove();
  muck.furnish(map);
  muck.labels.start(map);
  muck.fit(d.bounds, { padding: [12, 12] });
  muck.head(panel);
  d.layers.forEach((layer) => muck.layers.add(layer));
  muck.districtLabels = d.districts.map((row) => muck.labels.add(row.name, muck.decode(row.at)[0], 60 + Math.min(30, row.count), 0, "district", [""]));
  const shifts = [0, -24, 24, -48, 48, -80, 80];
  muck.districtLabels.forEach((item) => { item.around = [].concat(...shifts.map((dy) => [0, -60, 60, -120, 120].map((dx) => [dx, dy]))).sort((a, b) => Math.hypot(...a) - Math.hypot(...b)); });
  muck.planList(panel);
  if (!d.compares) muck.drawSpots(panel);
  muck.toggles(panel, "违规类型", keys.filter(family));
  if (d.districts.length) muck.modeChoice(panel);
  muck.toggles(panel, "违规路段", keys.filter((key) => key.startsWith("driven.")));
  muck.toggles(panel, "图层", keys.filter((key) => !family(key) && !key.startsWith("driven.")));
  muck.legend(panel, muck.stylesUsed().filter((key) => key !== "district" && key !== "cell"));
  const legend = panel.querySelector(".legend");
  muck.districtSteps = d.districts.length ? [["count", "街道：线索起数", "起"], ["rate", "街道：每百趟途经行程的线索数", "起"]].map(([key, title, unit]) => {
    const box = muck.el("div", "steps-box");
    muck.steps(box, title, d.steps[key], unit);
    legend.appendChild(box);
    return [key, box];
  }) : [];
  if (!d.compares) {
    const cells = muck.el("div", "steps-box");
    muck.steps(cells, "网格：分值合计", d.steps.cell, "分");
    legend.appendChild(cells);
  }
  muck.districtTable(panel);
  muck.foot(panel);
  muck.layers.all.sort((a, b) => a.muck.order - b.muck.order);
  map.invalidateSize({ animate: false });
  muck.fit(d.bounds, { padding: [12, 12] });
  muck.paintDistricts("count");
  muck.ready();
};
