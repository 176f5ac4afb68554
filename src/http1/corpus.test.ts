/** The corpus of hostile and valid messages through the codec alone: its verdicts, and the same verdict however the bytes are split. */
import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { assertSame, cutPoints, everyByte, latin1, readRequests, readResponses, requestCases, responseCases } from "./transcript.test.ts";
import type { Reading, Transcript } from "./transcript.test.ts";

const requests = requestCases();
const responses = responseCases();

/** What only a clock or the end of the connection refuses. */
const timed = (id: string, family: string): boolean => family === "slow" || id === "cl-short-body";

/** Refusals that are not a plain 400. */
const STATUS_OF: Readonly<Record<string, string>> = {
  "rl-ver-12": "505",
  "rl-ver-20": "505",
  "rl-ver-99": "505",
  "rl-uri-100k": "414",
  "hdr-size-100k": "431",
  "hdr-name-100k": "431",
  "hdr-count-same-3000": "431",
  "hdr-total-200k": "431",
};

/** Cases that a proxy may repair and this one refuses: where the requirements say "P: 400". Only the proxy as a whole decides the others. */
const REFUSED_BY_POLICY: readonly string[] = [
  "rl-ver-12",
  "rl-double-space",
  "rl-trailing-space",
  "rl-fragment",
  "rl-high-target",
  "rl-bare-lf",
  "host-port-big",
  "host-empty",
  "abs-mismatch",
  "abs-ssrf-metadata",
  "hdr-fold-tab",
  "hdr-first-space",
  "hdr-cr-crlf",
  "hdr-vt-value",
  "cl-dup-same",
  "te-name-lead-space",
  "ch-size-tab",
  "ch-ext-many",
  "ch-trailer-fold",
];

test("the corpus is all there", () => {
  assert.equal(requests.length, 216);
  assert.equal(responses.length, 44);
  for (const { id, wire } of [...requests, ...responses]) assert.match(wire, /^[\0-\xff]*$/, `${id}: one character a byte`);
});

test("valid requests pass whole", () => {
  for (const { id, wire, assert: wanted } of requests.filter(({ expect }) => expect === "accept")) {
    const seen = readRequests(latin1(wire));
    assert.equal(seen.fault, null, id);
    assert.equal(seen.endOfInput, "needMore", id);
    assert.ok(seen.messages.length > 0 && seen.messages.every(({ complete }) => complete), id);
    // The codec reads on behind `Connection: close`; that no second request is served is the driver's to see to.
    if (wanted?.responses !== undefined && id !== "ok-conn-close-pipelined") assert.equal(seen.messages.length, wanted.responses, id);
  }
});

test("hostile requests are refused with the status of the design, and no refused message is ever complete", () => {
  for (const { id, class: family, wire, expect, assert: wanted } of requests) {
    const refused = (expect.startsWith("reject") && !timed(id, family)) || REFUSED_BY_POLICY.includes(id);
    if (!refused) continue;
    const seen = readRequests(latin1(wire));
    assert.notEqual(seen.fault, null, `${id} was accepted`);
    assert.equal(seen.fault?.split(" ")[1], STATUS_OF[id] ?? "400", id);
    if (wanted?.lastReject !== true) assert.ok(!seen.messages.some(({ complete }) => complete), `${id}: a message was complete`);
  }
});

test("a request that its client never finishes is incomplete when the connection ends", () => {
  const unfinished = requests.filter(({ id, class: family, wire }) => timed(id, family) && wire !== "");
  assert.equal(unfinished.length, 4);
  for (const { id, wire } of unfinished) {
    const seen = readRequests(latin1(wire));
    assert.equal(seen.fault, null, id);
    assert.equal(seen.endOfInput, "incomplete", id);
  }
});

test("what only the proxy as a whole may refuse passes the codec as its bytes say", () => {
  for (const { id, wire, expect } of requests) {
    if (expect !== "normalize" || REFUSED_BY_POLICY.includes(id)) continue;
    const seen = readRequests(latin1(wire));
    assert.equal(seen.fault, null, id);
    const [method, target] = wire.split(" ", 2);
    assert.deepEqual((JSON.parse(seen.messages[0]?.start ?? "[]") as string[]).slice(0, 2), [method, target], id);
  }
});

