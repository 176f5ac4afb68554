/** The fuzzer itself: a short run finds nothing, what is planted is found, and every listed disagreement is one that exists. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { DEFAULT_LIMITS } from "../src/http1/limits.ts";
import { drawCase } from "./case.ts";
import type { WireCase } from "./case.ts";
import { loadCorpus } from "./corpus.ts";
import { compare } from "./compare.ts";
import { DISAGREEMENTS } from "./disagreements.ts";
import { describe as describeFailure } from "./failure.ts";
import { readRequests, readResponses } from "./own-reading.ts";
import { Draw } from "./draw.ts";
import { drawHello } from "./hello-draw.ts";
import { readByOpenSsl } from "./openssl-server.ts";
import type { OpenSslReading } from "./openssl-server.ts";
import { readOptions } from "./options.ts";
import type { Reading } from "./reading.ts";
import { runCase } from "./run-case.ts";
import type { Judges } from "./run-case.ts";
import { makeJudges, runCases } from "./run-cases.ts";
import type { Tally } from "./run-cases.ts";
import { judgeHello } from "./run-hello.ts";
import type { HelloVerdict } from "./run-hello.ts";
import { shrink } from "./shrink.ts";
import { slowestOf } from "./timed.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
const corpus = loadCorpus();
const judges = makeJudges();

const run = (seed: number, first: number, cases: number): Promise<Tally> =>
  runCases({ seed, first, step: 1, over: (count) => count >= cases, begins: () => {} });

const wireCase = (wire: string): WireCase => ({
  side: wire.trimStart().startsWith("HTTP/") ? "response" : "request",
  wire,
  cuts: [],
  limits: DEFAULT_LIMITS,
  valid: false,
  toHead: false,
  sender: "client",
  unsafeFieldNames: "drop",
  clientMinor: 1,
  close: false,
});

describe("a short run of a fixed seed", () => {
  test("the corpus and what was found before: both judges agree, or it is known why not", async () => {
    const count = corpus.requests.length + corpus.responses.length;
    assert.ok(count > 250, `only ${count} wires`);
    assertNoFailure(await run(9112, 0, count));
  });

  test("valid and changed messages, split at random, and what is passed on of them", async () => {
    const tally = await run(9112, 10_000, 4000);
    assertNoFailure(tally);
    assert.ok(tally.comparisons > 4000 && tally.agreed > 500, "most cases say nothing");
  });
});

describe("a case follows from its seed and number", () => {
  test("however often it is drawn", () => {
    for (let number = 0; number < 600; number += 7) assert.deepEqual(drawCase(5, number, corpus), drawCase(5, number, corpus));
    assert.notDeepEqual(drawCase(5, 5000, corpus), drawCase(6, 5000, corpus));
    assert.notDeepEqual(drawCase(5, 5000, corpus), drawCase(5, 5001, corpus));
  });

  test("whichever thread runs it", async () => {
    const together = await run(77, 20_000, 300);
    const odd = await runCases({ seed: 77, first: 20_001, step: 2, over: (count) => count >= 150, begins: () => {} });
    const even = await runCases({ seed: 77, first: 20_000, step: 2, over: (count) => count >= 150, begins: () => {} });
    assert.equal(odd.agreed + even.agreed, together.agreed);
    assert.equal(odd.comparisons + even.comparisons, together.comparisons);
  });
});

describe("a first message of a TLS client", () => {
  const drawn = Array.from({ length: 1500 }, (_, number) => drawHello(new Draw(8446, number)));

  test("names the same to us and to OpenSSL, or is refused for a listed reason", async () => {
    const verdicts: HelloVerdict[] = [];
    for (const one of drawn) {
      verdicts.push(judgeHello(one));
      // What OpenSSL's readings leave behind is freed in between.
      if (verdicts.length % 64 === 0) await new Promise(setImmediate);
    }
    assert.deepEqual(
      verdicts.filter(({ rule }) => rule !== null),
      [],
    );
    assert.ok(verdicts.filter(({ agreed }) => agreed).length > 150, "hardly any is taken by both");
    assert.deepEqual([...new Set(verdicts.flatMap(({ listed }) => listed ?? []))].sort(), ["hello-empty-record", "hello-name-octets"]);
  });

  test("of which the two see something else is found", () => {
    const rules = (change: (reading: OpenSslReading) => object): (string | null)[] => [
      ...new Set(
        drawn.slice(0, 300).map(
          (one) =>
            judgeHello(one, (bytes) => {
              const reading = readByOpenSsl(bytes);
              return reading === null ? null : { ...reading, ...change(reading) };
            }).rule,
        ),
      ),
    ];
    assert.ok(
      rules(({ serverName }) => ({ serverName: serverName === "a.test" ? "b.test" : serverName })).includes("another name than OpenSSL's"),
    );
    assert.ok(rules(() => ({ protocol: null })).includes("only one of the two sees protocols"));
    assert.ok(
      rules(({ protocol }) => ({ protocol: protocol && "acme-tls/1" })).includes("OpenSSL has chosen a protocol that was not seen here"),
    );
    assert.ok(rules(({ protocol }) => ({ protocol: protocol && "http/1.1" })).some((rule) => rule !== null));
    assert.ok(rules(() => ({ accepted: true, fault: null })).includes("invalid here, taken by OpenSSL"));
  });
});

describe("what is planted is found", () => {
  const POST = "POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello";

  /** What the fuzzer says of a request when the other judge's reading is changed. */
  const against = (wire: string, change: (reading: Reading) => Reading): string | undefined => {
    const server = { read: (bytes: Buffer): Reading => change(judges.server.read(bytes)) };
    return runCase(wireCase(wire), { ...judges, server }).failure?.rule;
  };
  const withFirst = (change: object) => (reading: Reading) => ({
    ...reading,
    messages: reading.messages.map((message, index) => (index === 0 ? { ...message, ...change } : message)),
  });

  test("nothing is planted, and nothing is found", () => {
    assert.equal(
      against(POST, (reading) => reading),
      undefined,
    );
  });

  for (const [what, change] of Object.entries({
    "another target": { start: "POST /y 1.1" },
    "another body": { body: "hell" },
    "another field": { fields: ["Host: b.test", "Content-Length: 5"] },
    "another order of fields": { fields: ["Content-Length: 5", "Host: a.test"] },
    "a trailer": { trailers: ["A: b"] },
  })) {
    test(what, () => assert.equal(against(POST, withFirst(change)), "request: accepted by both, and seen differently"));
  }

  test("a message less, a message more, and an end of the connection", () => {
    assert.equal(
      against(POST, () => ({ messages: [], fault: "HPE_PLANTED" })),
      "request: accepted here, HPE_PLANTED in Node",
    );
    assert.equal(
      against(POST, (reading) => ({ ...reading, messages: [...reading.messages, ...reading.messages] })),
      "request: incomplete here, accepted by Node",
    );
    assert.equal(against(POST, withFirst({ last: true })), "request: only one of the two reads on behind a message");
  });

  test("what a listed class does not describe, under the fault of one", () => {
    const [good = "", bad = ""] = ["Host: a.test", "Host: a@test"].map((host) => `GET / HTTP/1.1\r\n${host}\r\n\r\n`);
    const asGood = judges.server.read(Buffer.from(good));
    // Host is refused here for a reason; a judge that saw a valid one would show that it should not have been.
    assert.equal(
      against(bad, () => asGood),
      "request: host_invalid here, accepted by Node",
    );
    assert.equal(
      against(bad, (reading) => reading),
      undefined,
    );
  });

  test("and its wire is made shorter", async () => {
    const server = { read: (bytes: Buffer): Reading => withFirst({ body: "" })(judges.server.read(bytes)) };
    const planted: Judges = { ...judges, server };
    const one = wireCase(`GET /first HTTP/1.1\r\nHost: a.test\r\nX-A: b\r\nContent-Length: 10\r\n\r\n0123456789${POST}`);
    const { failure } = runCase(one, planted);
    assert.ok(failure !== null);
    const { wire, rule } = await shrink(one, failure, planted);
    assert.equal(rule, failure.rule);
    assert.ok(wire.length < 70, wire);
    assert.match(describeFailure({ ...failure, wire: "\x00\x80\xff\r\n" }), /wire {2}"\\u0000\\u0080\\u00ff\\r\\n"/);
  });

  test("a parser that looks at every pair of characters", () => {
    const text = "a".repeat(8000);
    let found = 0;
    const pairs = (): void => {
      for (let one = 0; one < text.length; one++) {
        for (let other = one; other < text.length; other++) if (text.charCodeAt(one) === text.charCodeAt(other)) found++;
      }
    };
    assert.notEqual(slowestOf(pairs), null);
    assert.ok(found > 0);
    const single = (): void => {
      for (let one = 0; one < text.length; one++) found += text.charCodeAt(one);
    };
    assert.equal(slowestOf(single), null);
  });
});

