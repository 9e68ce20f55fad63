/* The page of one truck over one time: its track by what was violated, played back by the clock, and the evidence in words. */
"use strict";

/** Every fix: times (ms), positions, speeds (km/h or null), and the legs' runs. */
muck.readTrack = function () {
  const { t, p, v } = muck.data.track, times = [];
  t.reduce((sum, step) => { times.push(sum + step); return sum + step; }, 0);
  return { times, at: muck.decode(p), speed: v.map((s) => (s === null ? null : s / 10)), runs: muck.data.runs.map(([first, last, gap, cases]) => ({ first, last, gap: Boolean(gap), cases })) };
};

/**
 * What has added up at every fix: metres driven, and time moving, standing and in gaps, ms. A leg is what its first fix says
 * of it, as the rules take it; where no speed was sent, what lies between the two fixes. A gap has no metres.
 */
muck.totals = function (track) {
  const { times, at, speed, runs } = track, sums = [{ metres: 0, moving: 0, standing: 0, gap: 0 }];
  const gaps = new Set();
  runs.filter((run) => run.gap).forEach((run) => { for (let i = run.first; i < run.last; i++) gaps.add(i); });
  for (let i = 0; i + 1 < times.length; i++) {
    const sum = { ...sums[i] }, ms = times[i + 1] - times[i], metres = gaps.has(i) ? 0 : L.CRS.Earth.distance(L.latLng(at[i]), L.latLng(at[i + 1]));
    const kmh = speed[i] === null ? (metres / Math.max(1, ms)) * 3600 : speed[i], kind = gaps.has(i) ? "gap" : kmh < muck.data.still_kmh ? "standing" : "moving";
    sum[kind] += ms;
    if (kind === "moving") sum.metres += metres; // a standing truck's fixes wander
    sums.push(sum);
  }
  return sums;
};

/** Draws the track: normal grey merged into one line, gaps dashed, each violation by its own look, graver ones on top. */
muck.drawTrack = function (track) {
  const piece = (run) => track.at.slice(run.first, run.last + 1), cases = muck.data.cases, add = (layer, order) => {
    layer.muck = { order };
    muck.layers.all.push(layer.addTo(muck.map));
    return layer;
  };
  const driven = track.runs.filter((run) => !run.gap).map(piece), gaps = track.runs.filter((run) => run.gap);
  const normal = track.runs.filter((run) => !run.gap && !run.cases.length).map(piece), open = gaps.filter((run) => !run.cases.length).map(piece);
  if (driven.length) add(L.polyline(driven, muck.look("track.normal", { color: "#fff", weight: muck.style("track.normal").width + 3, fill: false })), 49);
  if (normal.length) add(L.polyline(normal, muck.look("track.normal", { fill: false })), 50);
  if (open.length) add(L.polyline(open, muck.look("track.gap", { fill: false })), 50);
  muck.gapLines = gaps.length;
  track.runs.filter((run) => run.cases.length).forEach((run) => {
    const byWeight = run.cases.slice().sort((a, b) => cases[b].points - cases[a].points || a - b), line = piece(run);
    byWeight.reverse().forEach((n, i) => { // the gravest last, so on top; those beneath wider, so that they show at both sides
      const style = muck.style(cases[n].style), beneath = (byWeight.length - 1 - i) * 5, weight = (run.gap ? Math.min(style.width, 3) : style.width) + beneath;
      add(L.polyline(line, muck.look(cases[n].style, { color: "#fff", weight: weight + 3, dashArray: null, fill: false, opacity: 0.9 })), 59 + i / 10);
      add(L.polyline(line, muck.look(cases[n].style, { weight, fill: false, dashArray: run.gap ? "3 8" : muck.look(cases[n].style).dashArray })), 60 + i / 10);
    });
  });
  if (driven.length) {
    add(new muck.Dots(driven, { renderer: muck.renderer, color: "#333", interactive: false }), 65);
    add(new muck.Arrows(driven, { renderer: muck.renderer, color: "#111", interactive: false }), 66);
  }
};

/** Stops and the places where a violation was worst. */
muck.drawMarks = function () {
  muck.data.stops.forEach((stop) => {
    const at = muck.decode(stop.p)[0], mark = new muck.Mark(at, muck.look(stop.style, { interactive: true })).addTo(muck.map);
    mark.bindPopup(() => muck.note(stop.title, stop.text), { maxWidth: 320 });
    mark.muck = { order: muck.style(stop.style).order };
    muck.layers.all.push(mark);
    muck.labels.add(stop.label, at, stop.priority, 9, "stop");
  });
  const ring = [[0, 0]].concat(...[22, 40].map((r) => [0, 1, 2, 3, 4, 5, 6, 7].map((k) => [Math.round(r * Math.cos(k * 0.785)), Math.round(r * Math.sin(k * 0.785))])));
  muck.data.cases.forEach((found, n) => {
    const item = muck.labels.add(String(n + 1), muck.decode(found.p)[0], 100 - n / 100, 0, "badge");
    item.element.style.setProperty("--colour", muck.style(found.style).colour);
    item.around = ring;
  });
};

