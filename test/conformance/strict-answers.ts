/** Reads what Millrace gave to a client, as strictly as `strict-requests.ts` reads what it gave to the origin. */
import { framingOf, lineAt, readBody } from "./strict-body.ts";
import { listMembers, readFields, valuesOf } from "./strict-grammar.ts";
import type { Field } from "./strict-grammar.ts";

/** One response, an interim one too. */
export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly fields: readonly Field[];
  readonly body: string;
  readonly trailers: string;
  readonly framing: "none" | "length" | "chunked" | "close";
  /** `Connection: close` */
  readonly close: boolean;
  /** All of its body came. */
  readonly complete: boolean;
}

export interface AnswerReading {
  readonly answers: readonly Answer[];
  readonly fault: string | null;
  /** Bytes behind the last answer: an unfinished head, or what follows a 101. */
  readonly rest: string;
}

/**
 * `methods`: those of the requests answered, in order; GET behind the last. `ended`: the other side closed the connection, so an
 * unfinished last answer is given too, as not complete.
 */
export function readAnswers(bytes: string, methods: readonly string[], ended: boolean): AnswerReading {
  const answers: Answer[] = [];
  let at = 0;
  let finals = 0;
  while (at < bytes.length) {
    const one = readAnswer(bytes, at, methods[finals] ?? "GET", ended);
    if ("fault" in one) return { answers, fault: one.fault, rest: bytes.slice(at) };
    if ("more" in one) break;
    answers.push(one.answer);
    at = one.end;
    if (one.answer.status >= 200) finals++;
    if (one.answer.status === 101) break;
  }
  return { answers, fault: null, rest: bytes.slice(at) };
}

export function finalsOf(reading: AnswerReading): Answer[] {
  return reading.answers.filter(({ status }) => status >= 200 || status === 101);
}

type OneReading = { readonly answer: Answer; readonly end: number } | { readonly more: true } | { readonly fault: string };

function readAnswer(bytes: string, start: number, method: string, ended: boolean): OneReading {
  const headEnd = bytes.indexOf("\r\n\r\n", start);
  if (headEnd < 0) return { more: true };
  const head = bytes.slice(start, headEnd + 4);
  const statusLine = lineAt(head, 0) ?? "";
  const status = Number(/^HTTP\/1\.1 ([1-5][0-9][0-9]) [\t\x20-\x7e\x80-\xff]*$/.exec(statusLine)?.[1] ?? 0);
  if (status === 0) return { fault: `status line ${JSON.stringify(statusLine.slice(0, 200))}` };
  const fields = readFields(head.split("\r\n").slice(1, -2));
  if (typeof fields === "string") return { fault: fields };
  const wrongField = faultOfFields(fields, status);
  if (wrongField !== null) return { fault: wrongField };
  const framing = framingOf(fields, "1", false);
  if ("fault" in framing) return { fault: framing.fault };

  const close = listMembers(valuesOf(fields, "connection")).includes("close");
  const whole = (body: { text: string; trailers: string; end: number }, kind: Answer["framing"], complete: boolean): OneReading => ({
    answer: { status, head, fields, body: body.text, trailers: body.trailers, framing: kind, close, complete },
    end: body.end,
  });
  const bodyStart = headEnd + 4;
  if (status < 200 || status === 204) {
    // RFC 9110 section 8.6, RFC 9112 section 6.1: neither field belongs into 1xx and 204.
    if (framing.kind !== "none") return { fault: `a framing field in a ${status}` };
    return whole({ text: "", trailers: "", end: bodyStart }, "none", true);
  }
  if (status === 304 || method === "HEAD") return whole({ text: "", trailers: "", end: bodyStart }, "none", true);
  if (framing.kind === "none") {
    if (!close) return { fault: "a body up to the close without Connection: close" };
    return ended ? whole({ text: bytes.slice(bodyStart), trailers: "", end: bytes.length }, "close", true) : { more: true };
  }
  const body = readBody(bytes, bodyStart, framing, false);
  if ("fault" in body) return body;
  if (!("more" in body)) return whole(body, framing.kind, true);
  return ended ? whole({ text: body.text, trailers: "", end: bytes.length }, framing.kind, false) : { more: true };
}

/** Nothing of the origin's hop may be left, and what is there once must be there once. */
function faultOfFields(fields: readonly Field[], status: number): string | null {
  const hop = fields.find(({ key }) => ["keep-alive", "proxy-connection", "te", "proxy-authenticate", "http2-settings"].includes(key));
  if (hop !== undefined) return `a hop-by-hop field: ${hop.name}`;
  const options = listMembers(valuesOf(fields, "connection"));
  const strange = options.find((option) => !["close", "keep-alive", "upgrade"].includes(option));
  if (strange !== undefined) return `Connection: ${strange}`;
  if (valuesOf(fields, "date").length > 1) return "more than one Date";
  const upgrades = valuesOf(fields, "upgrade").length > 0;
  if (upgrades && status !== 101 && status !== 426) return `Upgrade in a ${status}`;
  return status === 101 && !(upgrades && options.includes("upgrade")) ? "101 without Upgrade" : null;
}
