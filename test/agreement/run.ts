import assert from "node:assert/strict";
import fc from "fast-check";
import { assertAgree, explained, startExplainer } from "./agree.ts";
import { LiveProxy } from "./live.ts";
import { drawnRequest } from "./requests.ts";

/** What has to come up among the requests, so that they test what they are for. */
const WANTED = [
  "upstream",
  "upgrade",
  "by chance",
  "file",
  "200",
  "204",
  "301",
  "307",
  "400",
  "401",
  "403",
  "404",
  "405",
  "413",
  "414",
  "415",
  "431",
  "503",
];

/** Compares `explain` with the proxy on that many requests, drawn from the seed. Each route and each kind of end must come up. */
export async function runAgreement(requests: number, seed: number): Promise<void> {
  const explainer = await startExplainer();
  const live = await LiveProxy.start();
  const met = new Map<string, number>();
  const property = fc.asyncProperty(drawnRequest, async (request) => {
    const course = await explained(explainer, request);
    if (course === null) return;
    const agreed = assertAgree(course, await live.send(request));
    const route = course.route === null ? "" : course.route.position;
    for (const each of [agreed, `route ${route}`]) met.set(each, (met.get(each) ?? 0) + 1);
  });
  try {
    await fc.assert(property, { numRuns: requests, seed, endOnFailure: false });
  } finally {
    live.close();
  }
  const missed = [...WANTED, ...explainer.config.routes.map((_, position) => `route ${position}`)].filter((each) => !met.has(each));
  assert.deepEqual(missed, [], `never met: ${JSON.stringify([...met])}`);
}