describe("the table of disagreements", () => {
  const nothing = { head: (): void => {}, data: (): void => {}, end: (): void => {} };

  for (const { id, example } of DISAGREEMENTS) {
    test(`${id}: its example is one, and of no other class`, async () => {
      await judges.client.prepare(1, 0);
      const wire = Buffer.from(example, "latin1");
      const input = { wire, cuts: [], limits: DEFAULT_LIMITS };
      const { side } = wireCase(example);
      const [ours, node] =
        side === "request"
          ? [readRequests(input, nothing), judges.server.read(wire)]
          : [readResponses(input, false, nothing), judges.client.read(wire, false)];
      const { listed } = compare({ side, wire: example, ours, node, limits: DEFAULT_LIMITS, passedOn: false });
      assert.equal(listed?.id, id);
    });
  }

  test("is the one in docs/fuzzing.md", () => {
    const page = readFileSync(new URL("../docs/fuzzing.md", import.meta.url), "utf8");
    const rows = [...page.matchAll(/^\| `([a-z0-9-]+)` \| (RFC \d+) § ([A-C\d.]+) \| (.*) \|$/gm)].map(([, ...cells]) => cells);
    const expected = DISAGREEMENTS.map(({ id, section, reason }) => [id, ...section.split(" section "), reason]);
    assert.deepEqual(rows, expected);
  });
});

