/** Operations: writing the access log line of an exchange into the batch, as a worker does. */
import { STANDARD_SHAPE } from "../../src/config/access-log/access-shape.ts";
import { accessLines } from "../../src/observe/access-line.ts";
import type { AccessFormat } from "../../src/observe/access-line.ts";
import type { AccessRecord } from "../../src/observe/access-record.ts";
import { NO_NOTES } from "../../src/observe/request-notes.ts";
import type { RequestNotes } from "../../src/observe/request-notes.ts";
import { LogBatch, createLogMemory } from "../../src/observe/log-batch.ts";
import { nth, variants } from "./messages.ts";
import type { Operation, Run } from "./operation.ts";

export const log: readonly Operation[] = [
  { name: "log/json", about: "a JSON line, written into the batch", prepare: () => lines("json") },
  { name: "log/agent", about: "the same with User-Agent and Referer", prepare: () => lines("json", AGENT) },
  { name: "log/text", about: "a text line, written into the batch", prepare: () => lines("text") },
];

const NO_VALUES: readonly string[] = [];

const AGENT: RequestNotes = {
  userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
  referer: "https://shop.example.com/catalogue/",
  traceId: "",
};

function lines(format: AccessFormat, notes: RequestNotes = NO_NOTES): Run {
  const formatter = accessLines(format);
  const batch: LogBatch = new LogBatch(createLogMemory(), (chunk) => batch.taken(chunk));
  const paths = variants((variant) => `/catalogue/items/${1000 + variant}`);
  return (count) => {
    let logged = 0;
    for (let n = 0; n < count; n++) {
      const length = formatter.write(record(n, nth(paths, n), notes));
      if (batch.add(formatter.bytes, length)) logged++;
    }
    if (logged !== count) throw new Error("a line was dropped");
    return logged;
  };
}

/** An access record as a thread fills it after an exchange; durations are fractions of a millisecond. */
function record(n: number, path: string, notes: RequestNotes): AccessRecord {
  const durationMs = 0.25 + (n & 255) * 0.013;
  return {
    startedAtMs: 1_790_000_000_000 + n * 0.03125,
    client: "203.0.113.7",
    method: "GET",
    host: "shop.example.com",
    path,
    status: 200,
    bytesReceived: 893,
    bytesSent: 441 + (n & 7),
    durationMs,
    originHeadMs: durationMs - 0.1,
    endpoint: "http://10.0.0.1:8080",
    route: "catalogue",
    attempts: 1,
    outcome: "completed",
    worker: 0,
    requestId: "",
    notes,
    shape: STANDARD_SHAPE,
    values: NO_VALUES,
  };
}
