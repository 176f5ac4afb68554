/** Makes the head of a request from what the host program has parsed, by the rules that hold for HTTP/1.1 on the wire. */
import { isSameAuthority, splitAbsolute } from "../http/absolute-form.ts";
import { HeadRefused, buildRequestHead } from "../http/build-head.ts";
import type { RequestLine } from "../http/build-head.ts";
import type { FieldPair } from "../http/field-pairs.ts";
import type { RequestHead } from "../http/request-head.ts";
import { BodyFraming, Framing, decideFraming } from "../http1/body-framing.ts";
import { Faults } from "../http1/faults.ts";
import type { Fault } from "../http1/faults.ts";
import { METHOD_BYTES_MAX } from "../http1/limits.ts";
import type { MessageLimits } from "../http1/limits.ts";
import type { ReadRequest } from "./embedded-client.ts";

/** Bytes of a request line beside method and target, and of the empty line after the fields. */
const START_BYTES = "  HTTP/1.1\r\n\r\n".length;

/** What the host program has of a request. The body's length stands in the fields: as Content-Length, or as Transfer-Encoding: chunked. */
export interface ParsedRequest {
  readonly line: RequestLine;
  readonly fields: readonly FieldPair[];
}

/** Returns the request, or the fault for which it is refused. */
export function readHead(parsed: ParsedRequest, limits: MessageLimits): ReadRequest | Fault {
  const head = headOf(parsed, limits);
  if ("code" in head) return head;
  const framing = new BodyFraming();
  const fault = decideFraming(head, { status: 0, toHead: false, minor: head.version === "1.0" ? 0 : 1 }, framing);
  if (fault !== null) return fault;
  if (head.method === "TRACE" && framing.kind !== Framing.none) return Faults.traceBody;
  return { head, length: framing.bodyLength };
}

function headOf({ line, fields }: ParsedRequest, limits: MessageLimits): RequestHead | Fault {
  const startBytes = line.method.length + line.target.length + START_BYTES;
  if (line.method.length > METHOD_BYTES_MAX) return Faults.methodTooLong;
  if (startBytes > limits.startLineBytesMax) return Faults.startLineTooLong;
  if (fields.length > limits.fieldsMax) return Faults.tooManyFields;
  try {
    const head = isAbsolute(line) ? absoluteHead(line, fields) : buildRequestHead(line, fields);
    return "text" in head && startBytes + head.text.length > limits.headBytesMax ? Faults.headTooLarge : head;
  } catch (error) {
    if (error instanceof HeadRefused) return Faults[error.refusal];
    throw error;
  }
}

function isAbsolute({ method, target }: RequestLine): boolean {
  return !target.startsWith("/") && target !== "*" && method !== "CONNECT";
}

/** The authority of an absolute-form target takes the place of Host, which may not differ (docs/conformance.md, item 39). */
function absoluteHead(line: RequestLine, fields: readonly FieldPair[]): RequestHead | Fault {
  const parts = splitAbsolute(line.method, line.target);
  if (parts === null) return Faults.targetInvalid;
  const { authority, forwardTarget } = parts;
  // Says what is wrong with Host, if anything is.
  const { authority: host } = buildRequestHead({ ...line, target: forwardTarget }, fields);
  if (host !== "" && !isSameAuthority(host, authority)) return Faults.targetMismatch;
  const others = fields.filter(([name]) => name.toLowerCase() !== "host");
  return buildRequestHead({ ...line, target: forwardTarget, authority }, others);
}

/** These fields without those of the given names (lower case). */
export function without(fields: readonly FieldPair[], names: readonly string[]): FieldPair[] {
  return fields.filter(([name]) => !names.includes(name.toLowerCase()));
}
