import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { STANDARD_SHAPE } from "../config/access-log/access-shape.ts";
import { accessLines } from "./access-line.ts";
import { createAppLog } from "./app-log.ts";
import { paintLines } from "./paint-lines.ts";

function painted(text: string): string {
  return Buffer.from(paintLines(Buffer.from(text))).toString();
}

/** The painted text, with ESC in place of the control character. */
function visible(text: string): string {
  return painted(text).replaceAll("\x1b", "ESC");
}

/** A line with a name for each style: `<31:text>`. */
function styles(text: string): string {
  return visible(text).replace(/ESC\[(\d+)m(.*?)ESC\[(?:22|39)m/g, "<$1:$2>");
}

const TIME = "2026-11-30T09:00:00.000Z";

test("events: time and fields step back, level and event stand out", () => {
  assert.equal(styles(`${TIME} INFO  started all is well\n`), `<2:${TIME}> <32:INFO>  <36:started> all is well\n`);
  assert.equal(styles(`${TIME} WARN  x y a=1 b="2 3"\n`), `<2:${TIME}> <33:WARN>  <36:x> y<2: a=1 b="2 3">\n`);
  assert.match(visible(`${TIME} ERROR x y\n`), /ESC\[31mERROR/);
  assert.equal(styles("listening on http://localhost:80 (all addresses)\n"), "listening on <1:http://localhost:80> (all addresses)\n");
});

test("access lines: the request and the class of the status stand out", () => {
  for (const [status, colour] of [
    [101, 36],
    [200, 32],
    [304, 36],
    [404, 33],
    [502, 31],
  ])
    assert.equal(
      styles(`${TIME} INFO  access ::1 "GET a/\\"x\\"" ${status} received=1\n`),
      `<2:${TIME}> <32:INFO>  <2:access> ::1 <1:"GET a/\\"x\\""> <${colour}:${status}> <2:received=1>\n`,
    );
});

test("what is no line in text format stays as it is", () => {
  for (const text of ['{"time":"2026-11-30T09:00:00.000Z","level":"info"}\n', "", "\n", "half", `${TIME} NOTE  x\n`])
    assert.equal(painted(text), text);
});

test("colours are all that is added, to lines of both logs, whatever stands in them", () => {
  let text = "";
  const log = createAppLog({ level: "info", format: "text", write: (line) => (text += line), now: () => 0 });
  log.warn("config_warning", 'é \x1b[31m "=" \n a=b', { a: 'x "y" =', b: "" });
  const access = accessLines("text");
  const length = access.write({
    startedAtMs: 0,
    client: "",
    method: 'G"ET',
    host: "a\x1b",
    path: '/" 500 x',
    status: 200,
    bytesReceived: 1,
    bytesSent: 1,
    durationMs: 1,
    originHeadMs: 1,
    endpoint: "",
    route: 'r "1"',
    attempts: 1,
    outcome: "completed",
    worker: 0,
    requestId: "019b76da-a800-7080-8080-808080808080",
    notes: { userAgent: 'a "b" c=d', referer: "https://example.com/", traceId: "4bf92f3577b34da6a3ce929d0e0e4736" },
    shape: STANDARD_SHAPE,
    values: [],
  });
  text += access.bytes.toString("latin1", 0, length);
  assert.equal(stripVTControlCharacters(painted(text)), text);
  assert.match(visible(text), /ESC\[32m200ESC\[39m/);
});
