"use strict";
// Shows a run. Everything is in the element "run"; `draw` draws the timeline, `show` what is so at the cursor.

// What goes wrong in here is told on the page.
const problems = [];
addEventListener("error", (event) => {
  problems.push(event.message);
  document.getElementById("hint").textContent = `This page has an error: ${event.message}`;
});

const run = JSON.parse(document.getElementById("run").textContent);
const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const LANE = 64, TOP = 22, LEFT = 74, MESSAGES_MAX = 1500, LINES_BEFORE = 12, LINES_AFTER = 4;
const KINDS = [
  ["calls", "Calls", true], ["faults", "Faults", true], ["events", "Events", true], ["messages", "Messages", true],
  ["heartbeats", "Heartbeats", false],
];

const state = { at: 0, from: 0, to: run.ends, step: 0, find: "", past: false, chosen: null };
const shown = Object.fromEntries(KINDS.map(([kind, , on]) => [kind, on]));
const hosts = run.hosts.map(() => true);
const steps = [...new Set([0, ...run.lines.map((line) => line[0]), ...run.frames.map((frame) => frame[0]), run.ends])]
  .sort((a, b) => a - b);
const seconds = (ms) => (ms / 1000).toFixed(3);
const isHeartbeat = (name) => run.heartbeats.includes(name);
const isBad = (text) => /fail|lost |damaged|refused|could not|no connection|no replica|unreadable|broke/.test(text);
const isGood = (text) => /^(connected|received and written|written|call \d+: (done|stored|ok))/.test(text);

function text(element, value) { element.textContent = value; return element; }
function make(name, attributes, parent, value) {
  const element = document.createElementNS(SVG, name);
  for (const [key, it] of Object.entries(attributes)) element.setAttribute(key, it);
  if (value !== undefined) element.textContent = value;
  parent.append(element);
  return element;
}
function html(name, parent, value, className) {
  const element = document.createElement(name);
  if (value !== undefined) element.textContent = value;
  if (className) element.className = className;
  parent.append(element);
  return element;
}

// What can have led to the broken promise: of each host, what came before the last message that others could have had
// from it. It begins at the ends of the calls that the verdict names; if it names none, at the end, on the hosts that
// it names. Heartbeats carry what peers hold, so they count.
const cut = (() => {
  const what = run.broken?.what ?? "";
  const numbers = [...what.matchAll(/\bcall (\d+)/g)].map((found) => Number(found[1]));
  const last = run.hosts.map(() => -1);
  for (const call of run.calls.filter((call) => numbers.includes(call.number))) {
    last[call.on] = Math.max(last[call.on], call.end ?? run.ends);
  }
  const isNamed = run.hosts.map((host) => new RegExp(`\\b${host.name}\\b`).test(what));
  if (Math.max(...last) < 0) isNamed.forEach((is, n) => { if (is || !isNamed.includes(true)) last[n] = run.ends; });
  const arrived = run.messages.filter((message) => message[4] !== null).sort((a, b) => b[4] - a[4]);
  for (const [from, to, , sent, received] of arrived) if (received <= last[to] && sent > last[from]) last[from] = sent;
  return last;
})();
const isPast = (host, at) => !state.past || host < 0 || at <= cut[host];

const matches = (value) => state.find === "" || value.toLowerCase().includes(state.find);
const isHostShown = (host) => host < 0 || hosts[host];

