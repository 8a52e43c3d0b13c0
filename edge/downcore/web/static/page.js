// The live page: what is chosen, what is fetched, and what people do with it.
import { draw, groupColour, groupPattern, maskClasses, plot, STATUS, unitName, valueAxis } from "./draw.js";

const $ = (id) => document.getElementById(id);
const canvas = $("log");
const PROPERTIES = ["density", "vp", "ms"];
const SCALES = { section: "in section", core: "in core", hole: "in hole", composite: "composite" };
const state = { sections: [], chosen: null, scale: "section", bundle: "", follow: false, from: 0,
  to: 1e6, whole: [0, 1e6], pieces: [], tracks: ["image", "mask", ...PROPERTIES], axes: {},
  units: {}, groups: [], cursor: null, bundles: {}, pictureless: false };
const logs = new Map(), pictures = new Map();
let drawing = false, asking = 0, announced = "";

function redraw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; draw(canvas, state); });
}

async function ask(path) {
  const answer = await fetch(path);
  const said = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(said.problem ?? `the page's server answered ${answer.status}`);
  return said;
}

function problem(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

// What is chosen, in the address.
function fromAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  state.chosen = asked.get("section");
  if (asked.get("depth") in SCALES) state.scale = asked.get("depth");
  state.bundle = asked.get("bundle") ?? "";
  const [from, to] = (asked.get("cm") ?? "").split("-").map(Number);
  return to > from && from >= 0 && to < 1e8 ? [from * 1e4, to * 1e4] : null;
}

function toAddress() {
  const said = new URLSearchParams();
  if (state.chosen) said.set("section", state.chosen);
  if (state.scale !== "section") said.set("depth", state.scale);
  if (state.bundle) said.set("bundle", state.bundle);
  if (state.from !== state.whole[0] || state.to !== state.whole[1]) {
    said.set("cm", `${+(state.from / 1e4).toFixed(2)}-${+(state.to / 1e4).toFixed(2)}`);
  }
  history.replaceState(null, "", `#${said}`);
}

// Which sections are shown, and where.
function place() {
  const chosen = state.sections.find((one) => one.section === state.chosen) ?? state.sections[0];
  if (!chosen) { state.pieces = []; return; }
  state.chosen = chosen.section;
  if (state.scale !== "section" && chosen.tops_um[state.scale] === undefined) state.scale = "section";
  let shown = [chosen];
  if (state.scale === "core") shown = state.sections.filter((one) => one.core === chosen.core);
  else if (state.scale !== "section") shown = state.sections;
  const before = new Map(state.pieces.map((one) => [one.scan, one]));
  state.pieces = shown.filter((one) => one.n_slices && (state.scale === "section" || one.tops_um[state.scale] !== undefined))
    .map((one) => ({ ...before.get(one.scan), scan: one.scan, section: one.section,
      short: one.section.startsWith(`${one.core?.split(" ").pop()}-`) ? one.section.slice(one.core.split(" ").pop().length + 1) : one.section.split(/[-_]/).pop(),
      top: state.scale === "section" ? 0 : one.tops_um[state.scale],
      stretch: state.scale === "section" ? 1 : one.stretch,
      length: before.get(one.scan)?.length ?? one.n_slices * 1e4, n: one.n_slices,
      isDone: one.state === "done" }));
  const lows = state.pieces.map((one) => one.top);
  const highs = state.pieces.map((one) => one.top + one.length * one.stretch);
  const wasWhole = state.from === state.whole[0] && state.to === state.whole[1];
  state.whole = state.pieces.length ? [Math.min(...lows), Math.max(...highs)] : [0, 1e6];
  if (wasWhole) [state.from, state.to] = state.whole;
}

function span(piece) {
  const pad = state.to - state.from;
  const from = Math.max(0, Math.floor((state.from - pad - piece.top) / piece.stretch));
  const to = Math.min(piece.length + 1e4, Math.ceil((state.to + pad - piece.top) / piece.stretch));
  return to > from ? [from, to] : null;
}