describe("the command line", () => {
  const fuzz = (...args: readonly string[]): { status: number | null; output: string } => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8", timeout: 60_000 });
    return { status, output: stdout + stderr };
  };

  test("two jobs run as many cases as they are told to", () => {
    const { status, output } = fuzz("--seed", "3", "--cases", "101", "--jobs", "2");
    assert.equal(status, 0, output);
    assert.match(output, /^seed 3, 101 cases, 2 jobs\n101 cases in /);
  });

  test("one case shows its wire", () => {
    const { status, output } = fuzz("--seed", "3", "--case", "0");
    assert.equal(status, 0, output);
    assert.match(output, /^wire {2}"GET \/ HTTP\/1\.1\\r\\nHost: a\.test\\r\\n\\r\\n"$/m);
    assert.match(output, /^no failure; 1 messages equal/m);
  });

  test("wrong arguments are answered with the help", () => {
    const { status, output } = fuzz("--seeds", "1");
    assert.equal(status, 1, output);
    assert.match(output, /npm run fuzz -- \[--seed N\]/);
    assert.match(String(readOptions(["--seed", "x"])), /^--seed must be a whole number\nnpm run fuzz -- \[--seed N\]/);
  });
});

function assertNoFailure({ failures }: Tally): void {
  const found = [...failures.values()].map(
    ({ number, shortest, count }) => `${count} times, first in case ${number}: ${describeFailure(shortest)}`,
  );
  assert.deepEqual(found, []);
}
