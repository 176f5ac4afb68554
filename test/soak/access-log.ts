/** Reads the proxy's log after the run: one line for each exchange, none broken, none of an error. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Books, Expected } from "./books.ts";

export interface LogCount {
  /** Access lines. */
  readonly lines: number;
  /** Lines that the books know for certain, and those that may be there or not. */
  readonly certain: number;
  readonly possible: number;
}

const BAD_WORDS = /uncaught|unhandled|assert/i;

export function hasBadWord(text: string): boolean {
  return BAD_WORDS.test(text);
}

export async function checkLog(file: string, books: Books): Promise<LogCount> {
  const seen = new Map<string, number>();
  let lines = 0;
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    const record = parse(text);
    if (record === null) books.violation(`a log line is no JSON object: ${text.slice(0, 200)}`);
    else if (record["event"] !== "access") checkEvent(record, text, books);
    else {
      lines++;
      const path = pathOf(record);
      seen.set(path, (seen.get(path) ?? 0) + 1);
      if (path !== "") checkRecord(record, path, books);
    }
  }
  return { lines, ...checkCounts(seen, books) };
}

function checkRecord(record: Readonly<Record<string, unknown>>, path: string, books: Books): void {
  const expected = books.expected.get(path);
  if (expected === undefined) return books.violation(`the log names ${path}, which nobody asked for`);
  if (expected.status !== 0 && record["status"] !== expected.status)
    books.violation(`${expected.name}: the log says ${String(record["status"])}, the client saw ${expected.status}`);
  if (expected.completed !== null && (record["outcome"] === "completed") !== expected.completed)
    books.violation(`${expected.name}: the log calls it ${String(record["outcome"])}`);
}

function checkCounts(seen: ReadonlyMap<string, number>, books: Books): Pick<LogCount, "certain" | "possible"> {
  const wanted: Record<Expected["line"], number> = { one: 0, nameless: 0, none: 0, maybe: 0, "maybe nameless": 0 };
  for (const [path, { line, name }] of books.expected) {
    wanted[line]++;
    const count = seen.get(path) ?? 0;
    const right = line === "one" ? count === 1 : line === "maybe" ? count <= 1 : count === 0;
    if (!right) books.violation(`${name}: ${count} log lines, expected: ${line}`);
  }
  const nameless = seen.get("") ?? 0;
  const perhaps = wanted["maybe nameless"];
  if (nameless < wanted.nameless || nameless > wanted.nameless + perhaps)
    books.violation(`${nameless} log lines without a path instead of ${wanted.nameless} to ${wanted.nameless + perhaps}`);
  return { certain: wanted.one + wanted.nameless, possible: wanted.maybe + perhaps };
}

function checkEvent(record: Readonly<Record<string, unknown>>, text: string, books: Books): void {
  const level = record["level"];
  if (level === "error" || level === "fatal" || hasBadWord(text)) books.violation(`in the log: ${text.slice(0, 400)}`);
}

/** Of a request in absolute-form too. */
function pathOf(record: Readonly<Record<string, unknown>>): string {
  return String(record["path"]).replace(/^http:\/\/[^/]*/, "");
}

function parse(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}