async function fetchLogs() {
  const mine = ++asking;
  const visible = state.pieces.filter((piece) => span(piece));
  await Promise.all(visible.map(async (piece) => {
    const [from, to] = span(piece);
    const share = (to - from) * piece.stretch / (state.to - state.from);
    const steps = Math.min(4000, Math.max(50, Math.ceil(share * canvas.clientHeight)));
    const kept = logs.get(piece.scan);
    const enough = kept && kept.n === piece.n && kept.from <= Math.max(0, (state.from - piece.top) / piece.stretch)
      && kept.to >= Math.min(piece.length, (state.to - piece.top) / piece.stretch)
      && (kept.data.n_slices <= kept.steps || kept.density >= 0.5 * steps / (to - from));
    if (!enough) {
      const data = await ask(`/api/log?scan=${encodeURIComponent(piece.scan)}&top_um=${from}&bottom_um=${to}&steps=${steps}`);
      logs.set(piece.scan, { data, from, to, steps, density: steps / (to - from), n: piece.n });
    }
    piece.data = logs.get(piece.scan).data;
    const bottoms = piece.data.slices.bottom;
    if (bottoms.length && to > piece.length) piece.length = bottoms[bottoms.length - 1];
    fetchPicture(piece);
  }));
  if (mine !== asking) return;
  measureAxes();
  redraw();
}

async function fetchPicture(piece) {
  // Of a scan that grows a new picture is asked for every 32 cm.
  const key = `${piece.scan} ${piece.isDone ? piece.n : piece.n >> 5}`;
  if (!pictures.has(key)) {
    pictures.set(key, null);
    const answer = await fetch(`/api/picture.jpg?scan=${encodeURIComponent(piece.scan)}&n=${piece.n}`);
    const end = Number(answer.headers.get("x-downcore-length-um"));
    if (answer.status === 200) pictures.set(key, [await createImageBitmap(await answer.blob()), end]);
  }
  const shown = state.pieces.find((one) => one.scan === piece.scan);
  if (shown && pictures.get(key)) [shown.picture, shown.pictureEnd] = pictures.get(key);
  state.pictureless = state.pieces.length > 0 && state.pieces.every((one) => !one.picture);
  redraw();
}

function measureAxes() {
  const groups = new Set();
  const used = new Set();
  for (const name of PROPERTIES) {
    const values = [], bands = [];
    for (const { data } of state.pieces) {
      if (!data) continue;
      for (const one of data.series) {
        used.add(one.bundle);
        if (one.property !== name || (state.bundle && one.bundle !== state.bundle)) continue;
        state.units[name] = one.unit;
        one.low.forEach((low, i) => {
          if (low == null) return;
          values.push(low, one.high[i]);
          if (one.lower[i] != null && one.upper[i] != null) bands.push([one.lower[i], one.upper[i]]);
        });
      }
      for (const one of data.measured) if (one.property === name && !one.flag) values.push(one.value);
      for (const one of data.shares) groups.add(one.group);
    }
    state.axes[name] = valueAxis(values, bands);
  }
  state.groups = [...groups];
  const answered = PROPERTIES.filter((name) => state.pieces.some(({ data }) => data
    && [...data.series, ...data.measured].some((one) => one.property === name)));
  state.tracks = ["image", "mask", ...(answered.length ? answered : PROPERTIES), ...(groups.size ? ["composition"] : [])];
  fillBundles([...used].filter(Boolean));
  legend();
}

// Around the log.
function fillBundles(ids) {
  const wanted = ["", ...ids].join(" ");
  if ($("bundle").dataset.ids !== wanted) {
    $("bundle").dataset.ids = wanted;
    $("bundle").replaceChildren(...["", ...ids].map((id) => new Option(id ? `${state.bundles[id] ?? "bundle"} (${id.slice(0, 8)})` : "all", id)));
  }
  $("bundle").value = ids.includes(state.bundle) ? state.bundle : "";
  $("bundle-label").hidden = ids.length < 2;
}

