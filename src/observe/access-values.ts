/** The values of a line of the access log as texts: for lines that the configuration has chosen, and for templates. */
import type { AccessInput } from "../config/access-log/access-shape.ts";
import type { StandardField } from "../config/access-log/access-fields.ts";
import type { AccessRecord } from "./access-record.ts";
import { LOGGED_AGENT_MAX, LOGGED_PATH_MAX, LOGGED_TEXT_MAX, cut } from "./log-escapes.ts";
import { milliseconds } from "./log-time.ts";

/** Fields whose values are numbers in JSON. */
export const NUMBERS: ReadonlySet<StandardField> = new Set<StandardField>([
  "status",
  "bytes_received",
  "bytes_sent",
  "duration_ms",
  "origin_head_ms",
  "attempts",
  "worker",
]);

/** Fields that stand in a line only where the exchange has them. */
export const OPTIONAL: ReadonlySet<StandardField> = new Set<StandardField>([
  "origin_head_ms",
  "request_id",
  "trace_id",
  "user_agent",
  "referer",
]);

/** The value of a field, cut where it is long, without escapes; "": there is none. */
export function valueIn(record: AccessRecord, field: StandardField): string {
  return VALUES[field](record);
}

const VALUES: Readonly<Record<StandardField, (r: AccessRecord) => string>> = {
  client: (r) => cut(r.client, LOGGED_TEXT_MAX),
  method: (r) => cut(r.method, LOGGED_TEXT_MAX),
  host: (r) => cut(r.host, LOGGED_TEXT_MAX),
  path: (r) => cut(r.path, LOGGED_PATH_MAX),
  status: (r) => `${r.status}`,
  bytes_received: (r) => `${r.bytesReceived}`,
  bytes_sent: (r) => `${r.bytesSent}`,
  duration_ms: (r) => milliseconds(r.durationMs),
  origin_head_ms: (r) => (r.originHeadMs < 0 ? "" : milliseconds(r.originHeadMs)),
  endpoint: (r) => r.endpoint,
  route: (r) => r.route,
  attempts: (r) => `${r.attempts}`,
  outcome: (r) => r.outcome,
  worker: (r) => `${r.worker}`,
  request_id: (r) => cut(r.requestId, LOGGED_TEXT_MAX),
  trace_id: (r) => cut(r.notes.traceId, LOGGED_TEXT_MAX),
  user_agent: (r) => cut(r.notes.userAgent, LOGGED_AGENT_MAX),
  referer: (r) => cut(r.notes.referer, LOGGED_PATH_MAX),
};

/** The value of the input at that position, cut where it is long. */
export function inputIn({ values }: AccessRecord, input: AccessInput, position: number): string {
  const isHeader = input.kind === "request_headers" || input.kind === "response_headers";
  return cut(values[position] ?? "", isHeader ? LOGGED_AGENT_MAX : LOGGED_PATH_MAX);
}