function setUp() {
  text($("title"), run.again);
  text($("verdict"), run.broken ? `BROKEN  ${run.broken.oracle}: ${run.broken.what}` : "No promise was broken.");
  $("verdict").classList.toggle("broken", Boolean(run.broken));
  text($("plan"), run.plan);
  text($("built"), `${run.built}; ${run.lines.length} lines, ${run.messages.length} messages`);
  $("past-label").hidden = !run.broken;
  $("slider").max = steps.length - 1;
  KINDS.forEach(([kind, name]) => box($("kinds"), name, shown[kind], (on) => { shown[kind] = on; }));
  run.hosts.forEach((host, n) => box($("hosts"), host.name, true, (on) => { hosts[n] = on; }));
  $("slider").addEventListener("input", () => go(Number($("slider").value)));
  $("back").addEventListener("click", () => go(state.step - 1));
  $("forth").addEventListener("click", () => go(state.step + 1));
  $("find").addEventListener("input", () => { state.find = $("find").value.trim().toLowerCase(); draw(); show(); });
  $("past").addEventListener("change", () => { state.past = $("past").checked; draw(); show(); });
  $("closer").addEventListener("click", () => zoom(0.5, state.at));
  $("farther").addEventListener("click", () => zoom(2, state.at));
  $("all").addEventListener("click", whole);
  $("copy").addEventListener("click", () => navigator.clipboard?.writeText($("command").textContent));
  $("controls").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", key);
  pointer();
  addEventListener("resize", draw);
  // The end is what people want to understand.
  go(steps.length - 1);
  draw();
}

function box(parent, name, on, change) {
  const label = html("label", parent);
  const input = html("input", label);
  input.type = "checkbox";
  input.checked = on;
  input.addEventListener("change", () => { change(input.checked); draw(); show(); });
  label.append(` ${name}`);
}

function key(event) {
  if (event.target.type === "search" || event.ctrlKey || event.metaKey || event.altKey) return;
  const isSlider = event.target === $("slider");
  const acts = {
    ArrowLeft: () => go(state.step - (event.shiftKey ? 20 : 1)),
    ArrowRight: () => go(state.step + (event.shiftKey ? 20 : 1)),
    Home: () => go(0), End: () => go(steps.length - 1),
    "+": () => zoom(0.5, state.at), "-": () => zoom(2, state.at), 0: whole,
  };
  if (isSlider && event.key.startsWith("Arrow")) return;
  if (acts[event.key]) { acts[event.key](); event.preventDefault(); }
}

function whole() { state.from = 0; state.to = run.ends; draw(); }

function zoom(factor, around) {
  const width = Math.min(run.ends, Math.max(20, (state.to - state.from) * factor));
  const share = (around - state.from) / (state.to - state.from);
  state.from = Math.max(0, Math.min(run.ends - width, around - width * Math.min(1, Math.max(0, share))));
  state.to = state.from + width;
  draw();
}

function pointer() {
  const area = $("scroll");
  let drag = null;
  area.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, timeAt(event));
  }, { passive: false });
  area.addEventListener("pointerdown", (event) => { drag = { x: event.clientX, from: state.from, moved: false }; });
  addEventListener("pointermove", (event) => {
    if (!drag || Math.abs(event.clientX - drag.x) < 4) return;
    drag.moved = true;
    const width = state.to - state.from;
    const moved = ((drag.x - event.clientX) / (area.clientWidth - LEFT)) * width;
    state.from = Math.max(0, Math.min(run.ends - width, drag.from + moved));
    state.to = state.from + width;
    draw();
  });
  addEventListener("pointerup", (event) => {
    if (drag && !drag.moved && area.contains(event.target)) click(event);
    drag = null;
  });
}

function timeAt(event) {
  const area = $("scroll").getBoundingClientRect();
  return state.from + (Math.max(0, event.clientX - area.left - LEFT) / (area.width - LEFT)) * (state.to - state.from);
}

function click(event) {
  const item = event.target.closest("[data-at]");
  const at = item ? Number(item.dataset.at) : timeAt(event);
  state.chosen = item ? item.dataset.about : null;
  let step = steps.findIndex((moment) => moment > at);
  step = step < 0 ? steps.length - 1 : Math.max(0, step - 1);
  go(step);
}

function go(step) {
  state.step = Math.max(0, Math.min(steps.length - 1, step));
  state.at = steps[state.step];
  $("slider").value = state.step;
  text($("now"), `${seconds(state.at)} s`);
  if (state.at < state.from || state.at > state.to) {
    const width = state.to - state.from;
    state.from = Math.max(0, Math.min(run.ends - width, state.at - width / 2));
    state.to = state.from + width;
    draw();
  }
  cursor();
  show();
}