/** Moves by the clock over real fixes only: between two fixes, and in a gap, the truck stays where it last was seen. */
muck.playback = {
  index: 0, now: 0, playing: false, rate: 60,
  start(track, bar) {
    Object.assign(this, { track, totals: muck.totals(track), from: track.times[0], to: track.times[track.times.length - 1] });
    const d = muck.data, pin = muck.put(muck.el("div", "truck"), muck.el("i"));
    this.pin = pin;
    this.marker = L.marker(track.at[0], { icon: L.divIcon({ html: pin, className: "", iconSize: [26, 26] }), interactive: false, keyboard: false, zIndexOffset: 1000 }).addTo(muck.map);
    const button = (text, cls, act, hint) => { const b = muck.el("button", cls, text); b.type = "button"; b.title = hint; b.addEventListener("click", act); return b; };
    this.playButton = button("播放", "play", () => this.toggle(), "空格键：播放或暂停");
    this.slider = Object.assign(muck.el("input", "slider"), { type: "range", min: 0, max: Math.max(1, Math.round((this.to - this.from) / 1000)), step: 1, value: 0 });
    this.slider.setAttribute("aria-label", "时间");
    this.slider.addEventListener("input", () => this.seek(this.from + this.slider.value * 1000));
    const rate = muck.el("select", "rate");
    [30, 60, 240].forEach((n) => { const o = muck.el("option", "", `${n} 倍速`); o.value = n; o.selected = n === this.rate; rate.appendChild(o); });
    rate.addEventListener("change", () => { this.rate = Number(rate.value); });
    this.follow = Object.assign(muck.el("input", "follow"), { type: "checkbox", checked: true });
    this.text = { clock: muck.el("b", "clock"), speed: muck.el("b", "speed"), state: muck.el("span", "state"), totals: muck.el("div", "totals") };
    this.strip = new muck.Strip(track, d.cases, (ms) => this.seek(ms));
    muck.put(bar,
      muck.put(muck.el("div", "row"), this.playButton, button("上一点", "", () => this.step(-1), "左方向键"), button("下一点", "", () => this.step(1), "右方向键"), rate,
        muck.put(muck.el("label"), this.follow, muck.el("span", "", "跟随")), this.text.clock, this.text.speed, this.text.state),
      this.text.totals, this.strip.element, this.slider);
    document.addEventListener("keydown", (e) => this.key(e));
    muck.map.on("click", (e) => this.pick(e.containerPoint));
    this.seek(this.from, true);
  },
  key(e) {
    if (e.ctrlKey || e.altKey || e.metaKey || e.target.tagName === "SELECT") return;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (step) this.step(step); else if (e.key === " " && e.target.tagName !== "BUTTON") this.toggle(); else return;
    e.preventDefault();
  },
  toggle() {
    this.playing = !this.playing;
    this.playButton.textContent = this.playing ? "暂停" : "播放";
    if (this.playing && this.now >= this.to) this.seek(this.from);
    let last = performance.now();
    const tick = (at) => {
      if (!this.playing) return;
      this.seek(Math.min(this.to, this.now + Math.max(0, at - last) * this.rate));
      last = at;
      if (this.now >= this.to) this.toggle(); else requestAnimationFrame(tick);
    };
    if (this.playing) requestAnimationFrame(tick);
  },
  step(by) {
    const index = Math.max(0, Math.min(this.track.times.length - 1, this.index + by));
    this.seek(this.track.times[index]);
  },
  /** The last fix at or before an instant, by halving. */
  find(ms) {
    let low = 0, high = this.track.times.length - 1;
    while (low < high) { const mid = (low + high + 1) >> 1; if (this.track.times[mid] <= ms) low = mid; else high = mid - 1; }
    return low;
  },
  seek(ms, still) {
    const { track } = this, index = this.find(ms);
    Object.assign(this, { now: ms, index });
    this.slider.value = Math.round((ms - this.from) / 1000);
    const next = Math.min(index + 1, track.times.length - 1), wait = track.times[next] - track.times[index], run = track.runs.find((r) => r.first <= index && index < r.last);
    const silent = Boolean(run && run.gap && ms > track.times[index]);
    const cases = muck.data.cases.map((found, n) => [found, n]).filter(([found]) => found.start <= ms && ms <= found.end);
    this.marker.setLatLng(track.at[index]);
    this.pin.className = `truck${silent ? " silent" : ""}`;
    const a = muck.map.project(track.at[index], 18), b = muck.map.project(track.at[next], 18);
    if (next > index && wait <= muck.data.gap_ms && a.distanceTo(b) > 4) this.pin.firstChild.style.transform = `rotate(${Math.atan2(b.y - a.y, b.x - a.x) + Math.PI / 2}rad)`;
    this.text.clock.textContent = `${muck.day(ms)} ${muck.clock(ms)}（${muck.offsetName()}）`;
    const speed = track.speed[index];
    this.text.speed.textContent = silent ? "速度 —" : `速度 ${speed === null ? "—" : Math.round(speed)} km/h`;
    this.text.state.textContent = silent && wait <= muck.data.gap_ms ? "位置跳变，两点之间不连线" : silent ? `定位中断 ${muck.span(wait)}` : cases.length ? cases.map(([found, n]) => `${n + 1} ${found.name}`).join("、") : "未见异常";
    this.text.state.title = this.text.state.textContent;
    this.text.state.className = `state${cases.length ? " bad" : ""}`;
    this.tell(this.totals[index], this.totals[this.totals.length - 1]);
    this.strip.cursor(ms);
    if (!still && this.follow.checked && !muck.map.getBounds().pad(-0.2).contains(track.at[index])) muck.map.panTo(track.at[index], { animate: false });
  },
  /** What has added up to the fix shown, and the whole. */
  tell(sum, whole) {
    const km = (metres) => (metres / 1000).toFixed(1);
    const parts = [`行驶里程 ${km(sum.metres)}／${km(whole.metres)} 公里`, `行驶 ${muck.span(sum.moving)}`, `停留 ${muck.span(sum.standing)}`];
    if (whole.gap) parts.push(`中断 ${muck.span(sum.gap)}`);
    this.text.totals.replaceChildren(muck.el("b", "", "累计"), ...parts.map((part) => muck.el("span", "", part)));
  },
  /** A click near the track goes to the nearest fix. */
  pick(point) {
    const best = this.track.at.reduce((found, at, i) => { const d = muck.map.latLngToContainerPoint(at).distanceTo(point); return d < found[0] ? [d, i] : found; }, [14, -1]);
    if (best[1] >= 0) this.seek(this.track.times[best[1]], true);
  },
};

