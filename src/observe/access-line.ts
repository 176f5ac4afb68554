/**
 * One access log line per exchange, JSON or text. Pure: the time is in the record.
 *
 * Every line is ASCII: whatever a client sends comes in as latin1 text, and all but printable ASCII is escaped (`\u001b` in JSON,
 * `\x1b` in text). So no request can break a line, forge one or drive a terminal, the output is valid UTF-8 whatever the bytes were,
 * and a line's length is its size in bytes.
 *
 * A line costs about 0.6 microseconds: the parts that repeat are kept, no JSON.stringify unless a value needs it, a Date once a second, no
 * float formatting. Writing bytes instead of text was slower (docs/decisions/0007-access-log-on-or-off.md).
 */
export interface AccessRecord {
  /** Epoch milliseconds. */
  readonly startedAtMs: number;
  /** Address without port, after trusted_proxies. */
  readonly client: string;
  readonly method: string;
  readonly host: string;
  /** Without the query, which may hold secrets. */
  readonly path: string;
  /** Of the answer, also where the client did not wait for its end; 499: the client left before there was one. */
  readonly status: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly durationMs: number;
  /** Milliseconds until the endpoint's response head; -1: there was none. */
  readonly originHeadMs: number;
  /** URL of the endpoint that answered; "" for none. */
  readonly endpoint: string;
  readonly route: string;
  readonly attempts: number;
  /** How it ended, one word: `completed`, `rate_limited`, `client_gone` ... */
  readonly outcome: string;
  readonly worker: number;
}

export type AccessFormat = "json" | "text";

/** Longest path and longest other text that are logged, in characters; heads may be allowed to be much larger. */
export const LOGGED_PATH_MAX = 2048;
/** A host name has no more (RFC 1035 section 2.3.4). */
const LOGGED_TEXT_MAX = 255;

/** Formats lines; it keeps the text of the current second, so use one per thread. */
export class AccessLines {
  private readonly format: AccessFormat;
  private second: number = NaN;
  /** `2026-11-23T10:00:00.` */
  private prefix: string = "";
  /** Parts of the last JSON line, and what they were made of; each joined, so that it is one piece when lines are. */
  private before: string = "";
  private client: string | null = null;
  private method: string = "";
  private host: string = "";
  private after: string = "";
  private endpoint: string | null = null;
  private route: string = "";
  private attempts: number = 0;
  private outcome: string = "";
  private worker: number = 0;

  constructor(format: AccessFormat) {
    this.format = format;
  }

  /** The finished line, ending in a line feed. */
  line(record: AccessRecord): string {
    const path = cut(record.path, LOGGED_PATH_MAX);
    return this.format === "json" ? this.json(record, path) : this.plain(record, path);
  }

  /** Joined by `+`, which takes texts as they are; a template would first turn each part into a text by a call. */
  private json(r: AccessRecord, path: string): string {
    const head = '{"time":"' + this.time(r.startedAtMs) + this.jsonBefore(r) + quoted(path);
    const bytes = jsonStatus(r.status) + decimal(r.bytesReceived) + ',"bytes_sent":' + decimal(r.bytesSent);
    const origin = r.originHeadMs < 0 ? "" : milliseconds(ORIGIN_HEAD, r.originHeadMs);
    return head + bytes + milliseconds(DURATION, r.durationMs) + origin + this.jsonAfter(r);
  }

  /** From the time to the path; one client's requests differ in neither. */
  private jsonBefore(r: AccessRecord): string {
    if (r.client !== this.client || r.method !== this.method || r.host !== this.host) {
      this.client = r.client;
      this.method = r.method;
      this.host = r.host;
      const [client, method, host] = [r.client, r.method, r.host].map((text) => quoted(cut(text, LOGGED_TEXT_MAX)));
      this.before = [
        'Z","level":"info","event":"access","client":"',
        client,
        '","method":"',
        method,
        '","host":"',
        host,
        '","path":"',
      ].join("");
    }
    return this.before;
  }

