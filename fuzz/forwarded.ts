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
/** Others, origins fold onto these: they are dropped, or passed on where the configuration says so. */
const SAFE_NAME = /^[a-z0-9-]+$/;
/** Of strangers they end here; of trusted proxies some are appended to, some stay where they are well formed. */
const CLAIMS = ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-real-ip"];
/** Written anew by the proxy, or judged apart. */
const REWRITTEN = ["host", "max-forwards", "expect", ...CLAIMS];
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

/** What is wrong with it, or null. */
export function forwardedFault(one: WireCase, received: Reading, passedOn: PassedOn, again: Reading): string | null {
  let index = 0;
  for (const [at, message] of received.messages.entries()) {
    const start = passedOn.starts[at];
    if (start === undefined || start === null) continue;
    const copy = again.messages[index];
    index++;
    if (!message.complete) {
      // Cut where the received one is: it must show.
      return copy?.complete === true && passedOn.endsWithConnection !== true ? "an unfinished message became a complete one" : null;
    }
    if (copy === undefined || !copy.complete) return `message ${at} does not arrive: ${again.fault ?? "incomplete"}`;
    if (copy.start !== start) return `message ${at} arrives as ${copy.start}`;
    if (copy.body !== message.body) return `the body of message ${at} changes`;
    const fault =
      one.side === "request" ? requestFault(message, copy, one.unsafeFieldNames, one.sender !== "client") : responseFault(message, copy);
    if (fault !== null) return fault;
    if (!isSubsequence(copy.trailers, message.trailers)) return "trailers that were not received";
    if (copy.trailers.some((line) => FORBIDDEN_TRAILERS.has(nameOf(line)))) return "a trailer that frames or routes";
  }
  return again.messages.length > index ? "more messages than were received" : null;
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

function requestFault(message: Message, copy: Message, unsafeNames: "drop" | "forward", trusted: boolean): string | null {
  const strays = copy.fields.find((line) => !SAFE_NAME.test(nameOf(line)));
  if (unsafeNames === "drop" && strays !== undefined) return `an unsafe name: ${JSON.stringify(strays)}`;
  const fault = fieldsFault(message, copy, [...HOP_BY_HOP, "proxy"], REWRITTEN, SAFE_NAME);
  if (fault !== null) return fault;
  if (valuesOf(copy.fields, "host").length !== 1) return "not exactly one Host arrives";
  if (valuesOf(copy.fields, "via").length === 0) return "no Via arrives";
  const protocols = valuesOf(copy.fields, "x-forwarded-proto");
  if (protocols.length === 0 || protocols.some((value) => !/^[a-z, \t]+$/i.test(value) || (!trusted && value !== "http")))
    return "no X-Forwarded-Proto arrives, or one that is none";
  if (!trusted && copy.fields.some((line) => ["x-forwarded-port", "x-real-ip", "forwarded"].includes(nameOf(line))))
    return "a stranger's claim";
  if (valuesOf(copy.fields, "x-forwarded-host").length > 1 && !trusted) return "two X-Forwarded-Host";
  const [forwardedFor = "", ...more] = valuesOf(copy.fields, "x-forwarded-for");
  return more.length > 0 || !forwardedFor.endsWith("192.0.2.1") ? "not one X-Forwarded-For arrives that ends in the peer" : null;
}

function responseFault(message: Message, copy: Message): string | null {
  // 101 and 426 say what to upgrade to (RFC 9110 sections 15.2.2 and 15.5.22).
  const switching = /^(?:101|426) /.test(message.start);
  return fieldsFault(message, copy, HOP_BY_HOP, switching ? ["upgrade"] : [], /./);
}

/** All lines but those that end here arrive in order, and behind them only what the proxy adds. */
function fieldsFault(message: Message, copy: Message, gone: readonly string[], rewritten: readonly string[], names: RegExp): string | null {
  const named = namedByConnection(message);
  // Which fields stay although Connection names them is not told here; none that means nothing to anybody does.
  const stayed = copy.fields.find((line) => named.has(nameOf(line)) && /^x-[a-z]$/.test(nameOf(line)));
  if (stayed !== undefined) return `a field that Connection names: ${JSON.stringify(stayed)}`;
  // How the body is framed shows in the body; the proxy may spell it anew.
  const apart = new Set([...named, ...rewritten, "content-length", "transfer-encoding"]);
  const kept = message.fields.filter((line) => !apart.has(nameOf(line)) && !gone.includes(nameOf(line)) && names.test(nameOf(line)));
  const arrived = copy.fields.filter((line) => !apart.has(nameOf(line)) && names.test(nameOf(line)));
  for (const [index, line] of kept.entries()) {
    if (arrived[index] !== line) return `a field is lost or changed: ${JSON.stringify(line)}, ${JSON.stringify(arrived[index])}`;
  }
  const stray = arrived.slice(kept.length).find((line) => !ADDED.has(nameOf(line)));
  if (stray !== undefined) return `a field that nobody sent or that ends here: ${JSON.stringify(stray)}`;
  const framing = copy.fields.filter((line) => nameOf(line) === "content-length" || nameOf(line) === "transfer-encoding");
  return framing.length > 1 ? "more than one framing field" : null;
}

function namedByConnection(message: Message): Set<string> {
  const members = valuesOf(message.fields, "connection").flatMap((value) => value.toLowerCase().split(","));
  return new Set(members.map((member) => member.replace(/^[ \t]+|[ \t]+$/g, "")));
}

function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  for (const line of whole) if (line === part[at]) at++;
  return at === part.length;
}