/** Speed over time, with the violations' spans as bands by their own colour and the gaps hatched. */
muck.Strip = class {
  constructor(track, cases, seek) {
    Object.assign(this, { track, cases, from: track.times[0], to: Math.max(track.times[track.times.length - 1], track.times[0] + 1) });
    this.element = muck.put(muck.el("div", "strip"), this.canvas = muck.el("canvas"), this.line = muck.el("i"));
    const go = (e) => { const box = this.element.getBoundingClientRect(); seek(this.from + Math.max(0, Math.min(1, (e.clientX - box.left) / box.width)) * (this.to - this.from)); };
    this.element.addEventListener("pointerdown", (e) => { this.element.setPointerCapture(e.pointerId); go(e); });
    this.element.addEventListener("pointermove", (e) => { if (e.buttons & 1) go(e); });
    window.addEventListener("resize", () => this.draw());
    requestAnimationFrame(() => this.draw());
  }
  cursor(ms) { this.line.style.left = `${((ms - this.from) / (this.to - this.from)) * 100}%`; }
  draw() {
    const w = this.element.clientWidth, h = this.element.clientHeight, c = this.canvas.getContext("2d"), { times, speed, runs } = this.track;
    const x = (ms) => ((ms - this.from) / (this.to - this.from)) * w, top = Math.max(60, ...speed.map((v) => v || 0)) * 1.1, y = (v) => h - 14 - (v / top) * (h - 18);
    Object.assign(this.canvas, { width: w * 2, height: h * 2 });
    c.scale(2, 2);
    this.cases.forEach((found, n) => {
      const a = x(found.start), b = Math.max(a + 2, x(found.end)), row = 4 + (n % 3) * 4;
      Object.assign(c, { fillStyle: muck.style(found.style).colour, globalAlpha: 0.16 });
      c.fillRect(a, 0, b - a, h - 13);
      c.globalAlpha = 1;
      c.fillRect(a, row - 3, b - a, 3);
    });
    runs.filter((run) => run.gap).forEach((run) => {
      const a = x(times[run.first]), b = x(times[run.last]);
      c.strokeStyle = "#999";
      c.lineWidth = 1;
      for (let i = a; i < b; i += 6) { c.beginPath(); c.moveTo(i, h - 14); c.lineTo(Math.min(b, i + 6), h - 24); c.stroke(); }
    });
    Object.assign(c, { strokeStyle: "#333", lineWidth: 1.2 });
    runs.filter((run) => !run.gap).forEach((run) => {
      c.beginPath();
      for (let i = run.first, pen = false; i <= run.last; i++) {
        if (speed[i] === null) { pen = false; continue; }
        if (pen) c.lineTo(x(times[i]), y(speed[i])); else c.moveTo(x(times[i]), y(speed[i]));
        pen = true;
      }
      c.stroke();
    });
    Object.assign(c, { fillStyle: "#555", font: "10px sans-serif", textBaseline: "bottom" });
    c.fillRect(0, h - 14, w, 0.5);
    const step = [1, 5, 10, 15, 30, 60, 120, 240, 360].map((m) => m * 60000).find((ms) => (this.to - this.from) / ms <= w / 70) || 86400000;
    const shift = muck.data.offset_min * 60000;
    for (let ms = Math.ceil((this.from + shift) / step) * step - shift; ms < this.to; ms += step) {
      c.fillRect(x(ms), h - 14, 0.7, 4);
      c.fillText(muck.clock(ms).slice(0, 5), Math.min(x(ms) + 2, w - 30), h);
    }
    c.textBaseline = "top";
    const scale = `${Math.round(top / 1.1)} km/h`;
    c.fillStyle = "rgba(255, 255, 255, 0.85)";
    c.fillRect(2, 14, c.measureText(scale).width + 3, 12);
    c.fillStyle = "#555";
    c.fillText(scale, 3, 15);
  }
};

