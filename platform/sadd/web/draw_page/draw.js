// Recomputes the place from the proof in the page, in this browser: what the server says is not believed.
// queueing/draw has the same steps; SHA-256 is the browser's own.
const BITS = 256, ROUNDS = 90;

const hex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const text = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const utf8 = (string) => new TextEncoder().encode(string);
const joined = (...parts) => Uint8Array.from(parts.flatMap((part) => Array.from(part)));
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));

const big = (number, length) => {
  const bytes = new Uint8Array(length);
  for (let at = length - 1, left = BigInt(number); at >= 0; at--, left >>= 8n) bytes[at] = Number(left & 255n);
  return bytes;
};
const little = (number, length) => big(number, length).reverse();

async function rootOf(entry, index, count, path) {
  let reached = await sha256([0], entry);
  for (const siblings = path.values(); count > 1; index = Math.floor(index / 2), count = Math.ceil(count / 2)) {
    if (index % 2 === 0 && index + 1 >= count) continue; // the last one without a neighbour
    const sibling = siblings.next();
    if (sibling.done) return null;
    reached = index % 2 ? await sha256([1], sibling.value, reached) : await sha256([1], reached, sibling.value);
    path = path.slice(1);
  }
  return path.length ? null : reached;
}

async function seedOf(draw) {
  const beacon = draw.beacon, source = utf8(beacon.source ?? "");
  const chance = beacon.kind === "drand"
    ? await sha256(hex(beacon.signature))
    : await sha256(utf8("sadd draw statement 1\0"), big(source.length, 4), source, utf8(beacon.text));
  const room = utf8(draw.room);
  return sha256(
    utf8("sadd draw seed 1\0"), big(room.length, 2), room, big(draw.draw, 8), big(draw.count, 8),
    hex(draw.root), chance,
  );
}

async function placeOf(seed, index, count) {
  for (let round = 0; round < ROUNDS; round++) {
    const first = (await sha256(seed, [round])).slice(0, 8).reverse();
    const pivot = Number(BigInt("0x" + text(first)) % BigInt(count));
    const mirror = (pivot + count - index) % count, position = Math.max(index, mirror);
    const bits = await sha256(seed, [round], little(Math.floor(position / BITS), 4));
    if ((bits[Math.floor((position % BITS) / 8)] >> position % 8) & 1) index = mirror;
  }
  return index;
}

async function confirmed({ draw, entry, index, path, place, number }) {
  const root = await rootOf(hex(entry), index, draw.count, path.map(hex));
  const seed = await seedOf(draw);
  if (root === null || text(root) !== draw.root || text(seed) !== draw.seed) return false;
  const due = await placeOf(seed, index, draw.count);
  return place === due && number === draw.base + 1 + due;
}

async function check() {
  const told = document.getElementById("browser");
  if (!globalThis.crypto?.subtle) { told.textContent = told.dataset.cannot; return; }
  told.textContent = told.dataset.working;
  const good = await confirmed(JSON.parse(document.getElementById("proof").textContent)).catch(() => false);
  told.textContent = good ? told.dataset.good : told.dataset.bad;
  told.className = good ? "confirmed" : "doctored";
}

check();