function swatch(colour, text, kind = "", group = null) {
  const entry = document.createElement("span");
  const mark = document.createElement("canvas");
  mark.width = 22; mark.height = 22;
  mark.setAttribute("aria-hidden", "true");
  mark.style.width = mark.style.height = "11px";
  const g = mark.getContext("2d");
  g.fillStyle = g.strokeStyle = colour;
  if (kind === "dot") { g.beginPath(); g.arc(11, 11, 6, 0, 7); g.fill(); }
  else if (kind === "band") { g.globalAlpha = 0.25; g.fillRect(0, 0, 22, 22); }
  else if (kind === "line") { g.fillRect(0, 9, 22, 4); }
  else { g.fillRect(0, 0, 22, 22); }
  if (group !== null && groupPattern(g, group)) { g.fillStyle = groupPattern(g, group); g.fillRect(0, 0, 22, 22); }
  if (kind === "hatch") {
    g.strokeStyle = "#fff"; g.lineWidth = 2.5; g.beginPath();
    for (let i = -20; i < 22; i += 8) { g.moveTo(i, 22); g.lineTo(i + 22, 0); }
    g.stroke();
  }
  entry.append(mark, text);
  return entry;
}

function legend() {
  const dark = document.documentElement.dataset.theme === "dark";
  const statuses = new Set(), classes = new Set();
  let measured = false;
  for (const { data } of state.pieces) {
    if (!data) continue;
    data.series.forEach((one) => one.status.forEach((status) => statuses.add(status)));
    measured ||= data.measured.length > 0;
    for (const [name] of maskClasses) if (data.slices.classes[name].some((f) => f > 0.02)) classes.add(name);
  }
  const blue = dark ? "#56b4e9" : STATUS.predicted;
  const entries = [];
  const head = (text) => { const b = document.createElement("b"); b.textContent = text; entries.push(b); };
  if (statuses.size) head("Values");
  if (statuses.has("predicted")) entries.push(swatch(blue, "predicted", "line"), swatch(blue, "90 % interval", "band"));
  if (measured || statuses.has("measured")) entries.push(swatch(dark ? "#f2f2f2" : STATUS.measured, "measured", "dot"));
  for (const status of ["filled", "masked", "abstained"]) {
    if (statuses.has(status)) entries.push(swatch(STATUS[status], status, status === "filled" ? "" : "hatch"));
  }
  if (classes.size) head("Mask");
  for (const [name, colour] of maskClasses) if (classes.has(name)) entries.push(swatch(colour, name));
  if (state.tracks.includes("composition") && canvas.clientWidth >= 560) {
    head("Solids");
    state.groups.forEach((group, i) => entries.push(swatch(groupColour(i), group, "", i)));
  }
  $("legend").replaceChildren(...entries);
}

// Thumbnails are asked for when they come into sight.
const shownOf = new WeakMap();
const whenSeen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    whenSeen.unobserve(target);
    shownOf.get(target)?.();
  }
});
let listed = "";

function listSections() {
  const now = JSON.stringify([state.chosen, ...state.sections.map((one) => [one.scan, one.section, one.n_slices, one.state, one.reason])]);
  if (now === listed) return;
  listed = now;
  const focused = [...$("sections").querySelectorAll("button")].indexOf(document.activeElement);
  const items = state.sections.map((one) => {
    const item = document.createElement("li"), button = document.createElement("button");
    const name = document.createElement("b"), said = document.createElement("small");
    const thumbnail = document.createElement("canvas");
    thumbnail.setAttribute("aria-hidden", "true");
    name.textContent = one.section;
    said.textContent = `${one.n_slices} cm, ${one.state}`;
    button.title = one.reason;
    button.append(thumbnail, name, said);
    button.setAttribute("aria-current", String(one.section === state.chosen));
    button.addEventListener("click", () => choose(one.section));
    if (one.n_slices) {
      shownOf.set(button, () => paintThumbnail(thumbnail, one));
    }
    item.append(button);
    return item;
  });
  whenSeen.disconnect();
  $("sections").replaceChildren(...items);
  for (const button of $("sections").querySelectorAll("button")) whenSeen.observe(button);
  $("sections").querySelectorAll("button")[focused]?.focus();
  $("section").replaceChildren(...state.sections.map((one) => new Option(one.section, one.section)));
  $("section").value = state.chosen ?? "";
}

