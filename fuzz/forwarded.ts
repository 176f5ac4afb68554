/**
 * What must hold of messages that were passed on (docs/forwarding.md), read again from the bytes: as many complete ones as were
 * received, with the same method or status, target, body and end-to-end fields. The rules are written down here once more, on names as
 * text, and share no code with the proxy.
 */
import type { WireCase } from "./case.ts";
import { nameOf, valuesOf } from "./reading.ts";
import type { Message, Reading } from "./reading.ts";

interface PassedOn {
  readonly text: string;
  readonly starts: readonly (string | null)[];
  readonly endsWithConnection?: boolean;
}

const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "upgrade",
  "http2-settings",
  "proxy-authorization",
  "proxy-authenticate",
];
/** Names that some origins take for others are dropped, or passed on where the configuration says so. */
const SAFE_NAME = /^[a-z0-9-]+$/;
/** What says who speaks: of clients dropped, of a trusted proxy that writes Forwarded made anew. */
const CLAIMS = [
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-real-ip",
  "x-forwarded-prefix",
  "x-forwarded-method",
  "x-forwarded-uri",
  "x-original-url",
  "x-rewrite-url",
];
/** Dropped whoever sends them: the proxy alone says who has shown a certificate, and `Proxy` would become a variable of CGI. */
const NEVER_FORWARDED = ["client-cert", "client-cert-chain", "x-forwarded-client-cert", "proxy"];
/** Written anew by the proxy, or judged apart. */
const REWRITTEN = ["host", "max-forwards", "expect", "x-forwarded-for"];
/** With more of them the field ends here. */
const RANGES_MAX = 200;
const ADDED = new Set([
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "via",
  "connection",
  "te",
  "upgrade",
  "date",
  "transfer-encoding",
]);

/** A broken rule, the same for the same fault, and what broke it. */
export interface Breach {
  readonly rule: string;
  readonly detail: string;
}

/** What is wrong with it, or null. */
export function forwardedBreach(one: WireCase, received: Reading, passedOn: PassedOn, again: Reading): Breach | null {
  let index = 0;
  for (const [at, message] of received.messages.entries()) {
    const start = passedOn.starts[at];
    if (start === undefined || start === null) continue;
    const copy = again.messages[index];
    index++;
    if (!message.complete) {
      // Cut where the received one is: it must show.
      return copy?.complete === true && passedOn.endsWithConnection !== true ? breach("an unfinished message became a complete one") : null;
    }
    if (copy === undefined || !copy.complete) return breach("a message does not arrive", again.fault ?? "incomplete");
    if (copy.start !== start) return breach("another start line", copy.start);
    if (copy.body !== message.body) return breach("another body", JSON.stringify(copy.body));
    const fault = one.side === "request" ? requestFault(message, copy, one) : responseFault(message, copy);
    if (fault !== null) return fault;
    if (!isSubsequence(copy.trailers, message.trailers)) return breach("trailers that were not received");
    if (copy.trailers.some((line) => FORBIDDEN_TRAILERS.has(nameOf(line)))) return breach("a trailer that frames or routes");
  }
  return again.messages.length > index ? breach("more messages than were received") : null;
}

const FORBIDDEN_TRAILERS = new Set([
  "transfer-encoding",
  "content-length",
  "host",
  "trailer",
  "authorization",
  "set-cookie",
  "cookie",
  ...HOP_BY_HOP,
]);

