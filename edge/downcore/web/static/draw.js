// Tracks of a depth log on a canvas: depth down, one track beside the other.

export const STATUS = {
  measured: "#1b1b1b", predicted: "#0072b2", filled: "#e69f00", masked: "#9a9a9a",
  abstained: "#cc79a7",
};
const CLASSES = [
  ["sediment", "#a08158"], ["tray", "#c3ccd2"], ["void", "#262626"], ["foam", "#f0e442"],
  ["tag", "#56b4e9"], ["glare", "#ffffff"], ["outside", "#e9e9e9"],
];
const GROUPS = ["#f0e442", "#56b4e9", "#8c6d46", "#4d4d4d", "#009e73", "#d55e00", "#e69f00",
  "#cc79a7", "#0072b2"];
const TITLES = { density: "Density", vp: "P-wave velocity", ms: "Mag. susceptibility" };
const SHORT = { density: "Density", vp: "Vp", ms: "MS" };
const UNITS = { "g/cm3": "g/cm³", "m/s": "m/s", "1e-5 SI": "10⁻⁵ SI" };
const HEAD = 58, FOOT = 8, GAP = 14;
const FONT = '"Source Sans 3", "Noto Sans", "DejaVu Sans", system-ui, sans-serif';

export const unitName = (unit) => UNITS[unit] ?? unit;
export const groupColour = (i) => GROUPS[i % GROUPS.length];

const patterns = new Map();
/** Lines or dots over a group's colour, so that groups differ without colour; null for none. */
export function groupPattern(g, i) {
  const kind = i % 4;
  if (kind === 0) return null;
  if (!patterns.has(kind)) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const t = tile.getContext("2d");
    t.strokeStyle = t.fillStyle = "rgba(255,255,255,.5)";
    if (kind === 1) t.fillRect(3, 3, 2, 2);
    if (kind === 2) t.fillRect(0, 4, 8, 1);
    if (kind === 3) {
      t.beginPath();
      for (const x of [-8, 0, 8]) { t.moveTo(x, 8); t.lineTo(x + 8, 0); }
      t.stroke();
    }
    patterns.set(kind, tile);
  }
  return g.createPattern(patterns.get(kind), "repeat");
}

/** Where each track lies: name, left, width. */
export function layout(width, names) {
  const narrow = width < 560;
  const axis = narrow ? 40 : 58;
  const fixed = { image: narrow ? 44 : 92, mask: narrow ? 16 : 40 };
  const gap = narrow ? 8 : GAP;
  const shown = names.filter((name) => !(narrow && name === "composition"));
  const fluid = shown.filter((name) => !(name in fixed));
  const taken = shown.filter((name) => name in fixed).reduce((sum, name) => sum + fixed[name], 0);
  const share = (width - axis - taken - gap * shown.length - 8) / Math.max(1, fluid.length);
  let left = axis;
  return shown.map((name) => {
    const wide = fixed[name] ?? share;
    const track = { name, left, width: Math.max(10, wide), narrow };
    left += wide + gap;
    return track;
  });
}

export const plot = (height) => ({ top: HEAD, bottom: height - FOOT });

/** Round numbers along an axis, at least about `px` apart. */
export function ticks(low, high, count) {
  const raw = (high - low) / Math.max(1, count);
  if (!(raw > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) found.push(i * step);
  return found;
}

/** The axis of a property: from the values that are shown, never from nothing. */
export function valueAxis(values, bands) {
  const sorted = values.slice().sort((a, b) => a - b);
  if (!sorted.length) return null;
  let [low, high] = [sorted[0], sorted[sorted.length - 1]];
  const spread = high - low || Math.abs(high) * 0.1 || 1;
  for (const [from, to] of bands) {
    low = Math.min(low, Math.max(from, sorted[0] - 0.6 * spread));
    high = Math.max(high, Math.min(to, sorted[sorted.length - 1] + 0.6 * spread));
  }
  const logarithmic = sorted[0] > 0 && high / sorted[0] > 40;
  if (logarithmic) low = Math.max(low, sorted[0] / 1.5);
  const pad = logarithmic ? 0 : 0.04 * (high - low || spread);
  return { low: low - pad, high: high + pad, logarithmic };
}

const share = (axis, value) => axis.logarithmic
  ? Math.log(Math.max(value, axis.low) / axis.low) / Math.log(axis.high / axis.low)
  : (value - axis.low) / (axis.high - axis.low);

function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return { paper: of("--panel"), ink: of("--ink"), quiet: of("--quiet"), line: of("--line"),
    grid: of("--grid"), dark: document.documentElement.dataset.theme === "dark" };
}