const thumbnails = new Map();
async function paintThumbnail(mark, one) {
  mark.width = 1; mark.height = 60;
  const key = `${one.scan} ${one.n_slices >> 3}`;
  if (!thumbnails.has(key)) {
    thumbnails.set(key, ask(`/api/colours?scan=${encodeURIComponent(one.scan)}`));
  }
  try {
    const colours = await thumbnails.get(key);
    const g = mark.getContext("2d");
    colours.forEach((colour, i) => {
      if (!colour) return;
      g.fillStyle = colour;
      g.fillRect(0, i * 60 / colours.length, 1, 60 / colours.length + 0.5);
    });
  } catch { thumbnails.delete(key); }
}

function titles() {
  const chosen = state.sections.find((one) => one.section === state.chosen);
  const core = state.scale === "core" && chosen ? `Core ${chosen.core}` : null;
  $("title").textContent = state.sections.length ? core ?? (state.scale === "section" ? state.chosen : `Depth ${SCALES[state.scale]}`) : "downcore";
  $("subtitle").textContent = chosen && state.scale !== "section"
    ? `${state.pieces.length} sections, ${state.pieces.reduce((sum, one) => sum + one.n, 0)} cm` : chosen ? `${chosen.n_slices} cm, ${chosen.state}${chosen.reason ? `: ${chosen.reason}` : ""}` : "no section so far";
  document.title = `${$("title").textContent} · downcore`;
  const scales = Object.keys(SCALES).filter((one) => one === "section" || chosen?.tops_um[one] !== undefined);
  $("scale").replaceChildren(...scales.map((one) => new Option(SCALES[one], one)));
  $("scale").value = state.scale;
  $("csv").href = chosen ? csvOf(chosen) : "#";
}

function csvOf(chosen) {
  const at = state.scale === "section" ? 0 : chosen.tops_um[state.scale];
  const stretch = state.scale === "section" ? 1 : chosen.stretch;
  const from = Math.max(0, Math.floor((state.from - at) / stretch)), to = Math.max(1, Math.ceil((state.to - at) / stretch));
  return `/api/log.csv?scan=${encodeURIComponent(chosen.scan)}&top_um=${from}&bottom_um=${Math.max(from, to)}`;
}

async function refresh() {
  try {
    state.sections = await ask("/api/sections");
    const station = await ask("/api/station");
    state.bundles = station.bundles;
    sayStation(station);
    problem("");
    if (state.follow) followNewest();
    place();
    listSections();
    titles();
    await fetchLogs();
    // Said when it changes, and not over what a key has just made the page say.
    const said = `${state.sections.length} sections; ${$("title").textContent}, ${$("subtitle").textContent}`;
    if (said !== announced) $("said").textContent = announced = said;
  } catch (error) {
    problem(error.message);
  }
}

function followNewest() {
  const newest = state.sections.filter((one) => one.n_slices).sort((a, b) => b.updated_utc < a.updated_utc ? -1 : 1)[0];
  if (!newest) return;
  state.chosen = newest.section;
  [state.from, state.to] = state.whole;
}

