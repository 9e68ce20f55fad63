/* What Leaflet does not have: shapes, arrows and fixes on the one canvas, labels that keep out of each other's way, layers, legend. */
"use strict";

/** Traces a mark's outline around (x, y). Open shapes are only stroked. */
muck.trace = function (c, shape, x, y, r) {
  const poly = (...points) => points.forEach(([dx, dy], i) => (i ? c.lineTo(x + dx * r, y + dy * r) : c.moveTo(x + dx * r, y + dy * r)));
  c.beginPath();
  if (shape === "square" || shape === "pin") poly([-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85], [-0.85, -0.85]);
  else if (shape === "triangle") poly([0, -1.1], [1, 0.8], [-1, 0.8], [0, -1.1]);
  else if (shape === "diamond") poly([0, -1.15], [1.15, 0], [0, 1.15], [-1.15, 0], [0, -1.15]);
  else if (shape === "hexagon") poly(...[0, 1, 2, 3, 4, 5, 6].map((i) => [1.1 * Math.cos((i * Math.PI) / 3), 1.1 * Math.sin((i * Math.PI) / 3)]));
  else if (shape === "star") poly(...[...Array(11).keys()].map((i) => [(i % 2 ? 0.5 : 1.2) * Math.sin((i * Math.PI) / 5), -(i % 2 ? 0.5 : 1.2) * Math.cos((i * Math.PI) / 5)]));
  else if (shape === "plus" || shape === "cross") { poly([-1, 0], [1, 0]); poly([0, -1], [0, 1]); }
  else if (shape === "x") { poly([-1, -1], [1, 1]); poly([-1, 1], [1, -1]); }
  else c.arc(x, y, shape === "dot" ? r * 0.55 : r, 0, 7);
  if (shape === "cross") { c.moveTo(x + r, y); c.arc(x, y, r, 0, 7); }
};

L.Canvas.include({
  _muckMark(layer) {
    if (!this._drawing || layer._empty()) return;
    const { shape, halo } = layer.options, c = this._ctx, p = layer._point, r = layer._radius;
    if (halo !== false) {
      muck.trace(c, shape, p.x, p.y, r);
      Object.assign(c, { strokeStyle: "#fff", lineWidth: layer.options.weight + 2.5, globalAlpha: 1 });
      c.setLineDash([]);
      c.stroke();
    }
    muck.trace(c, shape, p.x, p.y, r);
    if (shape === "x" || shape === "ring" || shape === "plus" || shape === "cross") {
      Object.assign(c, { strokeStyle: layer.options.color, lineWidth: layer.options.weight, globalAlpha: 1 });
      c.stroke();
    } else this._fillStroke(c, layer);
  },
  /* Along the path, every `every` pixels: which way it was driven. */
  _muckArrows(layer) {
    if (!this._drawing) return;
    const c = this._ctx, every = layer.options.every;
    Object.assign(c, { strokeStyle: layer.options.color, lineWidth: 1.6, globalAlpha: 1 });
    c.setLineDash([]);
    layer._parts.forEach((part) => {
      let left = every / 2;
      for (let i = 1; i < part.length; i++) {
        const a = part[i - 1], b = part[i], dx = b.x - a.x, dy = b.y - a.y, length = Math.hypot(dx, dy);
        if (length < 1) continue;
        for (; left <= length; left += every) {
          const x = a.x + (dx * left) / length, y = a.y + (dy * left) / length, ux = (dx / length) * 5, uy = (dy / length) * 5;
          c.beginPath();
          c.moveTo(x - ux - uy, y - uy + ux);
          c.lineTo(x + ux * 0.6, y + uy * 0.6);
          c.lineTo(x - ux + uy, y - uy - ux);
          c.stroke();
        }
        left -= length;
      }
    });
  },
  /* Every vertex as a dot, when one is near enough to tell them apart. */
  _muckDots(layer) {
    if (!this._drawing || layer._map.getZoom() < layer.options.fromZoom) return;
    const c = this._ctx;
    Object.assign(c, { fillStyle: "#fff", strokeStyle: layer.options.color, lineWidth: 1, globalAlpha: 1 });
    c.setLineDash([]);
    layer._parts.forEach((part) => part.forEach((p) => {
      c.beginPath();
      c.arc(p.x, p.y, layer.options.radius, 0, 7);
      c.fill();
      c.stroke();
    }));
  },
});
muck.Mark = L.CircleMarker.extend({ _updatePath() { this._renderer._muckMark(this); } });
muck.Arrows = L.Polyline.extend({ options: { every: 110, noClip: false, smoothFactor: 2 }, _updatePath() { this._renderer._muckArrows(this); } });
muck.Dots = L.Polyline.extend({ options: { fromZoom: 15.5, radius: 2.2, smoothFactor: 0, noClip: true }, _updatePath() { this._renderer._muckDots(this); } });