/** Goes to a violation: the whole stretch in view, the truck where it began. */
muck.showCase = function (n) {
  const found = muck.data.cases[n], track = muck.track, inside = track.at.filter((_, i) => found.start <= track.times[i] && track.times[i] <= found.end);
  const box = L.latLngBounds(inside.concat(muck.decode(found.p)));
  muck.map.fitBounds(box, { padding: [60, 60], maxZoom: 16.5, animate: false });
  if (track.times.length) muck.playback.seek(Math.max(muck.playback.from, found.start), true);
  document.querySelectorAll(".case").forEach((card, i) => card.classList.toggle("chosen", i === n));
};

/** The cards of the violations, each with its sentence and its figures. */
muck.cards = function (panel) {
  const section = muck.section(panel, `疑似违规 ${muck.data.cases.length} 起`);
  muck.data.cases.forEach((found, n) => {
    const card = muck.el("article", "case"), head = muck.el("button", "go"), badge = muck.el("span", "label badge", n + 1);
    head.type = "button";
    head.title = "在地图上查看这一段";
    badge.style.setProperty("--colour", muck.style(found.style).colour);
    muck.put(head, badge, muck.el("strong", "", found.name), muck.sample(found.style), muck.el("em", "", found.status));
    head.addEventListener("click", () => muck.showCase(n));
    card.addEventListener("click", (e) => { if (!e.target.closest("details,button") && !String(getSelection())) muck.showCase(n); });
    const more = muck.put(muck.el("details"), muck.el("summary", "", "证据数据与判定依据"), muck.table(found.figures, "figures"));
    muck.put(section, muck.put(card, head, muck.el("p", "", found.sentence), muck.el("p", "meta", found.meta), found.figures.length ? more : null));
  });
};

muck.start = function (map) {
  const d = muck.data, panel = document.querySelector(".panel"), bar = document.querySelector(".bar");
  muck.furnish(map);
  muck.head(panel);
  muck.cards(panel);
  muck.labels.start(map);
  muck.fit(d.bounds);
  d.layers.forEach((layer) => muck.layers.add(layer));
  muck.track = muck.readTrack();
  muck.drawTrack(muck.track);
  muck.drawMarks();
  if (d.stop_rows.length) {
    const table = muck.el("table", "list");
    d.stop_rows.forEach((row) => table.appendChild(muck.put(muck.el("tr"), ...row.map((cell) => muck.el("td", "", cell)))));
    muck.section(panel, "停车记录").appendChild(table);
  }
  muck.toggles(panel, "图层", d.layers.map((layer) => layer.key));
  const runs = muck.track.runs, used = [runs.some((r) => !r.gap && !r.cases.length) && "track.normal", runs.some((r) => r.gap) && "track.gap"].filter(Boolean);
  muck.legend(panel, used.concat(d.cases.map((c) => c.style), d.stops.map((s) => s.style), muck.stylesUsed()));
  muck.foot(panel);
  if (muck.track.times.length) muck.playback.start(muck.track, bar); else bar.remove();
  muck.layers.all.sort((a, b) => a.muck.order - b.muck.order);
  map.invalidateSize({ animate: false });
  muck.fit(d.bounds);
  muck.layers.settle();
  muck.ready();
};