function sayStation(one) {
  const parts = [one.is_running ? "daemon running" : "no daemon running", ...one.reasons,
    ...one.sinks.filter((sink) => sink.name !== "terminal").map((sink) => `${sink.name} ${sink.is_connected ? "connected" : sink.problem || "not connected"}`),
    one.backlog ? `backlog: ${one.backlog}` : "",
    one.disk_free_bytes ? `${(one.disk_free_bytes / 1e9).toFixed(1)} GB free` : "",
    one.set_aside ? `${one.set_aside} set aside` : "",
    one.questions.length ? `${one.questions.length} questions (${one.questions[0].section}: ${one.questions[0].question})` : ""];
  $("station").textContent = parts.filter(Boolean).join(" · ");
}

// What people do.
let later = 0;
function show(from, to) {
  const [low, high] = state.whole;
  const least = 2e4, most = (high - low) * 1.1;
  const wide = Math.min(Math.max(to - from, least), Math.max(most, least));
  const first = Math.min(Math.max(from, low - 0.05 * (high - low)), Math.max(low, high + 0.05 * (high - low) - wide));
  [state.from, state.to] = wide >= high - low ? [low, high] : [first, first + wide];
  redraw();
  clearTimeout(later);
  later = setTimeout(() => { toAddress(); titles(); fetchLogs().catch((error) => problem(error.message)); }, 60);
}
function zoom(factor, share = 0.5) {
  const at = state.from + share * (state.to - state.from);
  const wide = (state.to - state.from) * factor;
  stopFollowing();
  show(at - share * wide, at + (1 - share) * wide);
}
function pan(share) {
  const by = share * (state.to - state.from);
  stopFollowing();
  show(state.from + by, state.to + by);
}
function stopFollowing() {
  state.follow = false;
  $("follow").setAttribute("aria-pressed", "false");
}
function choose(section, scale = state.scale) {
  state.chosen = section;
  state.scale = scale;
  stopFollowing();
  [state.from, state.to] = state.whole;
  place();
  toAddress();
  listSections();
  titles();
  fetchLogs().catch((error) => problem(error.message));
}

const share = (clientY) => {
  const { top, bottom } = plot(canvas.clientHeight);
  return (clientY - canvas.getBoundingClientRect().top - top) / (bottom - top);
};
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  if (event.shiftKey) pan(event.deltaY / 800);
  else zoom(Math.exp(Math.max(-240, Math.min(240, event.deltaY)) / 500), Math.min(1, Math.max(0, share(event.clientY))));
}, { passive: false });
const held = new Map();
canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); held.set(event.pointerId, share(event.clientY)); });
canvas.addEventListener("pointermove", (event) => {
  const now = share(event.clientY);
  const before = held.get(event.pointerId);
  if (before !== undefined && held.size === 1) pan(before - now);
  if (before !== undefined && held.size === 2) {
    const other = [...held].find(([id]) => id !== event.pointerId)[1];
    const factor = Math.abs(before - other) / Math.max(0.01, Math.abs(now - other));
    zoom(Math.min(2, Math.max(0.5, factor)), other);
  }
  if (before !== undefined) held.set(event.pointerId, now);
  state.cursor = event.clientY - canvas.getBoundingClientRect().top;
  readOut(state.from + now * (state.to - state.from));
  redraw();
});
for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => held.delete(event.pointerId));
canvas.addEventListener("pointerleave", () => { state.cursor = null; $("readout").textContent = ""; redraw(); });
canvas.addEventListener("keydown", (event) => {
  const does = { ArrowDown: () => pan(0.1), ArrowUp: () => pan(-0.1), PageDown: () => pan(0.9),
    PageUp: () => pan(-0.9), "+": () => zoom(0.7), "=": () => zoom(0.7), "-": () => zoom(1 / 0.7),
    Home: () => show(...state.whole), End: () => show(state.whole[1] - (state.to - state.from), state.whole[1]) }[event.key];
  if (!does) return;
  event.preventDefault();
  does();
  const mid = (state.from + state.to) / 2;
  readOut(mid);
  $("said").textContent = `${(state.from / 1e4).toFixed(1)} to ${(state.to / 1e4).toFixed(1)} cm. ${$("readout").textContent}`;
});

