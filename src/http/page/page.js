// The status page: asks the node it was served by, and shows what it says. Text of the node is set as text, never as
// markup.
"use strict";

const REFRESH_MS = 5000;
const EVENTS_SHOWN = 200;
const FILES_A_PAGE = 100;

const $ = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en");
let token = sessionStorage.getItem("token");

async function ask(path, options = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const response = await fetch(path, { ...options, headers });
  if (response.status === 401) {
    token = null;
    sessionStorage.removeItem("token");
    $("login").hidden = false;
    $("main").hidden = true;
  }
  if (!response.ok) throw new Error((await response.json()).error);
  return response;
}

function element(name, text, kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = kind;
  return made;
}

function row(...cells) {
  const made = document.createElement("tr");
  made.append(...cells);
  return made;
}

function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${bytes} B` : `${(Math.floor(bytes * 10) / 10).toFixed(1)} ${units[unit]}`;
}

const time = (ms) => new Date(ms).toISOString().slice(0, 19) + "Z";

function showStatus(status) {
  $("node").textContent = status.node.slice(0, 8);
  $("node").title = status.node;
  const sentences = status.attention.map((sentence) => element("li", sentence));
  $("attention").replaceChildren(...(sentences.length ? sentences : [element("li", "nothing", "good")]));
  const scrubbed = status.last_scrub_unix_ms;
  const figures = [
    ["Listens", status.address],
    ["Peers", `${status.peers_connected} connected, ${status.peers_behind} behind, ${status.peers_away} away`],
    ["Own files", `${number.format(status.files)}, ${number.format(status.deleted)} deleted`],
    ["Held for others", `${number.format(status.held_files)} files, ${size(status.held_bytes)}`],
    ["Last scrub", scrubbed === null ? "never to the end" : time(scrubbed)],
    ["Busy", `${status.calls} calls, ${status.exchanges} exchanges, ${status.connections} connections`],
  ];
  $("figures").replaceChildren(...figures.map(([name, value]) => {
    const figure = document.createElement("div");
    figure.append(element("dt", name), element("dd", value));
    return figure;
  }));
}

function stateOf(peer) {
  if (peer.forgotten) return ["forgotten", "faint"];
  if (peer.locked_out) return ["locked out", "faint"];
  if (!peer.connected) return ["away", "bad"];
  if (peer.twin) return ["twice", "bad"];
  return peer.slow ? ["slow", "bad"] : ["connected", "good"];
}

function lacking(peer) {
  if (peer.not_taken) return [`lacks ${number.format(peer.not_taken)}: ${peer.not_taken_reason}`, "bad"];
  if (peer.current === null) return ["unknown", "faint"];
  return peer.current ? ["current", "good"] : ["behind, being sent", "bad"];
}

function showPeers(peers) {
  const rows = peers.map((peer) => {
    const held = peer.held_files === null ? ["?", "?"] : [number.format(peer.held_files), size(peer.held_bytes)];
    const name = element("td", peer.peer === null ? "unknown" : peer.peer.slice(0, 8));
    name.title = peer.peer ?? "";
    return row(name, element("td", ...stateOf(peer)), element("td", ...lacking(peer)),
      element("td", held[0], "number"), element("td", held[1], "number"),
      element("td", (peer.address ?? "cannot be dialled") + (peer.not_reached_at ? ` (not ${peer.not_reached_at})` : "")));
  });
  $("peers").replaceChildren(...rows);
}

async function refresh() {
  try {
    const [status, peers] = await Promise.all([ask("v1/status"), ask("v1/peers")]);
    showStatus(await status.json());
    showPeers(await peers.json());
    $("login").hidden = true;
    $("main").hidden = false;
    $("state").textContent = "";
  } catch (error) {
    $("state").textContent = error instanceof TypeError ? "the node does not answer" : error.message;
    throw error;
  }
}

let next = null;
let asked = 0;
async function showFiles(isFirst) {
  const turn = ++asked;
  const prefix = $("prefix").value;
  const after = isFirst || next === null ? "" : `&after=${encodeURIComponent(next)}`;
  const response = await ask(`v1/files?limit=${FILES_A_PAGE}&prefix=${encodeURIComponent(prefix)}${after}`);
  const page = await response.json();
  // Somebody has asked for another page meanwhile.
  if (turn !== asked) return;
  const rows = page.files.map((file) => {
    const key = element("td", "");
    // A link cannot name a token, nor a key that is a segment of that kind itself.
    if (!token && file.key !== "." && file.key !== "..") {
      const link = element("a", file.key);
      // A browser folds the segments . and .. of a path, so slashes are written %2F.
      link.href = "v1/files/" + encodeURIComponent(file.key);
      link.download = file.key.split("/").pop();
      key.append(link);
    } else {
      key.textContent = file.key;
    }
    return row(key, element("td", size(file.size), "number"), element("td", time(file.stored_unix_ms)),
      element("td", file.local ? "yes" : "no"));
  });
  if (isFirst) $("files").replaceChildren(...rows);
  else $("files").append(...rows);
  next = page.next;
  $("more").hidden = next === null;
}

// What "More" has added stays.
async function refreshFiles() {
  if (next === null || $("files").childElementCount <= FILES_A_PAGE) await showFiles(true);
}

let soon = null;
function refreshSoon() {
  // Many events come together.
  soon ??= setTimeout(() => {
    soon = null;
    refresh().catch(() => {});
    refreshFiles().catch(() => {});
  }, 300);
}

function showEvent(text) {
  $("events").prepend(element("li", `${time(Date.now())} ${text}`));
  while ($("events").childElementCount > EVENTS_SHOWN) $("events").lastChild.remove();
  refreshSoon();
}

// Reads Server-Sent Events by hand: an EventSource cannot name a token.
async function watch() {
  const response = await ask("v1/events").catch((error) => {
    $("watching").textContent = `not told: ${error.message}`;
    $("watching").hidden = false;
    throw error;
  });
  $("watching").hidden = true;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const field = (name) => block.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field("data");
      if (data !== undefined) showEvent(field("event") === "missed" ? `(${data} events were missed)` : data);
    }
  }
}

async function scrub() {
  $("scrub").disabled = true;
  try {
    const response = await ask("v1/scrub", { method: "POST" });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      const last = JSON.parse(lines.pop() ?? "null");
      if (last) {
        const checked = `${number.format(last.checked)} files, ${size(last.bytes)}, ${last.damaged} damaged`;
        $("scrubbing").textContent = last.done ? `done: ${checked}` : `so far: ${checked}`;
      }
    }
    await refresh();
  } catch (error) {
    $("scrubbing").textContent = `the scrub has not ended: ${error.message}`;
  }
  $("scrub").disabled = false;
}

async function run() {
  for (;;) {
    try {
      await refresh();
      await refreshFiles();
      await watch();
    } catch {
      // The line on top says why. The token form begins anew.
      if (!$("login").hidden) return;
    }
    await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
  }
}

$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  // No other character can be in a token, nor in a header.
  if (!/^[-._~+/=A-Za-z0-9]{16,128}$/.test($("token").value)) {
    $("state").textContent = "a token is 16 to 128 letters, digits and -._~+/=";
    return;
  }
  token = $("token").value;
  sessionStorage.setItem("token", token);
  $("token").value = "";
  $("login").hidden = true;
  run();
});
$("scrub").addEventListener("click", scrub);
$("more").addEventListener("click", () => showFiles(false).catch(() => {}));
$("prefix").addEventListener("input", () => {
  next = null;
  showFiles(true).catch(() => {});
});
setInterval(() => {
  if (!document.hidden && $("login").hidden) refresh().then(refreshFiles).catch(() => {});
}, REFRESH_MS);
run();
