import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { PartCounter, isBoundary } from "./count-parts.ts";
import type { PartLimits, PartsFault } from "./count-parts.ts";

const NONE: PartLimits = { parts: Infinity, partBytes: Infinity, headBytes: Infinity };

/** @param cuts where the body is split */
function count(body: string, limits: Partial<PartLimits> = {}, cuts: readonly number[] = [], boundary: string = "b"): PartsFault | null {
  const counter = new PartCounter(boundary, { ...NONE, ...limits });
  const bytes = Buffer.from(body, "latin1");
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    const fault = counter.add(bytes, from, to);
    if (fault !== null) return fault;
    from = to;
  }
  return counter.end();
}

function part(head: string, content: string): string {
  return `--b\r\n${head}\r\n\r\n${content}\r\n`;
}

const TWO = `${part("A: 1", "one")}${part("B: 2", "three")}--b--\r\n`;

test("parts, their sizes and their heads, wherever the body is split", () => {
  const cases: readonly (readonly [Partial<PartLimits>, PartsFault | null])[] = [
    [{ parts: 2 }, null],
    [{ parts: 1 }, "parts"],
    // Line end, head, empty line, content, line end: as many as lie between the second delimiter and the last one.
    [{ partBytes: 17 }, null],
    [{ partBytes: 16 }, "part"],
    [{ headBytes: 6 }, null],
    [{ headBytes: 5 }, "head"],
  ];
  for (const [limits, fault] of cases) {
    assert.equal(count(TWO, limits), fault, JSON.stringify(limits));
    for (let cut = 0; cut <= TWO.length; cut++) assert.equal(count(TWO, limits, [cut]), fault, `${JSON.stringify(limits)} ${cut}`);
    const each = Array.from({ length: TWO.length }, (_, index) => index);
    assert.equal(count(TWO, limits, each), fault, "byte by byte");
  }
});

test("every text of a delimiter counts, whatever stands around it: no program sees more parts", () => {
  for (const body of [
    "--b\r\n\r\nx--b\r\n\r\ny--b--",
    "--b\n\nx\n--b\n\ny\n--b--",
    "--b \t\r\n\r\nx\r\n--bX\r\n\r\ny\r\n--b--",
    "x--b-x--b.--b--",
    "--b-\r\n\r\n--b\r\n--b--",
    "--b\r\r--b\r\r--b--",
  ]) {
    assert.equal(count(body, { parts: 2 }), null, body);
    assert.equal(count(body, { parts: 1 }), "parts", body);
  }
  assert.equal(count("--b--", { parts: 0 }), null, "no part");
  assert.equal(count("a preamble\r\n--b--\r\nan epilogue", { parts: 0 }), null);
  assert.equal(count("a preamble\r\n--b--", { partBytes: 5 }), "part");
  assert.equal(count("--b--an epilogue", { partBytes: 5 }), "part");
});

test("a body that does not end with its boundary, and a head that never ends", () => {
  for (const body of ["", "x", "--b", "--b-", "--b\r\n\r\nx", "--b\r\n\r\nx\r\n--b\r\n", "--c--", "-b--"])
    assert.equal(count(body), "syntax", body);
  assert.equal(count(`--b\r\nA: ${"x".repeat(100)}`, { headBytes: 50 }), "head");
  assert.equal(count("--b\r\nA: 1\r\n--b--", { headBytes: 6 }), null);
  assert.equal(count("--b\r\n\r\n\r\n\r\n--b--", { headBytes: 2 }), null, "a part without a head");
});

test("boundaries", () => {
  for (const boundary of ["b", "----WebKitFormBoundaryAbC123", "a b", "'()+_,-./:=?", "x".repeat(70)])
    assert.ok(isBoundary(boundary), boundary);
  for (const boundary of ["", " ", "a ", "x".repeat(71), "a\r\nb", 'a"b', "ä"]) assert.ok(!isBoundary(boundary), boundary);
});

test("any body of pieces of delimiters, split anywhere, is judged as it is in one piece", () => {
  const piece = fc.constantFrom("-", "--", "b", "--b", "--b--", "\r", "\n", "\r\n", "\r\n\r\n", "x", "--bb");
  const splits = fc.array(fc.nat(80), { maxLength: 6 });
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 20 }),
      splits,
      fc.nat(4),
      fc.nat(12),
      fc.nat(6),
      fc.constantFrom("b", "bb", "-"),
      (pieces, at, parts, partBytes, headBytes, boundary) => {
        const body = pieces.join("");
        const cuts = at.filter((cut) => cut <= body.length).toSorted((a, b) => a - b);
        const limits = { parts, partBytes, headBytes };
        const whole = count(body, limits, [], boundary);
        const split = count(body, limits, cuts, boundary);
        // Of two limits that are exceeded in the same place, either may be noticed first.
        assert.equal(split === null, whole === null, JSON.stringify({ body, cuts, whole, split }));
      },
    ),
    { numRuns: 3000 },
  );
});

test("nothing makes it slow: a head byte by byte, delimiters without end, one that never comes", () => {
  const begin = performance.now();
  const large = `--b\r\n\r\n${"--".repeat(2_000_000)}\r\n--b--`;
  assert.equal(count(large), null);
  assert.equal(count("--b\n".repeat(300_000), { parts: 200_000 }), "parts");
  const head = `--b\r\n${"x".repeat(8000)}`;
  assert.equal(
    count(
      head,
      { headBytes: 8192 },
      Array.from({ length: 8000 }, (_, index) => index),
    ),
    "syntax",
  );
  assert.ok(performance.now() - begin < 4000);
});
