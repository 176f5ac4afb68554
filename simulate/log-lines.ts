/**
 * What the access log has to say: settings that differ between routes and configurations, and a model of them. Each exchange that ends must have its line,
 * or none, or one of a share of them; and a line holds what its settings choose, with the values of its own request. A request without a line is put on
 * record all the same, so that everything else about it is checked.
 */
import type { Config } from "../src/config/schema/schema.ts";
import type { RequestHead } from "../src/http/request-head.ts";
import type { Thread } from "../src/net/thread.ts";
import { STANDARD_SHAPE } from "../src/config/access-log/access-shape.ts";
import { AccessWriters, lineOf } from "../src/observe/access-line.ts";
import type { AccessRecord } from "../src/observe/access-record.ts";
import { NO_NOTES } from "../src/observe/request-notes.ts";
import type { EndedExchange } from "../src/proxy/exchange-thread.ts";
import type { Snapshot } from "../src/proxy/snapshot.ts";
import { idOf, targetOf } from "./plan.ts";
import type { RequestPlan } from "./plan.ts";

interface Settings {
  readonly fields?: readonly string[];
  readonly omit?: readonly string[];
  readonly request_headers?: readonly string[];
  readonly response_headers?: readonly string[];
  readonly sample?: { readonly share: number; readonly errors: boolean };
  readonly template?: string;
}
type Choice = boolean | Settings;

const HEADERS: Settings = { request_headers: ["X-Request"], response_headers: ["X-Answer"] };
/** `logging.access`, by the variant of the configuration. */
const ALL: readonly Choice[] = [
  true,
  { ...HEADERS, fields: ["standard", "scheme", "protocol", "query", "upstream"], omit: ["worker", "endpoint"] },
  { sample: { share: 60, errors: true } },
];
/** `access_log` of plain routes, by the variant. */
const OWN: Readonly<Record<string, readonly (Choice | undefined)[]>> = {
  a: [{ ...HEADERS, fields: ["client", "method", "path", "status", "outcome", "request_id", "trace_id"] }, false, true],
  b: [
    { sample: { share: 30, errors: false } },
    { omit: ["referer", "path"] },
    {
      sample: { share: 100, errors: false },
      template: '{client} "{method} {uri}" {status} {request_id} {header.X-Request} {response_header.X-Answer} {outcome}',
    },
  ],
  small: [false, { sample: { share: 0, errors: true } }, undefined],
};

/** The setting for all requests, as a line of YAML. */
export function logging(isChosen: boolean, variant: number): string {
  return `logging: { access: ${isChosen ? yamlOf(ALL[variant] ?? true) : true} }`;
}

/** The further keys of a plain route. */
export function routeLogging(isChosen: boolean, route: string, variant: number): string {
  const own = OWN[route]?.[variant];
  return isChosen && own !== undefined ? `, access_log: ${yamlOf(own)}` : "";
}

function yamlOf(choice: Choice): string {
  if (typeof choice === "boolean" || choice.sample === undefined) return JSON.stringify(choice);
  return JSON.stringify({ ...choice, sample: { ...choice.sample, share: `${choice.sample.share}%` } });
}

/** What holds for requests of that route; null: for those that no route has taken. */
function choiceFor(route: string | null, variant: number): Choice {
  const all = ALL[variant] ?? true;
  const own = route === null ? undefined : OWN[route]?.[variant];
  if (own === undefined) return all;
  if (own === true) return typeof all === "object" ? all : true;
  return typeof own === "object" && typeof all === "object" ? { ...all, ...own } : own;
}

/** Lines that clients add to requests, for the log to show. */
export function notedLines(id: number): string {
  return `User-Agent: sim/${id} "x"\r\nReferer: http://sim.test/from/${id}?secret=${id}\r\ntraceparent: 00-${traceOf(id)}-00000000000000a1-01\r\n`;
}

function traceOf(id: number): string {
  return id.toString(16).padStart(32, "0");
}

