/** Compares what `explain` says of a request with what the proxy does. */
import assert from "node:assert/strict";
import { parseConfig } from "../../src/config/load.ts";
import { routeLabel } from "../../src/config/checks/route-label.ts";
import { Explainer } from "../../src/explain/explainer.ts";
import type { Course } from "../../src/explain/explainer.ts";
import { MemoryFiles } from "../../src/testing/memory-files.ts";
import { CONFIG, ENVIRONMENT, FILES } from "./config.ts";
import type { LiveCourse } from "./live.ts";
import type { DrawnRequest } from "./requests.ts";

export async function startExplainer(): Promise<Explainer> {
  const readFile = (name: string): string => FILES[name] ?? assert.fail(`there is no file ${name}`);
  const readBytes = (name: string): Uint8Array => new TextEncoder().encode(readFile(name));
  const parsed = parseConfig(CONFIG, "config", ENVIRONMENT, readFile);
  assert.ok("config" in parsed, JSON.stringify(parsed));
  return await Explainer.of(parsed.config, ENVIRONMENT, { readFile, readBytes, files: new MemoryFiles(() => FILES, 0) });
}

/** What `explain` says. Null: there is no such request, but only a wrong argument. */
export async function explained(explainer: Explainer, { method, target, fields, client }: DrawnRequest): Promise<Course | null> {
  // Other targets than these are no argument of `explain`, which takes a URL or a path.
  if (!target.startsWith("/") && target !== "*") return null;
  const course = await explainer.courseOf({ method, url: target, fields, client });
  return typeof course === "string" ? assert.fail(course) : course;
}

/** Fails where the two differ. Returns what they agree on, in a word. */
export function assertAgree(course: Course, live: LiveCourse): string {
  const { route, end } = course;
  assert.equal(live.log["route"] ?? "", route === null ? "" : routeLabel(route.config, route.position), "the route");
  const [, status = ""] = /^HTTP\/1\.1 (\d{3})/.exec(live.head) ?? [];
  if (end.kind === "upstream") {
    assert.ok(live.sent !== null, `no endpoint got it, and the answer is ${live.head}`);
    const sides = route?.split?.sides ?? [];
    const isByChance = sides.length > 0 && sides.every(({ taken }) => !taken);
    if (isByChance && live.sent.upstream !== end.upstream) {
      assert.ok(
        sides.some(({ upstream, share }) => upstream === live.sent?.upstream && share > 0),
        "the side of the split",
      );
      return "by chance";
    }
    assert.equal(live.sent.upstream, end.upstream, "the upstream");
    assert.deepEqual(linesOf(live.sent.head, route?.config.buffer !== undefined), linesOf(end.head, route?.config.buffer !== undefined));
    assert.equal(status, "200");
    return end.upgrade === "" ? "upstream" : "upgrade";
  }
  assert.equal(live.sent, null, "an endpoint got it");
  if (end.kind === "file") {
    assert.match(status, /^20[06]$/, "the status of the file");
    return "file";
  }
  assert.equal(Number(status), end.answer.status, "the status");
  assert.deepEqual(linesOf(live.head.slice(live.head.indexOf("\r\n") + 2)), linesOf(end.lines), "the fields of the answer");
  assert.equal(withoutIds(live.body), withoutIds(end.body), "the body of the answer");
  return String(end.answer.status);
}

/**
 * The lines of a head, without what differs from one exchange to the next: dates, ids and what is about one connection.
 * @param isHeld the body may have got another framing by being held
 */
function linesOf(head: string, isHeld: boolean = false): string[] {
  const lines = head.split("\r\n").filter((line) => line !== "" && !/^(?:date|connection):/i.test(line));
  const kept = isHeld ? lines.filter((line) => !/^(?:content-length|transfer-encoding):/i.test(line)) : lines;
  return kept.map(withoutIds);
}

function withoutIds(text: string): string {
  return text.replace(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, "ID");
}
