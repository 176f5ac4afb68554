/** The hostile cases of features: each through a whole proxy in memory, whose configuration lies beside the cases. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { testProxy } from "../../src/testing/test-proxy.ts";
import type { TestProxy } from "../../src/testing/test-proxy.ts";
import { readText } from "../support/source-files.ts";
import { featureCases } from "./feature-cases.ts";
import type { FeatureCase, FeatureFile } from "./feature-cases.ts";
import { FeatureOrigin, isOfSentinel } from "./feature-replay.ts";
import type { FeatureReplay } from "./feature-replay.ts";
import { faultsOfForwarded } from "./forwarded.ts";

const CLIENT = "192.0.2.1";
/** The address of clients that the configurations trust begins with it. */
const TRUSTED = "10.";

/** The files of the route `site` and `app`, and some that must never be sent. */
const SITE: Readonly<Record<string, string>> = {
  "/srv/site/index.html": "<p>home</p>",
  "/srv/site/a.txt": "0123456789",
  "/srv/site/docs/index.html": "<p>docs</p>",
  "/srv/site/.env": "TOKEN=secret",
  "/srv/site/.git/config": "secret",
  "/srv/site/a b.txt": "space",
  "/srv/site/tab\ttab.txt": "secret",
  "/srv/secret.txt": "secret",
  "/srv/app/index.html": "<p>app</p>",
  "/etc/passwd": "secret",
};

const FILES: readonly FeatureFile[] = ["feature-edits", "feature-answers"];
const CASES = new Map(FILES.map((file) => [file, featureCases(file)] as const));

test("every case has a name of its own, and every feature has several", () => {
  const all = [...CASES.values()].flat();
  assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
  const counts = Map.groupBy(all, ({ feature }) => feature);
  assert.deepEqual(
    [...counts].filter(([, { length }]) => length < 2).map(([feature]) => feature),
    [],
  );
});

