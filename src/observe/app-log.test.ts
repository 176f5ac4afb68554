import { test } from "node:test";
import assert from "node:assert/strict";
import { createAppLog } from "./app-log.ts";
import type { AppLog, AppLogOptions } from "./app-log.ts";
import { EVENTS, FEATURE_FACTS } from "./names.ts";

function logInto(lines: string[], options: Partial<AppLogOptions>): AppLog {
  const now = (): number => Date.UTC(2026, 0, 2, 3, 4, 5, 6);
  return createAppLog({ level: "info", format: "json", now, write: (line) => lines.push(line), ...options });
}

test("JSON: each line is an object with the same keys as access lines", () => {
  const lines: string[] = [];
  const log = logInto(lines, {});
  log.warn("endpoint_unhealthy", "it is\ndown", { upstream: "app", attempts: 3 });
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /^[^\n]+\n$/);
  assert.deepEqual(JSON.parse(lines[0] ?? ""), {
    level: "warn",
    time: "2026-01-02T03:04:05.006Z",
    event: "endpoint_unhealthy",
    upstream: "app",
    attempts: 3,
    message: "it is\ndown",
  });
  assert.match(lines[0] ?? "", /^\{"time":"[^"]+","level":"warn","event":"/, "in the same places");
});

test("text: an event is one readable line, and nothing in it can begin another", () => {
  const lines: string[] = [];
  const log = logInto(lines, { format: "text" });
  log.error("endpoint_unhealthy", "it is\r\n\u001b[31mdown", { upstream: "app", reason: 'said "no"', attempts: 3 });
  assert.deepEqual(lines, [
    '2026-01-02T03:04:05.006Z ERROR endpoint_unhealthy it is\\x0d\\x0a\\x1b[31mdown upstream=app reason="said \\"no\\"" attempts=3\n',
  ]);
});

for (const format of ["json", "text"] as const) {
  test(`${format}: events below the level are not written`, () => {
    const lines: string[] = [];
    const log = logInto(lines, { format, level: "warn" });
    log.debug("starting", "a");
    log.info("starting", "b");
    log.warn("starting", "c");
    log.log("error", "starting", "d");
    assert.equal(lines.length, 2);
  });
}

test("every event has a sentence", () => {
  for (const [event, sentence] of [EVENTS, ...FEATURE_FACTS.map(({ events }) => events)].flatMap(Object.entries))
    assert.match(sentence, /^[A-Z].+\.$/, event);
});
