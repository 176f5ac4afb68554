/**
 * What the store of responses reaches: hit ratios beside LRU with the same bytes, the memory that it takes beyond keys, heads and bodies, and the time of a call.
 * `npm run bench:cache`; some ten seconds.
 */
import { HEAD, LruCache, StoreCache, bytesOf, keyOf } from "./caches.ts";
import type { ComparedCache } from "./caches.ts";
import { UNIT_BYTES } from "../../src/shared/response-memory.ts";
import { HEADER_BYTES } from "../../src/response-stores/record-memory.ts";
import { mixedSizes, trace } from "./traces.ts";
import type { TraceSettings } from "./traces.ts";

/** The cache holds this share of the bytes of all objects. */
const SHARE = 0.1;
const OBJECTS = 100_000;

const TRACES: Readonly<Record<string, TraceSettings>> = {
  "Zipf 0.9, 1 KB": { objects: OBJECTS, requests: 1_000_000, skew: 0.9, sizeOf: () => 1000 },
  "the same, a quarter scans": { objects: OBJECTS, requests: 1_000_000, skew: 0.9, scans: 0.25, sizeOf: () => 1000 },
  "mixed sizes, drift": { objects: 20_000, requests: 600_000, skew: 1, driftEvery: 60_000, sizeOf: mixedSizes(8000) },
};

for (const [name, settings] of Object.entries(TRACES)) {
  let all = 0;
  for (let object = 0; object < settings.objects; object++) all += bytesOf(object, settings.sizeOf(object));
  const bytes = Math.floor(all * SHARE);
  const ratios = [new StoreCache(bytes), new LruCache(bytes)].map((cache) => hitRatio(cache, settings));
  console.log(`${name}: ${ratios.map((ratio) => `${(100 * ratio).toFixed(1)} %`).join(" store, ")} LRU`);
}

for (const [name, sizeOf] of [
  ["1 KB", () => 1000],
  ["mixed sizes", mixedSizes(8000)],
] as const) {
  const bytes = 64 * 1024 * 1024;
  const cache = new StoreCache(bytes);
  let [objects, rounded] = [0, 0];
  for (; cache.counts.usedBytes < 0.9 * bytes; objects++) {
    cache.put(keyOf(objects), sizeOf(objects));
    rounded += Math.ceil((HEADER_BYTES + bytesOf(objects, sizeOf(objects))) / UNIT_BYTES) * UNIT_BYTES;
  }
  // What records do not fill of the segments, those included that are being written.
  const fragmentation = 1 - rounded / cache.counts.usedBytes;
  while (cache.counts.evictedSegments === 0)
    for (let count = 0; count < 100; count++, objects++) cache.put(keyOf(objects), sizeOf(objects));
  let kept = 0;
  for (let object = 0; object < objects; object++) {
    const record = cache.store.find(keyOf(object));
    if (record === null) continue;
    kept += bytesOf(object, record.bodyBytes);
    record.release();
  }
  console.log(
    `memory beyond keys, heads and bodies, ${name}: ${(100 * (bytes / kept - 1)).toFixed(1)} %; fragmentation: ${(100 * fragmentation).toFixed(2)} %`,
  );
}

for (const bytes of [1000, 100_000]) {
  const cache = new StoreCache(256 * 1024 * 1024);
  const objects = Math.min(100_000, Math.floor(2e8 / bytes));
  time(`store ${bytes} bytes`, objects, (object) => cache.put(keyOf(object), bytes));
  const keys = Array.from({ length: 1000 }, (_, object) => keyOf(object));
  time(`find one of 1000, with head and first piece, ${bytes} bytes`, 300_000, (count) => {
    const record = cache.store.find(keys[count % 1000] ?? "");
    if (record === null || record.head.length !== HEAD.length || record.piece(0).length === 0) return;
    record.release();
  });
}

function hitRatio(cache: ComparedCache, settings: TraceSettings): number {
  let [hits, counted, seen] = [0, 0, 0];
  for (const { object, bytes } of trace(settings, 1)) {
    const isHit = cache.ask(object, bytes);
    // The first part only fills the cache.
    if (++seen < settings.requests / 4) continue;
    counted++;
    if (isHit) hits++;
  }
  return hits / counted;
}

function time(what: string, times: number, run: (count: number) => void): void {
  for (let count = 0; count < Math.min(times, 2000); count++) run(count);
  const start = process.cpuUsage();
  for (let count = 0; count < times; count++) run(count);
  const { user, system } = process.cpuUsage(start);
  console.log(`${what}: ${((user + system) / times).toFixed(2)} us of processor time`);
}
