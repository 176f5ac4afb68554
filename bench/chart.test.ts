import assert from "node:assert/strict";
import { test } from "node:test";
import { chart } from "./chart.ts";
import type { Panel } from "./chart.ts";

const PANELS: readonly Panel[] = [
  {
    title: "requests/s",
    parts: ["requests/s"],
    bars: [
      { name: 'a <b> & "c"', values: [200] },
      { name: "d", values: [100] },
    ],
  },
  { title: "us/request", parts: ["user", "kernel"], bars: [{ name: "d", values: [10, 30] }] },
];

test("it is well-formed XML", () => {
  assert.deepEqual(faults(chart("small & <quick>", PANELS)), []);
  assert.deepEqual(faults(chart("nothing was measured", [])), []);
  assert.deepEqual(faults(chart("only zeros", [{ title: "t", parts: ["p"], bars: [{ name: "n", values: [0] }] }])), []);
});

test("the check for well-formed XML finds faults", () => {
  for (const wrong of ["<a><b></a></b>", "<a>", "<a b=c/>", "<a>x & y</a>", "<a/><b/>", "<a>x < y</a>"]) {
    assert.notDeepEqual(faults(wrong), [], wrong);
  }
});

test("bars have lengths in proportion, and the parts of one follow each other", () => {
  const rects = [...chart("x", PANELS).matchAll(/<rect class="part(\d)" x="([\d.]+)" y="\d+" width="([\d.]+)" height="16"/g)];
  const [long, half, user, kernel] = rects.map(([, part, x, width]) => ({ part: Number(part), x: Number(x), width: Number(width) }));
  assert.ok(long !== undefined && half !== undefined && user !== undefined && kernel !== undefined && rects.length === 4);
  assert.equal(long.width, half.width * 2);
  assert.deepEqual([user.part, kernel.part], [0, 1]);
  assert.ok(Math.abs(kernel.width - user.width * 3) < 0.3);
  assert.ok(Math.abs(kernel.x - user.x - user.width) < 0.1);
});

test("it has colours for light and for dark", () => {
  assert.match(chart("x", PANELS), /prefers-color-scheme: dark/);
});

/** What is not well-formed: tags that do not match, attributes without quotes, characters that are not escaped. */
function faults(xml: string): string[] {
  const found: string[] = [];
  const open: string[] = [];
  let roots = 0;
  const rest = xml.replace(/<(\/?)([\w:-]+)((?:\s+[\w:-]+="[^"<&]*")*)\s*(\/?)>/g, (_, end: string, name: string, _rest, empty: string) => {
    if (end === "/") {
      if (open.pop() !== name) found.push(`</${name}> ends another`);
    } else {
      if (open.length === 0) roots++;
      if (empty === "") open.push(name);
    }
    return "";
  });
  if (roots !== 1) found.push(`${roots} roots`);
  if (open.length > 0) found.push(`not ended: ${open.join(" ")}`);
  if (/[<>]|&(?!(amp|lt|gt|quot);)/.test(rest)) found.push(`not escaped: ${rest}`);
  return found;
}
