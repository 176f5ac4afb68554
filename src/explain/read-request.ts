import { Buffer } from "node:buffer";
import type { BodyLength } from "../http/body-length.ts";
import type { RequestHead } from "../http/request-head.ts";
import { Event } from "../http1/message-reader.ts";
import { RequestReader } from "../http1/request-reader.ts";
import { limitsOf } from "../net/accept/listener-context.ts";
import type { ListenerConfig } from "../net/accept/listener-context.ts";
import { refusal } from "../net/h1/client/refusal.ts";
import type { LocalAnswer } from "../proxy/local-answer.ts";

/** A request to explain. */
export interface ExplainedRequest {
  readonly method: string;
  /** Absolute (`http://host/path`) or a path, which then needs a Host field. */
  readonly url: string;
  /** `name: value` lines. */
  readonly fields: readonly string[];
  /** The client's IP address. Default: 192.0.2.1. */
  readonly client?: string | undefined;
  /** The certificate that the client shows, as PEM text; it counts as verified. Absent: none. */
  readonly certificate?: string | undefined;
  /** What is asked of clients under the certificate of the URL's host; null: none. Absent: the first rule of the listener. */
  readonly clientRule?: Pick<NonNullable<NonNullable<ListenerConfig["tls"]>["client_certificates"]>, "forward"> | null | undefined;
}

/** A request as the data plane's parser has read it, or the answer with which it refuses it. */
export type ReadRequest =
  | { readonly head: RequestHead; readonly bodyLength: BodyLength; readonly refused: null }
  /** `head`: as far as it was read; null: nothing of it can be used. */
  | { readonly head: RequestHead | null; readonly refused: LocalAnswer };

/** Parses the request as the data plane would. A string says why there is no request to parse. */
export function readRequest({ method, url: given, fields: lines }: ExplainedRequest, listener: ListenerConfig): ReadRequest | string {
  let target = given;
  let fields = lines;
  if (!target.startsWith("/") && target !== "*") {
    if (!URL.canParse(target)) return "the second argument is neither a URL nor a path";
    const url = new URL(target);
    // The path is cut out of the text, because URL would change its spelling, and routes are matched with the path that a client sends.
    target = target.replace(/^[a-z]+:\/\/[^/?#]*/i, "").replace(/#.*$/s, "");
    if (!target.startsWith("/")) target = `/${target}`;
    if (!namesHost(fields)) fields = [`Host: ${url.host}`, ...fields];
  } else if (!namesHost(fields)) fields = ["Host: localhost", ...fields];
  const text = `${method} ${target} HTTP/1.1\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`;
  const bytes = Buffer.from(text, "latin1");
  const reader = new RequestReader(limitsOf(listener));
  reader.feed(bytes, 0, bytes.length);
  const event = reader.next();
  if (event === Event.head) return { head: reader.head, bodyLength: reader.framing.bodyLength, refused: null };
  return event === Event.fault ? { head: reader.startedHead, refused: refusal(reader.fault) } : "the request is incomplete";
}

function namesHost(fields: readonly string[]): boolean {
  return fields.some((field) => /^host\s*:/i.test(field));
}