for (const [file, cases] of CASES) {
  describe(file, { concurrency: 1 }, () => {
    const origin = new FeatureOrigin();
    let proxy: TestProxy;

    before(async () => {
      const config = readText(`test/corpus/${file}.yaml`);
      const named = [...config.matchAll(/^ {2}([a-z]+): \{ endpoints:/gm)].map(([, name = ""]) => name);
      proxy = await testProxy(config, {
        // Nobody listens at the endpoint of `down`.
        upstreams: Object.fromEntries(
          named.filter((name) => name !== "down").map((name) => [name, name === "shadow" ? origin.shadow : origin.script]),
        ),
        files: SITE,
      });
    });

    after(() => proxy.close());

    for (const one of cases) {
      test(one.id, async () => {
        const seen = await origin.play(one, proxy);
        const problems = problemsOf(one, seen);
        if (problems.length > 0) assert.fail(report(one, seen, problems));
      });
    }
  });
}

function problemsOf(one: FeatureCase, seen: FeatureReplay): string[] {
  return [...always(one, seen), ...answered(one, seen), ...forwarded(one, seen), ...copied(one, seen), ...logged(one, seen)];
}

/** Whatever was sent: both sides get well-formed messages, and nothing of the case is left. */
function always({ from = CLIENT, feature, isCut }: FeatureCase, { reading, answers, sentinel, requests, faults }: FeatureReplay): string[] {
  const problems = faults.map((fault) => `malformed at the origin: ${fault}`);
  if (reading.fault !== null) problems.push(`malformed at the client: ${reading.fault}`);
  if (reading.rest !== "" && answers.at(-1)?.status !== 101) problems.push(`bytes after the last answer: ${JSON.stringify(reading.rest)}`);
  const cut = answers.findIndex(({ complete }) => !complete);
  if (cut !== (isCut ? answers.length - 1 : -1)) problems.push(isCut ? "the last answer was not cut" : "an answer was cut");
  if (!isOfSentinel(sentinel)) problems.push(`the next request got ${JSON.stringify(sentinel)}`);
  if (from.startsWith(TRUSTED)) return problems;
  // A prefix that the proxy took off is told by itself; the cases say where another one must not be.
  const own = /^x-forwarded-prefix was|^X-Forwarded-Prefix was/;
  const wrong = requests.flatMap((request) => faultsOfForwarded(request, from)).filter((fault) => !own.test(fault));
  return [...problems, ...wrong.filter((fault) => feature !== "upgrade" || !fault.startsWith("Connection, Upgrade"))];
}

function answered(one: FeatureCase, { finals, answers }: FeatureReplay): string[] {
  const problems: string[] = [];
  const statuses = finals.map(({ status }) => status).join(", ");
  const isRight = one.answers === undefined ? /^4[0-9][0-9]$/.test(statuses) : statuses === one.answers.join(", ");
  if (!isRight) problems.push(`answered ${statuses} and not ${one.answers?.join(", ") ?? "4xx"}`);
  const interims = answers.map(({ status }) => status).filter((status) => status < 200 && status !== 101);
  if (one.interims !== undefined && interims.join() !== one.interims.join()) problems.push(`interim responses ${interims.join()}`);
  const heads = answers.map(({ head, trailers }) => head + trailers);
  for (const pattern of one.respHas)
    if (!heads.some((head) => pattern.test(head))) problems.push(`the client did not see ${String(pattern)}`);
  for (const pattern of one.respNot) if (heads.some((head) => pattern.test(head))) problems.push(`the client saw ${String(pattern)}`);
  const body = finals.at(-1)?.body;
  const { bodyNot } = one;
  if (bodyNot !== undefined && finals.some((answer) => answer.body.includes(bodyNot)))
    problems.push(`a body has ${JSON.stringify(bodyNot)}`);
  if (one.body !== undefined && body !== one.body) problems.push(`the body is ${JSON.stringify(body)}`);
  return problems;
}

function forwarded(one: FeatureCase, { requests }: FeatureReplay): string[] {
  const problems: string[] = [];
  const lines = requests.map(({ method, target }) => `${method} ${target}`);
  if (lines.join("\n") !== one.forwarded.join("\n")) problems.push(`forwarded ${JSON.stringify(lines)}`);
  const heads = requests.map(({ head, trailers }) => head + trailers);
  for (const pattern of one.fwdHas) if (!heads.some((head) => pattern.test(head))) problems.push(`not forwarded: ${String(pattern)}`);
  for (const pattern of one.fwdNot) if (heads.some((head) => pattern.test(head))) problems.push(`forwarded: ${String(pattern)}`);
  const bodies = requests.map(({ body }) => body);
  if (one.bodies !== undefined && bodies.join("\n") !== one.bodies.join("\n")) problems.push(`bodies ${JSON.stringify(bodies)}`);
  return problems;
}

function copied({ copies, copyNot }: FeatureCase, seen: FeatureReplay): string[] {
  const problems: string[] = [];
  const lines = seen.copies.map(({ method, target }) => `${method} ${target}`);
  if (copies !== undefined && lines.join("\n") !== copies.join("\n")) problems.push(`copied ${JSON.stringify(lines)}`);
  for (const pattern of copyNot) if (seen.copies.some(({ wire }) => pattern.test(wire))) problems.push(`a copy has ${String(pattern)}`);
  return problems;
}

function logged(one: FeatureCase, { log }: FeatureReplay): string[] {
  const problems: string[] = [];
  if (one.logged !== undefined && log.length !== one.logged) problems.push(`${log.length} lines were logged`);
  for (const pattern of one.logHas) if (!log.some((line) => pattern.test(line))) problems.push(`not logged: ${String(pattern)}`);
  for (const pattern of one.logNot) if (log.some((line) => pattern.test(line))) problems.push(`logged: ${String(pattern)}`);
  return problems.length === 0 ? problems : [...problems, ...log];
}

function report(one: FeatureCase, seen: FeatureReplay, problems: readonly string[]): string {
  const shown = (text: string): string => JSON.stringify(text.length > 2000 ? `${text.slice(0, 2000)} ... ${text.length} bytes` : text);
  return [
    `${one.id} (${one.feature}): ${one.why} [${one.source}]`,
    ...problems.map((problem) => `  - ${problem}`),
    `  sent      ${shown(one.wire)}`,
    ...seen.requests.map(({ wire }) => `  forwarded ${shown(wire)}`),
    `  answered  ${shown(seen.received)}`,
  ].join("\n");
}