const STANDARD = [
  "client",
  "method",
  "host",
  "path",
  "status",
  "bytes_received",
  "bytes_sent",
  "duration_ms",
  "origin_head_ms",
  "endpoint",
  "route",
  "attempts",
  "outcome",
  "worker",
  "request_id",
  "trace_id",
  "user_agent",
  "referer",
];
/** Fields that are in a line only where they have a value. */
const WHERE_THERE = new Set(["origin_head_ms", "request_id", "trace_id", "user_agent", "referer", "query", "upstream"]);
const TEMPLATE = /^(\S+) "(\S+) (\S+)" (\d+) (\S+) (\S+) (\S+) (\S+)\n$/;
/** How far a share may be from what was drawn, in standard deviations: so far that chance alone never is. */
const DEVIATIONS_MAX = 5;

interface Around {
  readonly requests: ReadonlyMap<number, { readonly request: RequestPlan }>;
  /** Takes what would have been logged. */
  unlogged(record: AccessRecord): void;
  fail(message: string): void;
}

export class LogLines {
  /** The field X-Answer that the line of a request shows, by id; "": it shows none. */
  readonly answers: Map<number, string> = new Map();
  private readonly around: Around;
  private readonly isChosen: boolean;
  private readonly used: WeakMap<Snapshot, { readonly config: Config; readonly variant: number }> = new WeakMap();
  private readonly writers: Readonly<Record<"json" | "text", AccessWriters>> = {
    json: new AccessWriters("json"),
    text: new AccessWriters("text"),
  };
  /** What was logged since the current exchange, or refusal, began to end. */
  private readonly given: AccessRecord[] = [];
  /** By share in percent: how many exchanges there were of which that share gets a line, and how many got one. */
  private readonly shares: Map<number, { count: number; logged: number }> = new Map();

  constructor(around: Around, isChosen: boolean) {
    this.around = around;
    this.isChosen = isChosen;
  }

  /** The configuration that a snapshot was made of. */
  uses(snapshot: Snapshot, config: Config, variant: number): void {
    this.used.set(snapshot, { config, variant });
  }

  /** Wraps the thread's methods that count and log. */
  watch(thread: Thread): void {
    const finished = thread.exchangeFinished.bind(thread);
    thread.exchangeFinished = (exchange) => {
      this.given.length = 0;
      finished(exchange);
      if (exchange.isOfClient) this.check(exchange, thread.epochOffset);
      else if (this.given.length > 0) this.around.fail("a request of the proxy's own is logged");
    };
    const refused = thread.refused.bind(thread);
    thread.refused = (client, answer, head, ...rest) => {
      this.given.length = 0;
      refused(client, answer, head, ...rest);
      const { variant } = this.usedBy(thread.snapshot);
      if (this.isLogged(this.isChosen ? choiceFor(null, variant) : true, answer.status, "a refused request")) return;
      this.around.unlogged({ ...NOTHING, client, path: pathOf(head), status: answer.status, outcome: answer.reason });
    };
  }

  /** A line is to be written. */
  takes(record: AccessRecord): void {
    this.given.push(record);
  }

  /** What does not hold of the shares at the end of a run, in words. */
  get faults(): string[] {
    return [...this.shares].flatMap(([percent, { count, logged }]) => {
      const expected = (count * percent) / 100;
      const deviation = Math.sqrt(expected * (1 - percent / 100));
      return Math.abs(logged - expected) <= DEVIATIONS_MAX * deviation + 1
        ? []
        : [`${logged} of ${count} exchanges are logged of ${percent} %`];
    });
  }

  private usedBy(snapshot: Snapshot): { readonly config: Config; readonly variant: number } {
    const used = this.used.get(snapshot);
    if (used === undefined) throw new Error("an exchange ends under a configuration that was never in use");
    return used;
  }

