/** Every request case of the corpus through a running Millrace, in the clear and over TLS, in front of an origin that records every byte. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { requestCases } from "./cases.ts";
import type { RequestCase } from "./cases.ts";
import { FRONTS } from "./fronts.ts";
import type { Front } from "./fronts.ts";
import { Recorder } from "./recorder.ts";
import { replay } from "./replay.ts";
import type { Replay } from "./replay.ts";
import { requestProblems } from "./request-verdict.ts";

const CASES = [...requestCases("http1.json"), ...requestCases("own-requests.json"), ...requestCases("../../fuzz/found.json")];

const HUNG_MAX = 5;

/** Cases that wait for a time limit to refuse them. They get limits of 1 s, as the corpus assumes, and a proxy of their own. */
function isUnfinished(one: RequestCase): boolean {
  return one.class === "slow" || one.assert.incomplete;
}

test("the corpus is all there, and every case has a name of its own", () => {
  assert.equal(requestCases("http1.json").length, 216);
  assert.equal(new Set(CASES.map(({ id }) => id)).size, CASES.length);
});

// Cases run one at a time before each proxy, the proxies side by side.
describe("requests of the corpus", { concurrency: 2 * FRONTS.length }, () => {
  for (const front of FRONTS) {
    describeCases(front, "finished ones", "request_head: 30s", (one) => !isUnfinished(one));
    describeCases(front, "unfinished ones", "request_head: 1s, idle: 1s, keep_alive: 1s", isUnfinished);
  }
});

function describeCases(front: Front, name: string, timeouts: string, belongs: (one: RequestCase) => boolean): void {
  describe(name + front.suffix, { concurrency: 1 }, () => {
    let recorder: Recorder;
    let proxy: Millrace;
    let barrierPort = 0;
    let hung = 0;

    before(async () => {
      recorder = await Recorder.start();
      // An origin connection for each exchange: what is on it belongs to one case. The second listener has no limits of the cases.
      proxy = await startMillrace(
        `
listeners:
  - { address: "127.0.0.1:0"${front.listenerKeys}, timeouts: { ${timeouts} } }
  - { address: "127.0.0.1:0" }
workers: 1
upstreams: { app: { endpoints: ["${recorder.url}"], keep_alive: { max_idle: 0 } } }
routes: [{ upstream: app }]
logging: { access: false }
`,
        front.environment,
      );
      await proxy.until((output) => ports(output).length === 2, "both listeners");
      barrierPort = ports(proxy.output())[1] ?? 0;
    });

    after(async () => {
      assert.equal(await proxy.stop(), 0);
      await recorder.stop();
    });

    for (const one of CASES.filter((each) => belongs(each) && !front.beyond.has(each.id))) {
      test(one.id, { timeout: 30_000 }, async () => {
        // A proxy that answers nothing would take ten seconds over each of hundreds of cases.
        assert.ok(hung < HUNG_MAX, "not run: too many cases before this one waited in vain");
        hung++;
        const seen = await replay(one.wire, { front, port: proxy.port, barrierPort, recorder, unfinished: isUnfinished(one) });
        hung--;
        const problems = requestProblems(one, seen);
        if (problems.length > 0) assert.fail(report(one, seen, problems));
      });
    }
  });
}

function ports(output: string): number[] {
  return [...output.matchAll(/listening on https?:\/\/[^\s"]*?:(\d+)/g)].map(([, port]) => Number(port));
}

function report(one: RequestCase, seen: Replay, problems: readonly string[]): string {
  const shown = (text: string): string => JSON.stringify(text.length > 2000 ? `${text.slice(0, 2000)} ... ${text.length} bytes` : text);
  return [
    `${one.id} (${one.class}, ${one.expect}): ${one.why} [${one.source}]`,
    ...problems.map((problem) => `  - ${problem}`),
    `  sent      ${shown(one.wire)}`,
    ...seen.streams.map((stream) => `  forwarded ${shown(stream.bytes)}${stream.tunnel === null ? "" : ` tunnel ${shown(stream.tunnel)}`}`),
    `  answered  ${shown(seen.received)}${seen.reset ? " reset" : ""}`,
  ].join("\n");
}
