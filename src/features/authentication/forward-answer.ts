/** What the answer of a service means: who the client is and which fields go on, or what the client gets instead. */
import { Buffer } from "node:buffer";
import { latin1 } from "../../base/latin1.ts";
import { connectionOptions } from "../../http/connection-options.ts";
import { fieldLine } from "../../http/field-edits.ts";
import { RESPONSE_DROPPED } from "../../http/forward-fields.ts";
import { Known, bit } from "../../http/known-fields.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import type { Identity } from "../../proxy/ports/identity.ts";
import type { ForwardConfig } from "./forward-schema.ts";

/** What becomes of an answer that lets the client in. */
export interface Admitted {
  readonly identity: Identity;
  /** Field lines for the request that goes upstream. */
  readonly lines: string;
  /** Fields for the client's response. */
  readonly response: readonly (readonly [name: string, value: string])[];
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** Reads an answer with 2xx. Throws a TypeError for one that nobody could mean. */
export function admitted(head: ResponseHead, config: Pick<ForwardConfig, "user" | "roles" | "copy" | "copy_response">): Admitted {
  const { named } = connectionOptions(head);
  const valuesOf = (name: string): readonly string[] => {
    const lower = name.toLowerCase();
    return named.includes(lower) ? [] : head.values(lower);
  };
  const textsOf = (name: string | undefined): readonly string[] =>
    name === undefined ? [] : valuesOf(name).map((value) => UTF8.decode(Buffer.from(value, "latin1")));
  const [user = "", second] = textsOf(config.user);
  if (second !== undefined) throw new TypeError("the answer names two users");
  const roles = textsOf(config.roles)
    .flatMap((list) => list.split(","))
    .map((role) => role.trim())
    .filter((role) => role !== "");
  const lines = config.copy.flatMap(({ name, from }) => valuesOf(from).map((value) => (value === "" ? "" : fieldLine(name, value))));
  const response = config.copy_response.flatMap((name) => valuesOf(name).map((value) => [name, value] as const));
  return { identity: { method: "forward", user, roles, scopes: [], claims: {} }, lines: lines.join(""), response };
}

/** Not passed on: what is about one connection, and what the proxy writes itself. */
const NOT_PASSED = RESPONSE_DROPPED | bit(Known.contentLength) | bit(Known.transferEncoding) | bit(Known.trailer);
const ABOUT_THE_BODY = /^content-/i;

/** The answer for the client where the service does not let it in. */
export function passedOn(head: ResponseHead, body: Buffer): LocalAnswer {
  const { named } = connectionOptions(head);
  const fields: (readonly [string, string])[] = [];
  for (let index = 0; index < head.count; index++) {
    const name = head.name(index);
    if ((NOT_PASSED & (1 << head.knownId(index))) !== 0 || named.includes(name.toLowerCase())) continue;
    if (body.length === 0 && ABOUT_THE_BODY.test(name)) continue;
    fields.push([name, head.value(index)]);
  }
  // A redirect to a login that is kept would hold when the user has logged in.
  if (!head.has("cache-control")) fields.push(["Cache-Control", "no-store"]);
  const text = latin1(body, 0, body.length);
  // Where the service names no type, nobody may guess that it is a page.
  const shown = body.length === 0 ? {} : { body: { contentType: "text/plain; charset=utf-8", text, isOctets: true as const } };
  return { status: head.status, reason: "refused_by_service", detail: "", fields, ...shown };
}