test("responses reach the reader's caller whole, or are refused, or are visibly incomplete", () => {
  for (const { id, wire, end, method, expect, body } of responses) {
    const seen = readResponses(latin1(wire), { toHead: method === "HEAD" });
    const last = seen.messages.at(-1);
    if (expect === "pass") {
      assert.equal(seen.fault, null, id);
      assert.equal(last?.complete, true, id);
      assert.equal(last?.body, body ?? "", id);
    } else if (expect === "502" || expect === "abort") {
      const refused = seen.fault !== null || seen.endOfInput === "incomplete";
      assert.ok(refused, `${id} was accepted`);
      assert.notEqual(last?.complete, true, id);
      // What is refused only because the connection ended needs one that ends; a stalled head is the clock's.
      if (seen.fault === null && id !== "r-stall-head") assert.notEqual(end, "keep", id);
      if (expect === "502") assert.equal(seen.messages.length, 0, `${id}: a head came through`);
    }
  }
});

test("what lies behind a complete response is not read as part of it", () => {
  const behind = (id: string): string | undefined => {
    const found = responses.find((one) => one.id === id);
    return found === undefined ? undefined : readResponses(latin1(found.wire), { toHead: found.method === "HEAD" }).rest;
  };
  assert.equal(behind("r-204-body"), "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nPOISONED");
  assert.equal(behind("r-head-body"), "POISONED");
  assert.equal(behind("r-head-chunked-body"), "8\r\nPOISONED\r\n0\r\n\r\n");
});

test("every request of the corpus reads the same at every split", () => {
  for (const { id, wire } of requests) checkSplits(id, latin1(wire), readRequests, {});
});

test("every response of the corpus reads the same at every split", () => {
  for (const { id, wire, method } of responses) checkSplits(id, latin1(wire), readResponses, { toHead: method === "HEAD" });
});

test("the corpus reads the same at random splits, pieces of no bytes included", () => {
  const cases = [
    ...requests.map(({ id, wire }) => ({ id, wire: latin1(wire), read: readRequests, base: {} })),
    ...responses.map(({ id, wire, method }) => ({ id, wire: latin1(wire), read: readResponses, base: { toHead: method === "HEAD" } })),
  ].filter(({ wire }) => wire.length <= 8000);
  fc.assert(
    fc.property(
      fc.constantFrom(...cases),
      fc.array(fc.nat(8000), { maxLength: 12 }),
      fc.boolean(),
      ({ id, wire, read, base }, points, takeRest) => {
        const cuts = points.map((at) => at % (wire.length + 1)).sort((a, b) => a - b);
        assertSame(read(wire, base), read(wire, { ...base, cuts, takeRest }), `${id} cut at ${cuts.join(" ")}`);
      },
    ),
    { seed: 9112, numRuns: 4000 },
  );
});

function checkSplits(id: string, wire: Buffer, read: (wire: Buffer, reading: Reading) => Transcript, base: Reading): void {
  const whole = read(wire, base);
  for (const at of cutPoints(wire.length)) assertSame(whole, read(wire, { ...base, cuts: [at] }), `${id} cut at ${at}`);
  // Byte by byte, a reader looks at an unfinished line again with every byte: on long wires that is for the benchmark.
  if (wire.length <= 2000) {
    assertSame(whole, read(wire, { ...base, cuts: everyByte(wire.length) }), `${id} byte by byte`);
    assertSame(whole, read(wire, { ...base, cuts: everyByte(wire.length), takeRest: true }), `${id} byte by byte, rest taken`);
  } else {
    const cuts = Array.from({ length: Math.floor(wire.length / 1021) }, (_, index) => (index + 1) * 1021);
    assertSame(whole, read(wire, { ...base, cuts }), `${id} by 1021 bytes`);
  }
  assertSame(whole, read(wire, { ...base, takeRest: true }), `${id}, rest taken`);
}