/** Labels in a pane of their own: the weightier stays, a lesser one that finds no free side is left out. */
muck.labels = {
  items: [],
  /** `at` is [lat, lng]; `gap` the distance from a mark in pixels (0: centred); returns the item, for hiding. */
  add(text, at, priority, gap, cls, lines) {
    const element = muck.el("div", `label ${cls || ""}`, text);
    (lines || []).forEach((line) => element.appendChild(muck.el("span", "", line)));
    muck.map.getPane("labels").appendChild(element);
    const item = { element, at, priority, gap, shown: true, size: null, around: [[0, 0], [0, -14], [0, 14]] };
    this.items.push(item);
    return item;
  },
  start(map) {
    map.createPane("labels").style.zIndex = 640;
    map.getPane("labels").style.pointerEvents = "none";
    map.on("zoomstart", () => { map.getPane("labels").style.visibility = "hidden"; });
    map.on("zoomend moveend resize", () => this.place());
  },
  place() {
    const map = muck.map, view = map.getSize(), taken = [];
    const hit = (b) => taken.some((t) => b[0] < t[2] && b[2] > t[0] && b[1] < t[3] && b[3] > t[1]);
    map.getPane("labels").style.visibility = "";
    const here = this.items.filter((item) => item.shown).map((item) => ({ item, p: map.latLngToContainerPoint(item.at) }))
      .filter(({ p }) => p.x > -80 && p.y > -40 && p.x < view.x + 80 && p.y < view.y + 40);
    this.items.forEach((item) => { item.element.style.display = "none"; });
    here.sort((a, b) => b.item.priority - a.item.priority);
    here.forEach(({ item }) => { item.element.style.display = ""; });
    here.forEach(({ item }) => { if (!item.size) item.size = [item.element.offsetWidth, item.element.offsetHeight]; });
    here.forEach(({ item, p }) => { if (item.gap && item.priority >= 50) taken.push([p.x - item.gap, p.y - item.gap, p.x + item.gap, p.y + item.gap]); });
    here.forEach(({ item, p }) => {
      const [w, h] = item.size, g = item.gap;
      const spots = g ? [[g, -h / 2], [-g - w, -h / 2], [-w / 2, -g - h], [-w / 2, g], [g, -h - 2], [g, 2], [-g - w, -h - 2], [-g - w, 2]] : item.around.map(([dx, dy]) => [dx - w / 2, dy - h / 2]);
      const boxes = spots.map(([dx, dy]) => [p.x + dx, p.y + dy, p.x + dx + w, p.y + dy + h]).filter((box) => !hit(box));
      const free = boxes.find((b) => b[0] >= 0 && b[1] >= 0 && b[2] <= view.x && b[3] <= view.y) || boxes[0];
      if (!free) { item.element.style.display = "none"; return; }
      taken.push(free);
      const origin = map.containerPointToLayerPoint([free[0], free[1]]);
      L.DomUtil.setPosition(item.element, L.point(Math.round(origin.x), Math.round(origin.y)));
    });
  },
};

/** One feature of a layer as Leaflet draws it, and its label. */
muck.feature = function (f) {
  const tip = f.h || f.x, options = { interactive: Boolean(tip) };
  let drawn, at;
  if (f.t === "line") drawn = L.polyline(f.p.map(muck.decode), muck.look(f.s, Object.assign(options, { fill: false }, muck.data.kind === "week" && f.s.startsWith("rule.") ? { weight: 2.4, opacity: 0.75 } : {})));
  else if (f.t === "area") {
    drawn = L.polygon(f.p.map((rings) => rings.map(muck.decode)), muck.look(f.s, f.f ? Object.assign(options, { fillColor: f.f }) : options));
    at = f.at ? muck.decode(f.at)[0] : null;
  } else {
    at = muck.decode(f.p)[0];
    const outline = f.s.startsWith("rule.") && muck.style(f.s).shape !== "x" && muck.style(f.s).shape !== "ring" ? { weight: 1, color: "#222" } : { weight: Math.min(muck.style(f.s).width, 3) };
    drawn = new muck.Mark(at, muck.look(f.s, Object.assign(options, outline, { dashArray: null })));
  }
  if (tip && f.t === "place") drawn.bindPopup(() => muck.note(f.h, f.x, f.g), { maxWidth: 320 });
  else if (tip) drawn.bindTooltip(() => muck.note(f.h, f.x), { sticky: true });
  drawn.muck = { order: muck.style(f.s).order, feature: f };
  if (f.l && at) drawn.muck.label = muck.labels.add(f.l, at, f.r || 0, f.t === "place" ? muck.style(f.s).size + 4 : 0, f.t === "area" ? "area" : "");
  return drawn;
};

