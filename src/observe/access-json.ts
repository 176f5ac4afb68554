import { Buffer } from "node:buffer";
import type { AccessShape } from "../config/access-log/access-shape.ts";
import type { AccessLines, AccessRecord } from "./access-record.ts";
import { furtherJson } from "./further-values.ts";
import { LOGGED_AGENT_MAX, LOGGED_PATH_MAX, LOGGED_TEXT_MAX, cut, quoted } from "./log-escapes.ts";
import { NO_NOTES } from "./request-notes.ts";
import type { RequestNotes } from "./request-notes.ts";

/**
 * Access log lines as JSON. Each line is written over the one before it, and most of that one stays: requests of one client share everything
 * before the path, and exchanges of one route have the same end. Only the numbers change each time; they are written as bytes, without
 * making a text. Parts are written from left to right, so a part whose place is the same as in the last line is still there and is not
 * written again.
 *
 * ```text
 *   {"time":"2026-11-23T10:00:00.   007   Z", ... "path":"   /a","status":   200 ... 9.004   ,"endpoint": ... }
 *   |------ second, client, method, host: before -----------|---- path -----|--- numbers ---|------ end ------|-- ids --|-- agent --|
 * ```
 */
export class JsonLines implements AccessLines {
  bytes: Buffer = Buffer.alloc(1024);
  private second: number = NaN;
  private client: string = "";
  private method: string = "";
  private host: string = "";
  /** Where the path begins in the buffer. */
  private pathAt: number = 0;
  /** The path in the buffer; null when it must be written. */
  private path: string | null = null;
  private numbersAt: number = 0;
  /** Where the names of the numbers, and the end, begin in the last line; -1 when they must be written. */
  private receivedAt: number = -1;
  private sentAt: number = -1;
  private durationAt: number = -1;
  private originAt: number = -1;
  private endAt: number = -1;
  private end: Buffer = Buffer.alloc(0);
  private endpoint: string | null = null;
  private route: string = "";
  private attempts: number = 0;
  private outcome: string = "";
  private worker: number = 0;
  /** The same of what follows the end. */
  private requestIdAt: number = -1;
  private traceIdAt: number = -1;
  private agentAt: number = -1;
  private agent: Buffer = NO_AGENT;
  private notes: RequestNotes = NO_NOTES;
  private readonly showsRequestId: boolean;
  private readonly showsTraceId: boolean;
  private readonly showsAgent: boolean;
  private readonly showsReferer: boolean;
  private readonly hasMore: boolean;

  constructor({ fields, inputs }: AccessShape) {
    this.showsRequestId = fields.has("request_id");
    this.showsTraceId = fields.has("trace_id");
    this.showsAgent = fields.has("user_agent");
    this.showsReferer = fields.has("referer");
    this.hasMore = inputs.length > 0;
  }

  write(r: AccessRecord): number {
    const second = Math.floor(r.startedAtMs / 1000);
    if (second !== this.second || r.client !== this.client || r.method !== this.method || r.host !== this.host) this.writeBefore(r, second);
    if (r.path !== this.path) this.writePath(r.path);
    if (
      r.endpoint !== this.endpoint ||
      r.route !== this.route ||
      r.attempts !== this.attempts ||
      r.outcome !== this.outcome ||
      r.worker !== this.worker
    ) {
      this.makeEnd(r);
    }
    const { bytes, end } = this;
    writeThousandths(bytes, MILLISECONDS_AT, Math.floor(r.startedAtMs - second * 1000));
    let at = writeWhole(bytes, this.numbersAt, r.status);
    if (at !== this.receivedAt) bytes.set(BYTES_RECEIVED, (this.receivedAt = at));
    at = writeWhole(bytes, at + BYTES_RECEIVED.length, r.bytesReceived);
    if (at !== this.sentAt) bytes.set(BYTES_SENT, (this.sentAt = at));
    at = writeWhole(bytes, at + BYTES_SENT.length, r.bytesSent);
    if (at !== this.durationAt) bytes.set(DURATION, (this.durationAt = at));
    at = writeMilliseconds(bytes, at + DURATION.length, r.durationMs);
    if (r.originHeadMs >= 0) {
      if (at !== this.originAt) bytes.set(ORIGIN_HEAD, (this.originAt = at));
      at = writeMilliseconds(bytes, at + ORIGIN_HEAD.length, r.originHeadMs);
    } else this.originAt = -1;
    if (at !== this.endAt) bytes.set(end, (this.endAt = at));
    return this.writeIds(r, at + end.length);
  }

  /** Writes what a line may have after its end, and gives the length of the line. */
  private writeIds(r: AccessRecord, endAt: number): number {
    const requestId = this.showsRequestId ? r.requestId : "";
    const traceId = this.showsTraceId ? r.notes.traceId : "";
    let at = endAt;
    if (requestId !== "") at = this.writeId(REQUEST_ID, requestId, at, at === this.requestIdAt);
    this.requestIdAt = requestId === "" ? -1 : endAt;
    const traceAt = at;
    if (traceId !== "") at = this.writeId(TRACE_ID, traceId, at, at === this.traceIdAt);
    this.traceIdAt = traceId === "" ? -1 : traceAt;
    if (r.notes !== this.notes) this.makeAgent(r.notes);
    if (this.hasMore) at = this.writeMore(furtherJson(r), at);
    const { agent } = this;
    if (at !== this.agentAt) this.bytes.set(agent, (this.agentAt = at));
    return at + agent.length;
  }

  /** @param isNamed whether the name is there already */
  private writeId(name: Buffer, id: string, at: number, isNamed: boolean): number {
    if (!isNamed) this.bytes.set(name, at);
    const end = at + name.length + this.bytes.write(quoted(cut(id, LOGGED_TEXT_MAX)), at + name.length, "latin1");
    this.bytes[end] = QUOTE;
    return end + 1;
  }