  private check(exchange: EndedExchange, epochOffset: number): void {
    const { request, status, route } = exchange;
    const { config, variant } = this.usedBy(exchange.snapshot);
    const id = idOf(request.path);
    const plan = this.around.requests.get(id)?.request;
    const choice = this.isChosen ? choiceFor(route === null ? null : (plan?.route ?? null), variant) : true;
    if (!this.isLogged(choice, status, `request ${id} of ${route?.name ?? "no route"}`))
      return this.around.unlogged(recordOf(exchange, epochOffset));
    const [record] = this.given;
    if (!this.isChosen || record === undefined || plan === undefined) return;
    const text = config.logging.format === "text";
    const line = lineOf(this.writers[text ? "text" : "json"].for(record), record);
    const expected = expectedOf(record, plan, typeof choice === "object" ? choice : {}, upstreamOf(config, record.route));
    const said = typeof choice === "object" && choice.template !== undefined ? templateSays(line) : text ? textSays(line) : jsonSays(line);
    this.answers.set(id, said.get("response_headers.x-answer") ?? "");
    said.delete("response_headers.x-answer");
    // Of a split the line shows the side that was chosen, which nobody else knows.
    if (plan.route === "parted") for (const map of [said, expected]) map.delete("upstream");
    const fault = faultOfLine(said, expected);
    if (fault !== null) this.around.fail(`the line of request ${id} ${fault}: ${line}`);
  }

  /** Whether there was a line. Fails if there must be one, or must not. */
  private isLogged(choice: Choice, status: number, what: string): boolean {
    const { length: count } = this.given;
    const { share = 100, errors = false } = typeof choice === "object" ? (choice.sample ?? {}) : {};
    const isForced = choice !== false && (share === 100 || (errors && status >= 500));
    if (count > 1) this.around.fail(`${what} is logged ${count} times`);
    if (isForced && count === 0) this.around.fail(`${what} ends with ${status}, and is not logged`);
    if ((choice === false || (share === 0 && !errors)) && count > 0) this.around.fail(`${what} is logged, and is not to be`);
    // Of responses that were cut, the log alone knows whether that was an error.
    if (choice !== false && !isForced && !errors) {
      const seen = this.shares.get(share) ?? { count: 0, logged: 0 };
      this.shares.set(share, { count: seen.count + 1, logged: seen.logged + count });
    }
    return count > 0;
  }
}

const NOTHING: AccessRecord = {
  startedAtMs: 0,
  client: "",
  method: "",
  host: "",
  path: "",
  status: 0,
  bytesReceived: 0,
  bytesSent: 0,
  durationMs: 0,
  originHeadMs: -1,
  endpoint: "",
  route: "",
  attempts: 0,
  outcome: "",
  worker: 0,
  requestId: "",
  notes: NO_NOTES,
  shape: STANDARD_SHAPE,
  values: [],
};

function pathOf(head: RequestHead | null): string {
  return head === null ? "" : (head.target.split("?", 1)[0] ?? "");
}

function recordOf(exchange: EndedExchange, epochOffset: number): AccessRecord {
  const { startedAt, durationMs, client, request, status, attempts, outcome, givenId, route, endpoint } = exchange;
  return {
    ...NOTHING,
    client,
    path: request.path,
    status,
    attempts,
    outcome,
    durationMs,
    requestId: givenId,
    startedAtMs: startedAt + epochOffset,
    route: route?.name ?? "",
    endpoint: endpoint?.url ?? "",
  };
}

function upstreamOf({ routes }: Config, label: string): string {
  return routes.find(({ name }, index) => (name ?? `#${index + 1}`) === label)?.upstream ?? "";
}

