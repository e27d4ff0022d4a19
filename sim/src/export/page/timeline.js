// Draws the timeline: only what lies between state.from and state.to.

let x = () => 0;

function draw() {
  const svg = $("timeline");
  const width = Math.max(280, $("scroll").clientWidth), lanes = run.hosts.map((_, n) => n).filter((n) => hosts[n]);
  const height = TOP + LANE * lanes.length + 18;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  svg.replaceChildren();
  x = (at) => LEFT + ((at - state.from) / Math.max(1, state.to - state.from)) * (width - LEFT - 8);
  const top = Object.fromEntries(lanes.map((host, row) => [host, TOP + row * LANE]));
  const isIn = (begin, end) => end >= state.from && begin <= state.to;
  grid(svg, width, height, lanes, top);
  const faults = run.faults.filter((fault) => shown.faults && isIn(fault.begin, fault.end ?? run.ends));
  faults.forEach((fault) => drawFault(svg, fault, top));
  const hint = shown.messages ? drawMessages(svg, top, isIn) : "";
  if (shown.calls) drawCalls(svg, top, isIn);
  if (shown.events) drawEvents(svg, top, isIn);
  if (run.broken && isIn(run.ends, run.ends)) {
    const at = x(run.ends);
    make("line", { class: "broken", x1: at, x2: at, y1: TOP - 4, y2: height - 14 }, svg);
    const place = { class: "broken", x: at - 4, y: height - 4, "text-anchor": "end" };
    make("text", place, svg, `broken: ${run.broken.oracle}`);
  }
  make("line", { class: "cursor", id: "cursor", y1: TOP - 8, y2: height - 14, x1: 0, x2: 0 }, svg);
  text($("hint"), hint);
  cursor();
}

function cursor() {
  const line = $("cursor");
  if (!line) return;
  line.setAttribute("x1", x(state.at));
  line.setAttribute("x2", x(state.at));
}

function grid(svg, width, height, lanes, top) {
  const span = state.to - state.from;
  const step = [1, 2, 5].flatMap((n) => [1, 10, 100, 1000, 10000, 100000].map((tens) => n * tens))
    .sort((a, b) => a - b).find((it) => span / it <= Math.max(3, width / 110)) ?? span;
  lanes.forEach((host, row) => {
    if (row % 2 === 0) make("rect", { class: "lane", x: 0, y: top[host], width, height: LANE }, svg);
    make("text", { x: 6, y: top[host] + 16, "font-weight": 600 }, svg, run.hosts[host].name);
    if (run.hosts[host].id) make("text", { class: "soft", x: 6, y: top[host] + 30 }, svg, run.hosts[host].id);
  });
  for (let at = Math.ceil(state.from / step) * step; at <= state.to; at += step) {
    make("line", { class: "rule", x1: x(at), x2: x(at), y1: TOP - 4, y2: height - 14 }, svg);
    make("text", { class: "soft", x: x(at), y: 12, "text-anchor": "middle" }, svg, `${at / 1000} s`);
  }
}

function item(name, attributes, svg, about, at, isDim) {
  const element = make(name, attributes, svg);
  element.dataset.at = at;
  element.dataset.about = about;
  element.dataset.i = "";
  if (isDim) element.classList.add("dim");
  make("title", {}, element, about);
  return element;
}

function drawFault(svg, fault, top) {
  const about = `fault: ${fault.text}`, begin = Math.max(x(fault.begin), LEFT), isDim = !matches(about);
  for (const host of fault.hosts.filter((host) => host in top)) {
    if (fault.lasts) {
      const end = Math.max(begin + 2, x(fault.end ?? run.ends));
      item("rect", { class: "fault", x: begin, y: top[host] + 1, width: end - begin, height: LANE - 2 }, svg, about,
        fault.begin, isDim);
    } else {
      item("path", { class: "mark", d: `M${begin} ${top[host] + 2}v${LANE - 4}` }, svg, about, fault.begin, isDim);
    }
  }
  const host = fault.hosts.find((host) => host in top);
  if (host !== undefined && x(fault.end ?? run.ends) - begin > 7 * fault.text.length) {
    make("text", { class: "soft", x: begin + 3, y: top[host] + LANE - 4 }, svg, fault.text);
  }
}

function drawMessages(svg, top, isIn) {
  const drawn = run.messages.filter(([from, to, name, sent, received]) =>
    isIn(sent, received ?? sent) && from in top && to in top && (shown.heartbeats || !isHeartbeat(name)) &&
    matches(name) && isPast(from, sent));
  if (drawn.length > MESSAGES_MAX) return `${drawn.length} messages in this window: zoom in to see them.`;
  // A name is written where there is room for it, between two lanes.
  const written = {};
  for (const [from, to, name, sent, received] of drawn) {
    const [x1, y1, y2] = [x(sent), top[from] + LANE / 2, top[to] + LANE / 2];
    const x2 = received === null ? x1 + 6 : Math.max(x(received), x1 + 1);
    const end = received === null ? y1 + (y2 - y1) / 2 : y2;
    const when = received === null ? "and nobody says that it arrived" : `arrives at ${seconds(received)} s`;
    const about = `${name} from ${run.hosts[from].name} to ${run.hosts[to].name}, ${when}`;
    const line = `M${x1} ${y1}L${x2} ${end}m-3 ${end > y1 ? -5 : 5}L${x2} ${end}`;
    item("path", { class: received === null ? "message lost" : "message", d: line }, svg, about, sent);
    const y = (y1 + end) / 2;
    if (x2 < (written[y] ?? 0)) continue;
    make("text", { class: "soft", x: x2 + 3, y }, svg, name);
    written[y] = x2 + 12 + 6 * name.length;
  }
  return "";
}

function drawCalls(svg, top, isIn) {
  // Calls that overlap lie below each other, as far as the lane goes.
  const ends = {};
  for (const call of run.calls) {
    const end = call.end ?? run.ends, rows = (ends[call.on] ??= []);
    let row = rows.findIndex((busy) => busy <= call.begin);
    if (row < 0) row = rows.length < 4 ? rows.length : 3;
    rows[row] = end;
    if (!isIn(call.begin, end) || !(call.on in top)) continue;
    const about = `call ${call.number}: ${call.text} — ${call.outcome ?? "no answer before the end"}`;
    const kind = call.outcome === null ? "open" : isBad(call.outcome) ? "failed" : "";
    const begin = Math.max(LEFT, x(call.begin)), width = Math.max(3, x(end) - begin), y = top[call.on] + 4 + row * 9;
    item("rect", { class: `call ${kind}`, x: begin, y, width, height: 7, rx: 2 }, svg, about, call.begin,
      !matches(about) || !isPast(call.on, call.begin));
    if (width > 60) make("text", { x: begin + 2, y: y + 18, class: "soft" }, svg, `${call.number}: ${call.text}`);
  }
}

function drawEvents(svg, top, isIn) {
  for (const [at, host, kind, what] of run.lines) {
    if (kind !== "event" || !isIn(at, at) || !(host in top)) continue;
    const classes = `event ${isBad(what) ? "bad" : isGood(what) ? "good" : ""}`;
    item("circle", { class: classes, cx: x(at), cy: top[host] + LANE - 12, r: 2.5 }, svg, what, at,
      !matches(what) || !isPast(host, at));
  }
}