  /** Writes what is put together for this line alone. */
  private writeMore(more: string, at: number): number {
    const wanted = at + more.length + this.agent.length;
    if (wanted > this.bytes.length) this.grow(wanted);
    return at + this.bytes.write(more, at, "latin1");
  }

  private makeAgent(notes: RequestNotes): void {
    const before = this.notes;
    this.notes = notes;
    if (notes.userAgent === before.userAgent && notes.referer === before.referer) return;
    const agent = notes.userAgent === "" || !this.showsAgent ? "" : `,"user_agent":"${quoted(cut(notes.userAgent, LOGGED_AGENT_MAX))}"`;
    const referer = notes.referer === "" || !this.showsReferer ? "" : `,"referer":"${quoted(cut(notes.referer, LOGGED_PATH_MAX))}"`;
    this.agent = Buffer.from(`${agent}${referer}}\n`, "latin1");
    this.agentAt = -1;
    this.makeRoom(this.numbersAt);
  }

  private writeBefore(r: AccessRecord, second: number): void {
    this.second = second;
    this.client = r.client;
    this.method = r.method;
    this.host = r.host;
    const [client, method, host] = [r.client, r.method, r.host].map((text) => quoted(cut(text, LOGGED_TEXT_MAX)));
    const time = new Date(second * 1000).toISOString();
    const text = `${TIME}${time}","level":"info","event":"access","client":"${client}","method":"${method}","host":"${host}","path":"`;
    this.makeRoom(text.length);
    this.pathAt = this.bytes.write(text, 0, "latin1");
    this.path = null;
  }

  private writePath(path: string): void {
    this.path = path;
    const text = quoted(cut(path, LOGGED_PATH_MAX));
    this.makeRoom(this.pathAt + text.length + STATUS.length);
    const end = this.pathAt + this.bytes.write(text, this.pathAt, "latin1");
    this.bytes.set(STATUS, end);
    this.numbersAt = end + STATUS.length;
  }

  private makeEnd(r: AccessRecord): void {
    this.endpoint = r.endpoint;
    this.route = r.route;
    this.attempts = r.attempts;
    this.outcome = r.outcome;
    this.worker = r.worker;
    const [endpoint, route, outcome] = [r.endpoint, r.route, r.outcome].map(quoted);
    const text = `,"endpoint":"${endpoint}","route":"${route}","attempts":${r.attempts},"outcome":"${outcome}","worker":${r.worker}`;
    this.end = Buffer.from(text, "latin1");
    this.endAt = -1;
    this.makeRoom(this.numbersAt);
  }

  /** Makes the buffer large enough for `length` bytes, and the numbers, the end and all after it. */
  private makeRoom(length: number): void {
    const wanted = length + NUMBERS_BYTES_MAX + this.end.length + IDS_BYTES_MAX + this.agent.length;
    if (wanted > this.bytes.length) this.grow(wanted);
  }

  private grow(wanted: number): void {
    const larger = Buffer.alloc(2 * wanted);
    this.bytes.copy(larger);
    this.bytes = larger;
  }
}

const TIME = '{"time":"';
const MILLISECONDS_AT = TIME.length + "2026-11-23T10:00:00.".length;
const STATUS = Buffer.from('","status":');
const BYTES_RECEIVED = Buffer.from(',"bytes_received":');
const BYTES_SENT = Buffer.from(',"bytes_sent":');
const DURATION = Buffer.from(',"duration_ms":');
const ORIGIN_HEAD = Buffer.from(',"origin_head_ms":');
const REQUEST_ID = Buffer.from(',"request_id":"');
const TRACE_ID = Buffer.from(',"trace_id":"');
const NO_AGENT = Buffer.from("}\n");
/** The names of the numbers, and the numbers, each of which JavaScript writes with at most 24 characters. */
const NUMBERS_BYTES_MAX = 256;
/** Both ids with their names. A request id may have as many characters as any text, each of which is escaped with six. */
const IDS_BYTES_MAX = 2048;

const QUOTE = 0x22;
const ZERO = 0x30;
const POINT = 0x2e;

/** Writes a number without a fraction at `at`; gives the offset after it. */
function writeWhole(bytes: Buffer, at: number, value: number): number {
  if (!(value >= 0 && value <= 0x7fffffff)) return at + bytes.write(String(value), at, "latin1");
  let rest = value | 0;
  let width = 1;
  for (let limit = 10; rest >= limit && width < 10; limit *= 10) width++;
  for (let index = at + width - 1; index >= at; index--) {
    const tens = (rest / 10) | 0;
    bytes[index] = ZERO + rest - tens * 10;
    rest = tens;
  }
  return at + width;
}

/** Writes a number of milliseconds with three decimals at `at`; gives the offset after it. */
function writeMilliseconds(bytes: Buffer, at: number, ms: number): number {
  const micros = Math.round(ms * 1000);
  const whole = Math.floor(micros / 1000);
  const point = writeWhole(bytes, at, whole);
  bytes[point] = POINT;
  writeThousandths(bytes, point + 1, micros - whole * 1000);
  return point + 4;
}

/** Writes a number from 0 to 999 as three digits. */
function writeThousandths(bytes: Uint8Array, at: number, value: number): void {
  const hundreds = (value / 100) | 0;
  const tens = ((value / 10) | 0) - hundreds * 10;
  bytes[at] = ZERO + hundreds;
  bytes[at + 1] = ZERO + tens;
  bytes[at + 2] = ZERO + (value | 0) - hundreds * 100 - tens * 10;
}