function requestFault(message: Message, copy: Message, { sender, unsafeFieldNames }: WireCase): Breach | null {
  const stray = copy.fields.find((line) => !SAFE_NAME.test(nameOf(line)));
  if (unsafeFieldNames === "drop" && stray !== undefined) return breach("an unsafe name", stray);
  // A proxy that is believed in X-Forwarded-For is believed in what goes with it, where that is well formed.
  const [gone, apart] = sender === "x_forwarded_for" ? [["forwarded"], [...REWRITTEN, ...WELL_FORMED.keys()]] : [CLAIMS, REWRITTEN];
  const ranges = valuesOf(message.fields, "range").flatMap((value) => value.split(","));
  const tooMany = ranges.length > RANGES_MAX ? ["range"] : [];
  const fault = fieldsFault(message, copy, [...HOP_BY_HOP, ...gone, ...tooMany, ...NEVER_FORWARDED], apart, SAFE_NAME);
  if (fault !== null) return fault;
  if (valuesOf(copy.fields, "host").length !== 1) return breach("not exactly one Host arrives");
  if (valuesOf(copy.fields, "via").length === 0) return breach("no Via arrives");
  for (const [name, form] of WELL_FORMED) {
    const wrong = valuesOf(copy.fields, name).find((value) => !form.test(value));
    if (wrong !== undefined) return breach(`a malformed ${name}`, wrong);
  }
  const [forwardedFor = "", ...more] = valuesOf(copy.fields, "x-forwarded-for");
  return more.length > 0 || !forwardedFor.endsWith("192.0.2.1") ? breach("not one X-Forwarded-For arrives that ends in the peer") : null;
}

/** Both are lists; a comma may stand in a host as well. */
const WELL_FORMED: ReadonlyMap<string, RegExp> = new Map([
  ["x-forwarded-proto", /^(?:https?|wss?)(?:[ \t]*,[ \t]*(?:https?|wss?))*$/i],
  ["x-forwarded-host", /^[\w.~!$&'()*+,;=%:[\] \t-]+$/],
]);

function responseFault(message: Message, copy: Message): Breach | null {
  // 101 and 426 say what to upgrade to (RFC 9110 sections 15.2.2 and 15.5.22).
  const switching = /^(?:101|426) /.test(message.start);
  // RFC 9112 section 6.1, RFC 9110 section 8.6.
  const stray = /^(?:1\d\d|204) /.test(message.start) ? copy.fields.find((line) => isFraming(line)) : undefined;
  if (stray !== undefined) return breach("a framing field where none belongs", stray);
  return fieldsFault(message, copy, HOP_BY_HOP, switching ? ["upgrade"] : [], /./);
}

/** All lines but those that end here arrive in order, and behind them only what the proxy adds. */
function fieldsFault(message: Message, copy: Message, gone: readonly string[], rewritten: readonly string[], names: RegExp): Breach | null {
  const named = namedByConnection(message);
  // Which fields stay although Connection names them is not told here; none that means nothing to anybody does.
  const stayed = copy.fields.find((line) => named.has(nameOf(line)) && /^x-[a-z]$/.test(nameOf(line)));
  if (stayed !== undefined) return breach("a field that Connection names", stayed);
  // How the body is framed shows in the body; the proxy may spell it anew.
  const apart = new Set([...named, ...rewritten, "content-length", "transfer-encoding"]);
  const kept = message.fields.filter((line) => !apart.has(nameOf(line)) && !gone.includes(nameOf(line)) && names.test(nameOf(line)));
  const arrived = copy.fields.filter((line) => !apart.has(nameOf(line)) && names.test(nameOf(line)));
  for (const [index, line] of kept.entries()) {
    if (arrived[index] !== line) return breach("a field is lost or changed", `${line}\n${arrived[index] ?? ""}`);
  }
  const stray = arrived.slice(kept.length).find((line) => !ADDED.has(nameOf(line)));
  if (stray !== undefined) return breach("a field that nobody sent or that ends here", stray);
  const framing = copy.fields.filter((line) => isFraming(line));
  if (framing.length > 1) return breach("more than one framing field");
  const padded = framing.find((line) => /^content-length: 0[0-9]/i.test(line));
  return padded === undefined ? null : breach("a length with zeros before it", padded);
}

function isFraming(line: string): boolean {
  return nameOf(line) === "content-length" || nameOf(line) === "transfer-encoding";
}

function namedByConnection(message: Message): Set<string> {
  const members = valuesOf(message.fields, "connection").flatMap((value) => value.toLowerCase().split(","));
  return new Set(members.map((member) => member.replace(/^[ \t]+|[ \t]+$/g, "")));
}

function breach(rule: string, detail: string = ""): Breach {
  return { rule, detail };
}

function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  for (const line of whole) if (line === part[at]) at++;
  return at === part.length;
}