const statusColour = (status, look) => look.dark
  ? { measured: "#f2f2f2", predicted: "#56b4e9" }[status] ?? STATUS[status] : STATUS[status];

/** Draw everything that is in view. `pieces` are sections with their place and data. */
export function draw(canvas, state) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  const look = colours();
  g.fillStyle = look.paper;
  g.fillRect(0, 0, width, height);
  const { top, bottom } = plot(height);
  const y = (um) => top + (um - state.from) / (state.to - state.from) * (bottom - top);
  const tracks = layout(width, state.tracks);
  drawDepths(g, state, look, tracks, y, top, bottom);
  for (const track of tracks) {
    g.save();
    g.beginPath();
    g.rect(track.left - 1, top, track.width + 2, bottom - top);
    g.clip();
    for (const piece of state.pieces) if (piece.data) drawPiece(g, track, piece, state, look, y);
    g.restore();
    g.strokeStyle = look.line;
    g.strokeRect(track.left - 0.5, top - 0.5, track.width + 1, bottom - top + 1);
    drawHead(g, track, state, look, top);
  }
  if (state.cursor != null && state.cursor >= top && state.cursor <= bottom) {
    g.strokeStyle = look.ink;
    g.globalAlpha = 0.55;
    g.beginPath();
    g.moveTo(tracks[0].left - 6, Math.round(state.cursor) + 0.5);
    g.lineTo(width - 6, Math.round(state.cursor) + 0.5);
    g.stroke();
    g.globalAlpha = 1;
  }
}

function drawDepths(g, state, look, tracks, y, top, bottom) {
  const unit = state.scale === "section" || state.scale === "core" ? [1e4, "cm"] : [1e6, "m"];
  const narrow = tracks[0].narrow;
  g.font = `12px ${FONT}`;
  g.textAlign = "right";
  g.textBaseline = "middle";
  const found = ticks(state.from / unit[0], state.to / unit[0], (bottom - top) / 60);
  const digits = found.length > 1 ? Math.max(0, Math.ceil(-Math.log10(found[1] - found[0]) - 1e-9)) : 1;
  const right = tracks[tracks.length - 1];
  for (const tick of found) {
    const at = Math.round(y(tick * unit[0])) + 0.5;
    g.strokeStyle = look.grid;
    g.beginPath();
    g.moveTo(tracks[0].left, at);
    g.lineTo(right.left + right.width, at);
    g.stroke();
    g.strokeStyle = look.quiet;
    g.beginPath();
    g.moveTo(tracks[0].left - 6, at);
    g.lineTo(tracks[0].left - 1, at);
    g.stroke();
    g.fillStyle = look.ink;
    g.fillText(tick.toFixed(digits), tracks[0].left - 9, at);
  }
  g.textAlign = "left";
  g.fillStyle = look.ink;
  g.font = `600 ${narrow ? 11 : 12.5}px ${FONT}`;
  g.fillText(narrow ? "" : "Depth", 2, 12);
  g.fillStyle = look.quiet;
  g.font = `11.5px ${FONT}`;
  g.fillText(unit[1], 2, 28);
}

function drawHead(g, track, state, look, top) {
  const { name, left, width } = track;
  const axis = state.axes[name];
  const title = { image: "Core", mask: width < 30 ? "" : "Mask", composition: "Composition" }[name]
    ?? (width < 150 ? SHORT[name] ?? name : TITLES[name] ?? name);
  g.textAlign = "left";
  g.textBaseline = "middle";
  g.font = `600 ${track.narrow ? 11 : 12.5}px ${FONT}`;
  g.fillStyle = look.ink;
  g.fillText(title, left, 12, width + 6);
  g.font = `11.5px ${FONT}`;
  g.fillStyle = look.quiet;
  if (name === "composition") g.fillText("share of solids", left, 28, width);
  if (name === "image" && state.pictureless) g.fillText("mean colour", left, 28, width);
  const bounds = name === "composition" ? { low: 0, high: 1 } : axis;
  if (!bounds) {
    if (name in TITLES) g.fillText("no value", left, 28, width);
    return;
  }
  if (axis) g.fillText(unitName(state.units[name] ?? "") + (axis.logarithmic ? ", log" : ""), left, 28, width);
  let found = ticks(bounds.low, bounds.high, Math.max(3, width / 44));
  if (axis?.logarithmic) found = logTicks(bounds.low, bounds.high, width / 40);
  g.textAlign = "center";
  g.strokeStyle = look.quiet;
  let last = -Infinity;
  for (const tick of found) {
    const at = left + share(bounds, tick) * width;
    g.beginPath();
    g.moveTo(Math.round(at) + 0.5, top - 5);
    g.lineTo(Math.round(at) + 0.5, top - 1);
    g.stroke();
    const text = String(+tick.toPrecision(6));
    const half = g.measureText(text).width / 2;
    const middle = Math.min(Math.max(at, left + half - 4), left + width - half + 4);
    if (middle - half < last + 5) continue;
    last = middle + half;
    g.fillStyle = look.quiet;
    g.fillText(text, middle, top - 13);
  }
}

