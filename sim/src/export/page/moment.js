// Shows what is so at the cursor: the lines around it, the command that stops there, and every disk.

// The state of each host after every 200th frame, so that going back costs little.
const KEPT_EVERY = 200;
const empty = () => run.hosts.map(() => ({ files: new Map(), inspected: [], connections: 0 }));
const kept = [];
{
  const disks = empty();
  run.frames.forEach((frame, index) => {
    if (index % KEPT_EVERY === 0) kept.push(copy(disks));
    apply(disks, frame);
  });
  kept.push(disks);
}

function copy(disks) { return disks.map((disk) => ({ ...disk, files: new Map(disk.files) })); }

function apply(disks, [, host, files, inspected, connections]) {
  const disk = disks[host];
  for (const [path, bytes] of Object.entries(files)) {
    if (bytes === null) disk.files.delete(path); else disk.files.set(path, bytes);
  }
  if (inspected) disk.inspected = inspected;
  if (connections !== null) disk.connections = connections;
}

// Returns the disks at a moment, and what changed since the step before.
function disksAt(at, before) {
  const count = upper(run.frames, at);
  // From before the step, so that all of its changes are seen.
  const block = Math.min(Math.floor(upper(run.frames, before) / KEPT_EVERY), Math.max(0, kept.length - 2));
  const disks = copy(kept[block]);
  const changed = run.hosts.map(() => new Map());
  for (let n = block * KEPT_EVERY; n < count; n++) {
    const frame = run.frames[n];
    apply(disks, frame);
    if (frame[0] > before) for (const [path, bytes] of Object.entries(frame[2])) changed[frame[1]].set(path, bytes);
  }
  return { disks, changed };
}

// Returns how many begin at this moment or before it.
function upper(list, at) {
  let low = 0, high = list.length;
  while (low < high) { const middle = (low + high) >> 1; list[middle][0] <= at ? low = middle + 1 : high = middle; }
  return low;
}

const short = (part) => (part.length > 16 ? `${part.slice(0, 10)}…` : part);
const shorten = (path) => path.split("/").map(short).join("/");

function show() {
  showLines();
  showDisks();
}

function showLines() {
  const list = $("lines");
  list.replaceChildren();
  const wanted = (line) => isHostShown(line[1]) && matches(line[3]) && isPast(line[1], line[0]);
  const end = upper(run.lines, state.at), lines = [], after = [];
  for (let n = end - 1; n >= 0 && lines.length < LINES_BEFORE; n--) if (wanted(run.lines[n])) lines.unshift(n);
  for (let n = end; n < run.lines.length && after.length < LINES_AFTER; n++) if (wanted(run.lines[n])) after.push(n);
  lines.push(...after);
  for (const n of lines) {
    const [at, host, , what] = run.lines[n];
    const row = html("li", list, undefined, at === state.at ? "at" : at > state.at ? "soft" : "");
    html("span", row, seconds(at));
    html("span", row, host < 0 ? "" : run.hosts[host].name);
    html("span", row, what);
    row.addEventListener("click", () => go(steps.indexOf(at)));
  }
  if (state.chosen) html("li", list, `chosen: ${state.chosen}`).style.display = "block";
  text($("command"), `${run.again} --until ${seconds(state.at)}`);
}

function showDisks() {
  const before = state.step > 0 ? steps[state.step - 1] : -1;
  const { disks, changed } = disksAt(state.at, before);
  const panel = $("state");
  panel.replaceChildren();
  disks.forEach((disk, n) => {
    if (!hosts[n]) return;
    const part = html("div", panel, undefined, "host");
    const id = run.hosts[n].id ? `${run.hosts[n].id}, ` : "";
    html("b", part, run.hosts[n].name);
    html("span", part, ` ${id}${disk.connections} connections dialled, ${disk.files.size} files`, "soft");
    disk.inspected.forEach((line) => html("div", part, line, "said"));
    const table = html("table", part), rows = new Map([...disk.files].filter(([path]) => matches(path)));
    changed[n].forEach((bytes, path) => rows.set(path, bytes));
    // What has changed comes first; a disk may hold thousands of files.
    const sorted = [...rows].sort((a, b) => changed[n].has(b[0]) - changed[n].has(a[0]) || (a[0] < b[0] ? -1 : 1));
    for (const [path, bytes] of sorted.slice(0, 40)) {
      const isChanged = changed[n].has(path);
      const row = html("tr", table, undefined, bytes === null ? "gone" : isChanged ? "changed" : "");
      html("td", row, bytes === null ? "gone" : String(bytes));
      html("td", row, shorten(path)).title = path;
    }
    if (sorted.length > 40) html("div", part, `and ${sorted.length - 40} more`, "soft");
  });
}

setUp();
