import assert from "node:assert/strict";
import { test } from "node:test";
import { help, readOptions } from "./options.ts";
import type { Rival } from "./rivals/rival.ts";
import type { Work } from "./workloads/work.ts";

const plain = (name: string): Rival => ({ name, missing: () => null, version: () => "", prepare: () => [] });
const own = (name: string): Rival => ({ ...plain(name), at: (revision) => plain(`${name} at ${revision}`) });
const work = (name: string, rivals: readonly Rival[], quick?: readonly string[]): Work => ({
  name,
  about: `about ${name}`,
  rivals,
  ...(quick === undefined ? {} : { quick }),
  missing: () => null,
  run: () => Promise.reject(new Error("not run here")),
});
const WORKS = [
  { ...work("small", [own("millrace"), own("millrace+log"), plain("nginx"), plain("httpxy")], ["millrace", "nginx"]), canChange: true },
  work("idle", [own("millrace"), plain("nginx")]),
  work("routes", [own("1 route"), own("many routes")]),
];
/** A workload that compares Millrace with itself and with others. */
const ENDPOINTS = work("endpoints", [own("2 endpoints"), plain("haproxy 2"), own("1000 endpoints"), plain("haproxy 1000")]);

/** The chosen workloads with the names of their proxies, or what is wrong with the arguments. */
function read(...argv: string[]): string[] | string {
  const options = readOptions(argv, WORKS);
  if (typeof options === "string" || options === null) return options ?? "usage";
  return options.chosen.map(({ work, rivals }) => `${work.name}: ${rivals.map(({ name }) => name).join(", ")}`);
}

test("without arguments: the first workload, all its proxies, 5 rounds of 4 s", () => {
  const options = readOptions([], WORKS);
  assert.ok(typeof options === "object" && options !== null);
  const { chosen, ...others } = options;
  assert.deepEqual(others, { rounds: 5, seconds: 4, minutes: 10, changing: false, against: null, awake: false, realtime: false });
  assert.deepEqual([chosen.length, chosen[0]?.work, chosen[0]?.rivals], [1, WORKS[0], WORKS[0]?.rivals]);
});

test("the usage can be asked for", () => {
  assert.equal(readOptions(["--help"], WORKS), null);
  assert.equal(readOptions(["--work", "small", "-h"], WORKS), null);
});

test("--quick is shorter, and runs only the proxies that the workload names for it", () => {
  const options = readOptions(["--quick", "--seconds", "1"], WORKS);
  assert.ok(typeof options === "object" && options !== null);
  assert.deepEqual([options.rounds, options.seconds], [2, 1]);
  assert.deepEqual(read("--quick"), ["small: millrace, nginx"]);
  assert.deepEqual(read("--quick", "--only", "httpxy"), ["small: httpxy"], "what is named runs");
});

test("workloads by name, or all", () => {
  assert.deepEqual(read("--work", "idle,routes"), ["idle: millrace, nginx", "routes: 1 route, many routes"]);
  assert.deepEqual(read("--work", "all"), [
    "small: millrace, millrace+log, nginx, httpxy",
    "idle: millrace, nginx",
    "routes: 1 route, many routes",
  ]);
  assert.deepEqual(read("--work", "routes,all"), read("--work", "all"));
  assert.deepEqual(read("--work", "idle,idle"), ["idle: millrace, nginx"], "once is enough");
});

test("proxies by name; a workload that has none of them is left out", () => {
  assert.deepEqual(read("--work", "all", "--only", "nginx,httpxy"), ["small: nginx, httpxy", "idle: nginx"]);
});

test("--against adds another revision with the configuration that the workload is about", () => {
  assert.deepEqual(read("--against", "HEAD~1"), ["small: millrace, millrace at HEAD~1"]);
  assert.deepEqual(read("--against", "v1", "--work", "routes"), ["routes: many routes, many routes at v1"]);
  const endpoints = readOptions(["--against", "v1"], [ENDPOINTS]);
  assert.ok(typeof endpoints === "object" && endpoints !== null);
  assert.deepEqual(
    endpoints.chosen[0]?.rivals.map(({ name }) => name),
    ["1000 endpoints", "1000 endpoints at v1"],
  );
  const everywhere = { ...own("millrace"), bothCores: true, compilesItself: true };
  const options = readOptions(["--against", "v1"], [work("workers", [everywhere])]);
  assert.ok(typeof options === "object" && options !== null);
  const [, before] = options.chosen[0]?.rivals ?? [];
  assert.deepEqual([before?.bothCores, before?.compilesItself], [true, true], "on the same cores, and as warm");
});

test("--changing is accepted only by workloads whose requests can change", () => {
  const options = readOptions(["--changing"], WORKS);
  assert.ok(typeof options === "object" && options !== null && options.changing);
  assert.match(String(read("--work", "small,idle", "--changing")), /--changing changes nothing in idle/);
});

test("errors in the arguments are named", () => {
  assert.match(String(read("--work", "smal")), /there is no workload "smal"/);
  assert.match(String(read("--only", "ngingx")), /called "ngingx"; there are millrace, millrace\+log, nginx, httpxy$/);
  assert.match(String(read("--only", "")), /called ""/);
  assert.match(String(read("--only", "millrace", "--against", "v1")), /nothing for --only to choose/);
  assert.match(String(read("--rounds", "0")), /--rounds must be/);
  assert.match(String(read("--seconds", "1.5")), /--seconds must be/);
  assert.match(String(read("--minutes", "ten")), /--minutes must be/);
  assert.match(String(read("--fast")), /--fast/);
  assert.match(String(readOptions(["--against", "x"], [work("foreign", [plain("nginx")])])), /no Millrace/);
});

test("the help names every workload", () => {
  for (const { name, about } of WORKS) assert.match(help(WORKS), new RegExp(`${name} +${about}`));
});