function logTicks(low, high, count) {
  const found = [];
  const steps = Math.log10(high / low) < 2.2 && count > 4 ? [1, 2, 5] : [1];
  for (let p = Math.floor(Math.log10(low)); p <= Math.log10(high); p++) {
    for (const n of steps) if (n * 10 ** p >= low && n * 10 ** p <= high) found.push(n * 10 ** p);
  }
  return found;
}

function drawPiece(g, track, piece, state, look, y) {
  const at = (um) => y(piece.top + um * piece.stretch);
  if (track.name === "image") return drawImage(g, track, piece, state, at, look);
  if (track.name === "mask") return drawMask(g, track, piece, at, look);
  if (track.name === "composition") return drawShares(g, track, piece, state, at);
  drawProperty(g, track, piece, state, at, look);
}

function drawImage(g, track, piece, state, at, look) {
  const { data, picture } = piece;
  const s = data.slices;
  // A scan that grows is longer than its picture; the rest is drawn in mean colours.
  const end = picture ? Math.min(piece.pictureEnd, piece.length) : 0;
  for (let i = 0; i < s.top.length; i++) {
    if (s.bottom[i] <= end) continue;
    g.fillStyle = s.colour[i] ?? look.grid;
    g.fillRect(track.left, at(s.top[i]), track.width, at(s.bottom[i]) - at(s.top[i]) + 0.6);
  }
  if (picture) {
    const tall = picture.height * end / piece.pictureEnd;
    g.imageSmoothingQuality = "high";
    const [y0, y1] = [at(0), at(end)];
    // Keep the core's own proportions: show a strip from its middle where it is too wide.
    const wanted = picture.width * (y1 - y0) / tall;
    const cut = wanted > track.width ? picture.width * track.width / wanted : picture.width;
    g.drawImage(picture, (picture.width - cut) / 2, 0, cut, tall, track.left, y0, track.width, y1 - y0);
  }
  if (state.pieces.length > 1) {
    const y0 = at(0), tall = at(piece.length) - y0;
    if (tall > 22) {
      g.font = `600 11px ${FONT}`;
      g.textAlign = "left";
      g.textBaseline = "middle";
      const text = piece.short;
      g.fillStyle = "rgba(255,255,255,.85)";
      g.fillRect(track.left + 3, y0 + 3, Math.min(track.width - 6, g.measureText(text).width + 8), 16);
      g.fillStyle = "#1f2326";
      g.fillText(text, track.left + 7, y0 + 11.5, track.width - 12);
    }
  }
}

function drawMask(g, track, piece, at) {
  const s = piece.data.slices;
  for (let i = 0; i < s.top.length; i++) {
    let left = track.left;
    const [y0, tall] = [at(s.top[i]), at(s.bottom[i]) - at(s.top[i]) + 0.6];
    for (const [name, colour] of CLASSES) {
      const wide = s.classes[name][i] * track.width;
      g.fillStyle = colour;
      g.fillRect(left, y0, wide, tall);
      left += wide;
    }
  }
}

function drawShares(g, track, piece, state, at) {
  const { shares } = piece.data;
  if (!shares.length) return;
  // The same order in every section, whichever group its first slice names first.
  shares.sort((a, b) => state.groups.indexOf(a.group) - state.groups.indexOf(b.group));
  const n = shares[0].top.length;
  for (let i = 0; i < n; i++) {
    let left = track.left;
    for (const one of shares) {
      const wide = (one.fraction[i] ?? 0) * track.width;
      if (!wide) continue;
      const group = state.groups.indexOf(one.group);
      for (const fill of [groupColour(group), groupPattern(g, group)]) {
        if (!fill) continue;
        g.fillStyle = fill;
        g.fillRect(left, at(one.top[i]), wide, at(one.bottom[i]) - at(one.top[i]) + 0.6);
      }
      left += wide;
    }
  }
}