function readOut(um) {
  const piece = state.pieces.find((one) => um >= one.top && um < one.top + one.length * one.stretch);
  if (!piece?.data) { $("readout").textContent = `${(um / 1e4).toFixed(1)} cm: no row`; return; }
  const depth = (um - piece.top) / piece.stretch;
  const parts = [`${(depth / 1e4).toFixed(1)} cm in ${piece.section}`];
  const reasons = new Set(), bundles = new Set();
  const number = (value) => +value.toPrecision(4);
  for (const one of piece.data.series) {
    if (state.bundle && one.bundle !== state.bundle) continue;
    const i = one.top.findIndex((top, j) => depth >= top && depth < one.bottom[j]);
    if (i < 0) continue;
    const value = one.low[i] == null ? "no value" : one.low[i] === one.high[i] ? number(one.low[i]) : `${number(one.low[i])} to ${number(one.high[i])}`;
    const band = one.lower[i] == null ? "" : ` (${number(one.lower[i])} to ${number(one.upper[i])})`;
    parts.push(`${one.property} ${value}${band}${one.low[i] == null ? "" : ` ${unitName(one.unit)}`} ${one.status[i]}`);
    if (one.reason[i]) reasons.add(one.reason[i]);
    bundles.add(`bundle ${one.bundle.slice(0, 8)}`);
  }
  for (const name of PROPERTIES) {
    const near = piece.data.measured.filter((one) => one.property === name && Math.abs(one.um - depth) < 1e4)
      .sort((a, b) => Math.abs(a.um - depth) - Math.abs(b.um - depth))[0];
    if (near) parts.push(`${name} measured ${number(near.value)}${near.flag ? ` (${near.flag})` : ""}`);
  }
  $("readout").textContent = [...parts, ...reasons, ...bundles].join(" · ");
}

$("zoom-in").addEventListener("click", () => zoom(0.6));
$("zoom-out").addEventListener("click", () => zoom(1 / 0.6));
$("whole").addEventListener("click", () => show(...state.whole));
$("section").addEventListener("change", (event) => choose(event.target.value));
$("scale").addEventListener("change", (event) => choose(state.chosen, event.target.value));
$("bundle").addEventListener("change", (event) => { state.bundle = event.target.value; toAddress(); measureAxes(); redraw(); });
$("follow").addEventListener("click", () => {
  state.follow = !state.follow;
  $("follow").setAttribute("aria-pressed", String(state.follow));
  if (state.follow) refresh();
});
$("png").addEventListener("click", () => canvas.toBlob((blob) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = "depthlog.png";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}));
const wanted = localStorage.getItem("downcore-theme")
  ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
document.documentElement.dataset.theme = wanted;
$("theme").addEventListener("click", () => {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  localStorage.setItem("downcore-theme", next);
  legend();
  redraw();
});
new ResizeObserver(() => redraw()).observe(canvas);

const asked = fromAddress();
await refresh();
if (asked) show(...asked);
document.body.dataset.ready = "true";

let waiting = 0;
const refreshSoon = () => { clearTimeout(waiting); waiting = setTimeout(refresh, 100); };
const feed = new EventSource("/api/events");
feed.addEventListener("rows", (event) => {
  document.body.dataset.seq = String(JSON.parse(event.data).last);
  refreshSoon();
});
feed.addEventListener("start", refreshSoon);
feed.addEventListener("problem", (event) => {
  problem(JSON.parse(event.data).problem);
  if (!JSON.parse(event.data).problem) refreshSoon();
});
feed.addEventListener("error", () => problem("The page's server does not answer; what is shown is what was known last."));
feed.addEventListener("open", () => refreshSoon());
setInterval(() => ask("/api/station").then(sayStation, () => {}), 5000);