  /** From the endpoint to the end; most exchanges of a route end alike. */
  private jsonAfter(r: AccessRecord): string {
    if (
      r.endpoint !== this.endpoint ||
      r.route !== this.route ||
      r.attempts !== this.attempts ||
      r.outcome !== this.outcome ||
      r.worker !== this.worker
    ) {
      this.endpoint = r.endpoint;
      this.route = r.route;
      this.attempts = r.attempts;
      this.outcome = r.outcome;
      this.worker = r.worker;
      const [endpoint, route, outcome] = [r.endpoint, r.route, r.outcome].map(quoted);
      this.after = [
        `,"endpoint":"${endpoint}","route":"${route}","attempts":${r.attempts}`,
        `,"outcome":"${outcome}","worker":${r.worker}}\n`,
      ].join("");
    }
    return this.after;
  }

  private plain(r: AccessRecord, path: string): string {
    return (
      `${this.time(r.startedAtMs)}Z INFO  access ${bare(r.client)} "${inQuotes(cut(r.method, LOGGED_TEXT_MAX))} ${inQuotes(cut(r.host, LOGGED_TEXT_MAX))}${inQuotes(path)}" ${r.status} ` +
      `received=${r.bytesReceived} sent=${r.bytesSent} ${milliseconds(PLAIN, r.durationMs)}ms` +
      `${r.originHeadMs < 0 ? "" : ` origin=${milliseconds(PLAIN, r.originHeadMs)}ms`} endpoint=${bare(r.endpoint)} route=${bare(r.route)} ` +
      `attempts=${r.attempts} outcome=${bare(r.outcome)} worker=${r.worker}\n`
    );
  }

  /** RFC 3339 in UTC with milliseconds, but for the Z at its end. */
  private time(epochMs: number): string {
    const second = Math.floor(epochMs / 1000);
    if (second !== this.second) {
      this.second = second;
      this.prefix = new Date(second * 1000).toISOString().slice(0, 20);
    }
    return this.prefix + (THOUSANDTHS[Math.floor(epochMs - second * 1000)] ?? "000");
  }
}

const SMALL: readonly string[] = Array.from({ length: 1000 }, (_, i) => String(i));
const THOUSANDTHS: readonly string[] = Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, "0"));

/** A whole number; for most of them the text is there already. */
function decimal(value: number): string {
  return SMALL[value] ?? String(value);
}

/** What stands before a duration, and the texts of both for most of them; each joined, see above. */
interface Milliseconds {
  readonly before: string;
  readonly whole: readonly string[];
}

function millisecondsBehind(before: string): Milliseconds {
  return { before, whole: SMALL.map((whole) => [before, whole, "."].join("")) };
}

const PLAIN = millisecondsBehind("");
const DURATION = millisecondsBehind(',"duration_ms":');
const ORIGIN_HEAD = millisecondsBehind(',"origin_head_ms":');

/** A duration with three decimals, by integers: formatting a double costs several times as much. */
function milliseconds({ before, whole }: Milliseconds, durationMs: number): string {
  const micros = Math.round(durationMs * 1000);
  const millis = Math.floor(micros / 1000);
  return (whole[millis] ?? before + millis + ".") + (THOUSANDTHS[micros - millis * 1000] ?? "000");
}

/** From the end of the path to the bytes. */
function jsonStatus(status: number): string {
  return STATUS[status] ?? statusPart(status);
}

function statusPart(status: number | string): string {
  return ['","status":', status, ',"bytes_received":'].join("");
}

const STATUS: readonly string[] = SMALL.map(statusPart);

function cut(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max)}...` : text;
}

const NEEDS_ESCAPE = /[^ !#-[\]-~]/;
const NEEDS_ESCAPE_BARE = /[^!#-[\]-~]/;

/** The inside of a JSON string. */
function quoted(text: string): string {
  return NEEDS_ESCAPE.test(text)
    ? JSON.stringify(text)
        .slice(1, -1)
        .replace(/[^ -~]/g, unicodeEscape)
    : text;
}

/** The inside of a quoted word of a text line. */
function inQuotes(text: string): string {
  return NEEDS_ESCAPE.test(text) ? escaped(text) : text;
}

/** A word of a text line that stands alone; `-` where there is none. */
function bare(text: string): string {
  if (text === "") return "-";
  return NEEDS_ESCAPE_BARE.test(text) ? `"${escaped(text)}"` : text;
}

function escaped(text: string): string {
  return text.replace(/["\\]/g, "\\$&").replace(/[^ -~]/g, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : unicodeEscape(char);
  });
}

function unicodeEscape(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