/** What the line must hold, by name; fields of heads are called `request_headers.NAME`. */
function expectedOf(record: AccessRecord, plan: RequestPlan, choice: Settings, upstream: string): Map<string, string> {
  const { id, method, isOld } = plan;
  const [path = "", query = ""] = targetOf(plan).split("?");
  if (choice.template !== undefined) {
    return new Map(
      Object.entries({
        client: record.client,
        method,
        uri: targetOf(plan),
        status: String(record.status),
        outcome: record.outcome,
        request_id: record.requestId,
        "request_headers.x-request": String(id),
      }),
    );
  }
  const values: Readonly<Record<string, string | number>> = {
    client: record.client,
    method,
    host: "sim.test",
    path,
    status: record.status,
    endpoint: record.endpoint,
    route: record.route,
    bytes_received: record.bytesReceived,
    bytes_sent: record.bytesSent,
    duration_ms: record.durationMs.toFixed(3),
    origin_head_ms: record.originHeadMs < 0 ? "" : record.originHeadMs.toFixed(3),
    attempts: record.attempts,
    outcome: record.outcome,
    worker: 0,
    request_id: record.requestId,
    trace_id: traceOf(id),
    user_agent: `sim/${id} "x"`,
    referer: `http://sim.test/from/${id}`,
    scheme: "http",
    protocol: `HTTP/1.${isOld ? 0 : 1}`,
    query,
    upstream,
  };
  const fields = (choice.fields ?? ["standard"]).flatMap((field) => (field === "standard" ? STANDARD : [field]));
  const expected = new Map<string, string>();
  for (const field of fields) {
    const value = String(values[field] ?? "");
    if (choice.omit?.includes(field) !== true && !(value === "" && WHERE_THERE.has(field))) expected.set(field, value);
  }
  if (choice.request_headers !== undefined) expected.set("request_headers.x-request", String(id));
  return expected;
}

function jsonSays(line: string): Map<string, string> {
  const said = new Map<string, string>();
  const parsed = JSON.parse(line) as Readonly<Record<string, string | number | Readonly<Record<string, string>>>>;
  for (const [name, value] of Object.entries(parsed)) {
    if (typeof value === "number") said.set(name, name.endsWith("_ms") ? value.toFixed(3) : String(value));
    else if (typeof value === "string") said.set(name, value);
    else for (const [header, text] of Object.entries(value)) said.set(`${name}.${header}`, text);
  }
  for (const [name, value] of Object.entries({ level: "info", event: "access" })) if (said.get(name) === value) said.delete(name);
  if (/^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/.test(said.get("time") ?? "")) said.delete("time");
  return said;
}

const TEXT =
  /^\d{4}-\d\d-\d\dT[\d:.]{12}Z INFO {2}access(?: (\S+) "(\S+) ([^/" ]*)(\S+)" (\d+) received=(\d+) sent=(\d+) (\S+)ms)?((?: [^ =]+=(?:"(?:[^"\\]|\\.)*"|[^ "]+))*)\n$/;
const FIRST = ["client", "method", "host", "path", "status", "bytes_received", "bytes_sent", "duration_ms"] as const;

/** Lines that have all fields begin with some of them that have no names. */
function textSays(line: string): Map<string, string> {
  const found = TEXT.exec(line) ?? [];
  const said = new Map<string, string>();
  FIRST.forEach((name, index) => {
    const value = found[index + 1];
    if (value !== undefined) said.set(name, value);
  });
  for (const [, name = "", quoted, bare = ""] of (found.at(-1) ?? "").matchAll(/ ([^ =]+)=(?:"((?:[^"\\]|\\.)*)"|([^ "]+))/g))
    said.set(NAMES[name] ?? name, quoted === undefined ? textOf(name, bare) : quoted.replace(/\\(.)/g, "$1"));
  return said;
}

/** Fields that lines with all of them call by another name. */
const NAMES: Readonly<Record<string, string>> = { origin: "origin_head_ms" };

function textOf(name: string, bare: string): string {
  return bare === "-" ? "" : name === "origin" ? bare.replace(/ms$/, "") : bare;
}

function templateSays(line: string): Map<string, string> {
  const [, ...values] = TEMPLATE.exec(line) ?? [];
  const names = ["client", "method", "uri", "status", "request_id", "request_headers.x-request", "response_headers.x-answer", "outcome"];
  return new Map(values.map((value, index) => [names[index] ?? "", value === "-" ? "" : value]));
}

/** What a line says wrongly, in words; null if nothing. */
function faultOfLine(said: ReadonlyMap<string, string>, expected: ReadonlyMap<string, string>): string | null {
  for (const [name, value] of expected) if (said.get(name) !== value) return `has ${name} ${said.get(name)} and not ${value}`;
  for (const [name, value] of said) if (!expected.has(name)) return `has ${name} ${value}, which was not chosen`;
  return null;
}