/** Every layer of the data; drawn lowest first, whatever is switched on or off later. */
muck.layers = {
  groups: {},
  all: [],
  add(layer) {
    const drawn = layer.features.map(muck.feature);
    this.groups[layer.key] = { layer, drawn };
    this.all.push(...drawn);
    this.all.sort((a, b) => a.muck.order - b.muck.order);
    this.show(layer.key, layer.shown, true);
  },
  show(key, on, quiet) {
    const group = this.groups[key];
    group.layer.shown = on;
    group.drawn.forEach((item) => {
      if (on) item.addTo(muck.map); else item.remove();
      if (item.muck.label) item.muck.label.shown = on;
    });
    if (!quiet) this.settle();
  },
  /** Restores the drawing order and the labels. */
  settle() {
    this.all.forEach((item) => item._map && item.bringToFront());
    muck.labels.place();
    document.dispatchEvent(new Event("muck:settled"));
  },
};

/** Check boxes for the layers that may be hidden. */
muck.toggles = function (panel, title, keys) {
  const section = muck.section(panel, title, "toggles");
  keys.filter((key) => muck.layers.groups[key]).forEach((key) => {
    const { layer, drawn } = muck.layers.groups[key], box = muck.el("input");
    if (!layer.toggle || !drawn.length) return;
    box.type = "checkbox";
    box.checked = layer.shown;
    box.addEventListener("change", () => muck.layers.show(key, box.checked));
    muck.put(section, muck.put(muck.el("label"), box, muck.el("span", "", layer.name)));
  });
  if (section.children.length < 2) section.remove();
  return section;
};

/** A small picture of a style, as the map draws it. */
muck.sample = function (key) {
  const s = muck.style(key), canvas = muck.el("canvas", "sample"), c = canvas.getContext("2d"), wide = 44, high = 16;
  const kind = s.fill && s.fill_opacity < 0.9 && !/^(site|suspect)\./.test(key) ? "area" : key.startsWith("rule.") || !/^(site\.|suspect\.|stop|stray|loaded|dumped|dumping|fix|patrol$)/.test(key) ? "line" : "place";
  canvas.width = wide * 2;
  canvas.height = high * 2;
  c.scale(2, 2);
  Object.assign(c, { strokeStyle: s.colour, fillStyle: s.fill || s.colour, lineWidth: Math.min(s.width, 6) });
  c.setLineDash(kind === "place" ? [] : s.dash);
  if (kind === "area") {
    c.globalAlpha = Math.min(1, s.fill_opacity * 1.6);
    c.fillRect(4, 2, wide - 8, high - 4);
    c.globalAlpha = 1;
    c.strokeRect(4, 2, wide - 8, high - 4);
  } else if (kind === "line") {
    c.beginPath();
    c.moveTo(1, high / 2);
    c.lineTo(wide - 1, high / 2);
    c.stroke();
    if (key.startsWith("rule.") && muck.data.kind === "week") {
      const open = s.shape === "x" || s.shape === "ring";
      muck.trace(c, s.shape, wide / 2, high / 2, 5.5);
      c.setLineDash([]);
      Object.assign(c, { lineWidth: 5, strokeStyle: "#fff" });
      c.stroke();
      Object.assign(c, { lineWidth: open ? 2.5 : 1, strokeStyle: open ? s.colour : "#222" });
      if (!open) c.fill();
      c.stroke();
    }
  } else {
    muck.trace(c, s.shape, wide / 2, high / 2, Math.min(s.size, 6));
    if (s.fill) { c.globalAlpha = Math.max(s.fill_opacity, 0.25); c.fill(); c.globalAlpha = 1; }
    c.stroke();
  }
  return canvas;
};

/** The legend: only what the page holds, in drawing order. */
muck.legend = function (panel, keys) {
  const section = muck.section(panel, "图例", "legend"), seen = new Set(keys);
  Object.keys(muck.data.styles).filter((key) => seen.has(key)).sort((a, b) => muck.style(b).order - muck.style(a).order)
    .forEach((key) => muck.put(section, muck.put(muck.el("div", "entry"), muck.sample(key), muck.el("span", "", muck.style(key).label))));
};
muck.stylesUsed = () => [].concat(...muck.data.layers.map((layer) => layer.features.map((f) => f.s)));
