/* Parts that every page shares. Text is only ever shown through textContent; nothing here writes HTML. */
"use strict";
const muck = {};

/** Takes in the page's data, which the script element of type application/json holds. */
muck.read = function () {
  muck.data = JSON.parse(document.getElementById("muck-data").textContent);
};

/** An element with a class and a text. */
muck.el = function (tag, cls, text) {
  const element = document.createElement(tag);
  if (cls) element.className = cls;
  if (text !== undefined && text !== null) element.textContent = String(text);
  return element;
};

/** Appends children and returns the parent. */
muck.put = function (parent, ...children) {
  children.forEach((child) => child && parent.appendChild(child));
  return parent;
};

/** A titled section of the side panel. */
muck.section = function (panel, title, cls) {
  const section = muck.el("section", cls);
  if (title) section.appendChild(muck.el("h2", "", title));
  return muck.put(panel, section) && section;
};

/** A table of two columns: label and value. */
muck.table = function (rows, cls) {
  const table = muck.el("table", cls || "facts");
  rows.forEach(([label, value]) => muck.put(table, muck.put(muck.el("tr"), muck.el("th", "", label), muck.el("td", "", value))));
  return table;
};

/** Local time by a fixed offset from UTC, whatever the clock of the browser says. */
muck.local = (ms) => new Date(ms + muck.data.offset_min * 60000);
muck.two = (n) => String(n).padStart(2, "0");
muck.clock = function (ms) {
  const at = muck.local(ms);
  return [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()].map(muck.two).join(":");
};
muck.day = (ms) => `${muck.local(ms).getUTCMonth() + 1}月${muck.local(ms).getUTCDate()}日`;
muck.offsetName = function () {
  const minutes = muck.data.offset_min, whole = Math.trunc(Math.abs(minutes) / 60), rest = Math.abs(minutes) % 60;
  return `UTC${minutes < 0 ? "−" : "+"}${whole}${rest ? ":" + muck.two(rest) : ""}`;
};

/** A length of time in words, as the sentences of the evidence write it. */
muck.span = function (ms) {
  const s = Math.round(ms / 1000), h = Math.floor(s / 3600), m = Math.floor((s % 3600) / 60);
  if (h) return m ? `${h} 小时 ${m} 分` : `${h} 小时`;
  if (m) return s % 60 ? `${m} 分 ${s % 60} 秒` : `${m} 分`;
  return `${s} 秒`;
};

/** Positions of a delta-coded path, as Leaflet takes them. */
muck.decode = function (path) {
  const found = [];
  for (let i = 0, x = 0, y = 0; i < path.length; i += 2) {
    x += path[i];
    y += path[i + 1];
    found.push([y / 1e6, x / 1e6]);
  }
  return found;
};

muck.style = (key) => muck.data.styles[key];

/** Leaflet's options for a style; `more` wins. */
muck.look = function (key, more) {
  const s = muck.style(key);
  return Object.assign({
    renderer: muck.renderer, color: s.colour, weight: s.width, dashArray: s.dash.length ? s.dash.join(" ") : null,
    lineCap: s.dash.length ? "butt" : "round", lineJoin: "round", fill: Boolean(s.fill), fillColor: s.fill || s.colour, fillOpacity: s.fill_opacity,
    shape: s.shape, radius: s.size, interactive: false, smoothFactor: 1,
  }, more);
};

/** Title and lines of text as one element, for pop-ups and tips. `page` is a file of this folder, checked before use. */
muck.note = function (title, lines, page) {
  const box = muck.put(muck.el("div", "note"), title ? muck.el("strong", "", title) : null);
  (lines || []).forEach((line) => box.appendChild(muck.el("div", "", line)));
  if (page && /^(trip|violation)-[0-9a-f]{8,64}\.html$/.test(page)) {
    const link = muck.el("a", "", "查看轨迹与证据");
    link.href = page;
    box.appendChild(link);
  }
  return box;
};

/** The map's fixed furniture: zoom buttons, metric scale, a line of attribution without a prefix. */
muck.furnish = function (map) {
  muck.map = map;
  muck.renderer = L.canvas({ padding: 0.4, tolerance: 5 });
  L.control.zoom({ zoomInTitle: "放大", zoomOutTitle: "缩小" }).addTo(map);
  L.control.scale({ imperial: false, metric: true, maxWidth: 140 }).addTo(map);
  const plain = (text) => muck.el("i", "", text).innerHTML; // the serialiser escapes what is text
  const attribution = L.control.attribution({ prefix: false, position: "bottomright" }).addTo(map);
  attribution.addAttribution(plain("内部使用"));
  const tiles = muck.data.tiles;
  if (!tiles) return;
  if (tiles.attribution) attribution.addAttribution(plain(tiles.attribution));
  if (tiles.images) {
    const [minNativeZoom, maxNativeZoom] = tiles.zooms;
    new muck.KeptTiles({ minNativeZoom, maxNativeZoom, maxZoom: 19 }).addTo(map);
  } else {
    tiles.layers.forEach(({ url, hosts }) => L.tileLayer(url, { maxNativeZoom: tiles.max_zoom, maxZoom: 19, subdomains: hosts || "abc" }).addTo(map));
  }
};

/** Tiles that the page itself holds; where it holds none, the ground shows. */
muck.KeptTiles = L.GridLayer.extend({
  createTile({ x, y, z }, done) {
    const { images, at } = muck.data.tiles, place = `${z}/${x}/${y}`, has = Object.hasOwn(at, place), tile = muck.el(has ? "img" : "div"), told = () => done(null, tile);
    if (has) Object.assign(tile, { alt: "", onload: told, onerror: told, src: images[at[place]] });
    else setTimeout(told); // Leaflet waits for it, and not before this returns
    return tile;
  },
});

/** Fits the map to west, south, east, north. */
muck.fit = function (bounds, options) {
  const box = L.latLngBounds([bounds[1], bounds[0]], [bounds[3], bounds[2]]);
  muck.map.fitBounds(box, Object.assign({ padding: [36, 36], maxZoom: 17, animate: false }, options));
};

/** The head of the side panel. */
muck.head = function (panel) {
  const d = muck.data;
  document.title = d.title;
  muck.put(panel, muck.put(muck.el("header"), muck.el("span", "mark", "内部使用"), muck.el("h1", "", d.title), d.subtitle ? muck.el("p", "", d.subtitle) : null));
  if (d.facts.length) muck.put(muck.section(panel), muck.table(d.facts));
};

/** Foot of the side panel: how to read the page. */
muck.foot = function (panel) {
  const foot = muck.el("footer");
  muck.data.notes.forEach((note) => foot.appendChild(muck.el("p", "", note)));
  panel.appendChild(foot);
};

/** On paper nothing is folded away. */
window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((details) => { details.open = true; }));

/** Says that everything is drawn. */
muck.ready = function () {
  muck.map.whenReady(() => requestAnimationFrame(() => requestAnimationFrame(() => { document.documentElement.dataset.ready = "1"; })));
};
