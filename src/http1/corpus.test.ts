/** Reads the corpus of hostile and valid messages with the codec alone. Its verdicts must be right, and the same at every split. */
import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { assertSame, cutPoints, everyByte, latin1, readRequests, readResponses, requestCases, responseCases } from "./transcript.test.ts";
import type { Reading, Transcript } from "./transcript.test.ts";

const requests = requestCases();
const responses = responseCases();

/** Cases that only a time limit or the end of the connection refuses. */
const timed = (id: string, family: string): boolean => family === "slow" || id === "cl-short-body";

/** Cases that are refused with another status than 400. */
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

/** Cases that a proxy may repair and that the codec refuses ("P: 400" in the corpus). The others are decided by the proxy as a whole. */
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

test("the corpus is complete", () => {
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
    // The codec reads on after `Connection: close`; the driver makes sure that no second request is served.
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

test("cases that only the proxy as a whole refuses pass the codec", () => {
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
      // Some cases are refused only when the connection ends. A stalled head is refused by a time limit.
      if (seen.fault === null && id !== "r-stall-head") assert.notEqual(end, "keep", id);
      if (expect === "502") assert.equal(seen.messages.length, 0, `${id}: a head came through`);
    }
  }
});

test("bytes after a complete response are not read as part of it", () => {
  const bytesAfter = (id: string): string | undefined => {
    const found = responses.find((one) => one.id === id);
    return found === undefined ? undefined : readResponses(latin1(found.wire), { toHead: found.method === "HEAD" }).rest;
  };
  assert.equal(bytesAfter("r-204-body"), "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nPOISONED");
  assert.equal(bytesAfter("r-head-body"), "POISONED");
  assert.equal(bytesAfter("r-head-chunked-body"), "8\r\nPOISONED\r\n0\r\n\r\n");
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
  // Reading byte by byte takes long on long wires; the benchmark covers these.
  if (wire.length <= 2000) {
    assertSame(whole, read(wire, { ...base, cuts: everyByte(wire.length) }), `${id} byte by byte`);
    assertSame(whole, read(wire, { ...base, cuts: everyByte(wire.length), takeRest: true }), `${id} byte by byte, rest taken`);
  } else {
    const cuts = Array.from({ length: Math.floor(wire.length / 1021) }, (_, index) => (index + 1) * 1021);
    assertSame(whole, read(wire, { ...base, cuts }), `${id} by 1021 bytes`);
  }
  assertSame(whole, read(wire, { ...base, takeRest: true }), `${id}, rest taken`);
}
