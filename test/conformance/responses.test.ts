/** Every response case of the corpus: an origin that answers so, a running Millrace, and what its client gets, in the clear and over TLS. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { responseCases } from "./cases.ts";
import type { CorpusFile, ResponseCase } from "./cases.ts";
import { FRONTS } from "./fronts.ts";
import type { Front } from "./fronts.ts";
import { replayResponse, responseProblems } from "./response-verdict.ts";
import type { ResponseReplay } from "./response-verdict.ts";
import { ScriptedOrigin } from "./scripted-origin.ts";

const FILES: readonly CorpusFile[] = ["responses.json", "own-responses.json", "../../fuzz/found-responses.json"];
const CASES = FILES.map((file) => ({ file, cases: responseCases(file) }));

// Cases run one at a time before each proxy, the proxies side by side.
describe("responses of the corpus", { concurrency: FRONTS.length }, () => {
  for (const front of FRONTS) describe(`clients${front.suffix}`, { concurrency: 1 }, () => describeCases(front));
});

function describeCases(front: Front): void {
  let origin: ScriptedOrigin;
  let proxy: Millrace;

  before(async () => {
    origin = await ScriptedOrigin.start(CASES.flatMap(({ cases }) => cases));
    // Connections to the origin are kept, so that what a case leaves behind on one could reach the next request.
    proxy = await startMillrace(
      `
listeners: [{ address: "127.0.0.1:0"${front.listenerKeys} }]
workers: 1
upstreams: { app: { endpoints: ["${origin.url}"], timeouts: { connect: 1s, response_head: 1s, idle: 1s } } }
routes: [{ upstream: app }]
logging: { access: false }
`,
      front.environment,
    );
  });

  after(async () => {
    assert.equal(await proxy.stop(), 0);
    await origin.stop();
    assert.deepEqual(origin.faults, []);
  });

  for (const { file, cases } of CASES) {
    describe(file, () => {
      for (const one of cases.filter(({ id }) => !front.beyond.has(id))) {
        test(one.id, { timeout: 30_000 }, async () => {
          const seen = await replayResponse(one, origin, front, proxy.port);
          const problems = responseProblems(one, seen);
          if (problems.length > 0) assert.fail(report(one, seen, problems));
        });
      }
    });
  }
}

function report(one: ResponseCase, seen: ResponseReplay, problems: readonly string[]): string {
  const shown = (text: string): string => JSON.stringify(text.length > 2000 ? `${text.slice(0, 2000)} ... ${text.length} bytes` : text);
  return [
    `${one.id} (${one.expect}): ${one.why} [${one.source}]`,
    ...problems.map((problem) => `  - ${problem}`),
    `  asked     ${shown(seen.sent)}`,
    `  answered  ${shown(one.wire)} ${one.end}${one.late === undefined ? "" : ` late ${shown(one.late)}`}`,
    `  passed on ${shown(seen.received)}${seen.reset ? " reset" : ""}`,
  ].join("\n");
}
