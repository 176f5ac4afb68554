/** Millrace beside itself: what do 10,000 routes, 1,000 endpoints, 1,000,000 clients and a second worker add to a request? */
import { missingWrk, runWrk } from "../load/wrk.ts";
import { millraceAs } from "../rivals/millrace.ts";
import { haproxyAs } from "../rivals/haproxy.ts";
import { nginxAs } from "../rivals/nginx.ts";
import type { Rival } from "../rivals/rival.ts";
import type { Started } from "../processes.ts";
import { inRounds } from "./in-rounds.ts";
import type { LoadOn } from "./in-rounds.ts";
import { originAddresses, smallOrigin, smallOriginOn } from "./origins.ts";
import type { Work } from "./work.ts";

const ENDPOINTS = 1000;
const CLIENTS = 1_000_000;

/**
 * The ratios are near 1, so that one process or the next makes a difference. Millrace is as fast as it gets with many objects only after
 * some seconds, when V8 has them where it keeps what is old.
 */
const EACH_ROUND_ANEW = {
  anew: true,
  warmUp: (loadOn: LoadOn, server: Started, rival: Rival): Promise<unknown> => loadOn(server, rival.compilesItself === true ? 8 : 2, rival),
};

export const routes10k: Work = {
  name: "routes-10k",
  about: "10,000 routes, half by host and half by path prefix, beside one; requests spread over all of them",
  rivals: [millraceAs("1 route"), millraceAs("10000 routes", () => ({ routes: manyRoutes() }))],
  missing: missingWrk,
  run: inRounds({
    origin: smallOrigin,
    base: "1 route",
    ...EACH_ROUND_ANEW,
    load:
      (place) =>
      ({ port }, seconds) =>
        runWrk(place, port, { seconds, script: "routes" }),
  }),
};

/** As load/routes.lua asks for them; there is none for the rest, whose 404 would void the row. */
function manyRoutes(): string {
  const half = Array.from({ length: 5000 }, (_, index) => index);
  return [
    "",
    ...half.map((index) => `  - { match: { host: host-${index}.bench.test }, upstream: app }`),
    ...half.map((index) => `  - { match: { path: /prefix-${index}/* }, upstream: app }`),
  ].join("\n");
}

export const endpoints1k: Work = {
  name: "endpoints-1k",
  about: "1,000 endpoints beside 2, in turn; all are addresses of one origin",
  quick: ["2 endpoints", "1000 endpoints"],
  rivals: [2, ENDPOINTS].flatMap((count) => [withEndpoints(count), haproxyWithEndpoints(count), nginxWithEndpoints(count)]),
  missing: missingWrk,
  run: inRounds({
    origin: smallOriginOn(ENDPOINTS),
    base: "2 endpoints",
    ...EACH_ROUND_ANEW,
    note: "HAProxy and nginx have the same: what as many sockets cost by themselves",
    load:
      (place) =>
      ({ port }, seconds) =>
        runWrk(place, port, { seconds }),
  }),
};

function withEndpoints(count: number): Rival {
  return millraceAs(`${count} endpoints`, ({ originPort }) => ({
    endpoints: originAddresses(count).map((address) => `http://${address}:${originPort}`),
  }));
}

/** In turn by position, which its manual calls the cheapest. */
function haproxyWithEndpoints(count: number): Rival {
  return haproxyAs(`haproxy ${count}`, ({ originPort }) => ({
    servers: originAddresses(count).map((address) => `${address}:${originPort}`),
    backend: "balance static-rr",
  }));
}

function nginxWithEndpoints(count: number): Rival {
  return nginxAs(`nginx ${count}`, ({ originPort }) => ({
    servers: originAddresses(count).map((address) => `${address}:${originPort}`),
  }));
}

/** The same requests, whose clients count together. */
const oneClient: Rival = millraceAs("1 key", () => ({ routes: limitedTo("requests_per_second: 1000000", "Host") }));
/** So slow a rate that no key's entry passes and makes room before the key comes again: a million of them are live. */
const manyClients: Rival = millraceAs("1000000 keys", () => ({
  routes: limitedTo("requests_per_minute: 1, burst: 1000000", "X-Client"),
}));

function limitedTo(rate: string, field: string): string {
  return `[{ upstream: app, rate_limit: { ${rate}, key: "header:${field}" } }]`;
}

export const keys1m: Work = {
  name: "keys-1m",
  about: "a rate limit by a field with 1,000,000 values in turn, beside one by a field with one",
  rivals: [oneClient, manyClients],
  missing: missingWrk,
  run: inRounds({
    origin: smallOrigin,
    base: "1 key",
    anew: true,
    note: "every key was seen once before it counts",
    load: (place) => {
      const next = new Map<Rival, number>();
      return async ({ port }, seconds, rival) => {
        const first = next.get(rival) ?? 0;
        const load = await runWrk(place, port, { seconds, script: "keys", parameters: [CLIENTS, first] });
        // It goes on where it ended: each key comes once until all have come.
        next.set(rival, first + load.requests);
        return load;
      };
    },
    warmUp: async (loadOn, server, rival) => {
      // One key is known at once, but compilers need their time.
      const wanted = rival === oneClient ? CLIENTS / 2 : CLIENTS;
      let requests = 0;
      while (requests < wanted) requests += (await loadOn(server, 5, rival)).requests;
    },
  }),
};

export const workers2: Work = {
  name: "workers-2",
  about: "two workers on both cores beside one worker on one: processor time per request",
  rivals: [millraceAs("1 worker"), { ...millraceAs("2 workers", () => ({ workers: 2 })), bothCores: true }],
  missing: missingWrk,
  run: inRounds({
    origin: smallOrigin,
    base: "1 worker",
    ...EACH_ROUND_ANEW,
    note:
      "compare us/request only: the load and the origin share a core with the second worker, so requests/s and latencies say nothing about " +
      "what two workers can do, and with two workers `core busy` counts both cores",
    load:
      (place) =>
      ({ port }, seconds) =>
        runWrk(place, port, { seconds }),
  }),
};