function drawProperty(g, track, piece, state, at, look) {
  const axis = state.axes[track.name];
  const inner = { left: track.left + 8, width: track.width - 12 };
  const x = (value) => inner.left + share(axis, value) * inner.width;
  const chosen = piece.data.series.filter((one) => one.property === track.name
    && (state.bundle === "" || one.bundle === state.bundle));
  chosen.forEach((one, i) => {
    if (i === 0) drawStatus(g, track, one, at, look);
    if (!axis) return;
    const colour = i === 0 ? null : GROUPS[(i + 3) % GROUPS.length];
    drawBand(g, one, at, x, colour ?? statusColour("predicted", look));
    drawLine(g, one, at, x, colour, look, i);
  });
  if (!axis) return;
  for (const one of piece.data.measured) {
    if (one.property !== track.name) continue;
    g.beginPath();
    g.arc(x(one.value), at(one.um), 2.3, 0, 7);
    if (one.flag) {
      g.strokeStyle = look.quiet;
      g.stroke();
    } else {
      g.fillStyle = statusColour("measured", look);
      g.fill();
    }
  }
}

function drawStatus(g, track, one, at, look) {
  for (let i = 0; i < one.top.length; i++) {
    const [y0, y1] = [at(one.top[i]), at(one.bottom[i])];
    g.fillStyle = statusColour(one.status[i], look);
    g.fillRect(track.left, y0, 5, y1 - y0 + 0.6);
    if (one.status[i] === "abstained" || one.status[i] === "masked") {
      g.strokeStyle = look.paper;
      g.lineWidth = 1;
      g.beginPath();
      for (let at = Math.ceil(y0 / 5) * 5; at < y1; at += 5) {
        g.moveTo(track.left, at + (one.status[i] === "masked" ? 0 : 3));
        g.lineTo(track.left + 5, at);
      }
      g.stroke();
    }
  }
}

const middle = (one, i) => (one.top[i] + one.bottom[i]) / 2;
const follows = (one, i) => i > 0 && one.top[i] - one.bottom[i - 1] < 20;

function drawBand(g, one, at, x, colour) {
  g.fillStyle = colour;
  g.globalAlpha = 0.17;
  let run = [];
  const flush = () => {
    if (run.length) {
      g.beginPath();
      for (const i of run) {
        g.lineTo(x(one.lower[i]), at(one.top[i]));
        g.lineTo(x(one.lower[i]), at(one.bottom[i]));
      }
      for (const i of run.reverse()) {
        g.lineTo(x(one.upper[i]), at(one.bottom[i]));
        g.lineTo(x(one.upper[i]), at(one.top[i]));
      }
      g.fill();
    }
    run = [];
  };
  for (let i = 0; i < one.top.length; i++) {
    const has = one.lower[i] != null && one.upper[i] != null;
    if (!has || !follows(one, i)) flush();
    if (has) run.push(i);
  }
  flush();
  g.globalAlpha = 1;
}

function drawLine(g, one, at, x, colour, look, number) {
  g.lineWidth = 1.4;
  g.setLineDash(number ? [5, 3] : []);
  g.strokeStyle = colour ?? statusColour("predicted", look);
  g.beginPath();
  const alone = [];
  for (let i = 0; i < one.top.length; i++) {
    if (one.low[i] == null) continue;
    const joins = follows(one, i) && one.low[i - 1] != null;
    const y0 = at(middle(one, i));
    if (!joins) g.moveTo(x(one.low[i]), y0);
    else g.lineTo(x(one.low[i]), y0);
    if (one.high[i] !== one.low[i]) g.lineTo(x(one.high[i]), y0);
    const goesOn = i + 1 < one.top.length && follows(one, i + 1) && one.low[i + 1] != null;
    if (!joins && !goesOn) alone.push(i);
  }
  g.stroke();
  g.setLineDash([]);
  g.lineWidth = 1;
  for (let i = 0; i < one.top.length; i++) {
    if (one.low[i] == null || (one.status[i] === "predicted" && !alone.includes(i))) continue;
    g.fillStyle = statusColour(one.status[i], look);
    g.fillRect(x(one.low[i]) - 2.2, at(middle(one, i)) - 2.2, 4.4, 4.4);
  }
}
export const maskClasses = CLASSES;
