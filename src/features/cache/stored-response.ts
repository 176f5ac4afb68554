/** A response as it lies in a store: what is remembered of it, and its head. */
import { keepNewest } from "../../base/keep-newest.ts";
import { buildResponseHead } from "../../http/build-head.ts";
import { fieldPairs } from "../../http/field-pairs.ts";
import type { FieldPair } from "../../http/field-pairs.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import { parseHttpDate } from "../../http/parse-http-date.ts";
import type { Validators } from "../../policy/representation/preconditions.ts";
import type { StoredTimes } from "../../policy/cache/reuse.ts";

/** The head of a response, with what its record remembers. */
export interface StoredResponse extends StoredTimes {
  /** Whether it may be given to clients whom the proxy knows (RFC 9111 section 3.5). */
  readonly isShareable: boolean;
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly FieldPair[];
}

/** What stands under the key of a target whose responses differ by request fields: which, and the keys of the responses. */
export interface Variants {
  readonly names: readonly string[];
  /** A text that no other list has. */
  readonly line: string;
  /** From the oldest to the newest. */
  readonly keys: readonly string[];
}

const RESPONSE = "R";
const VARIANTS = "V";

export function responseText(stored: StoredResponse): string {
  const {
    receivedMs,
    initialAgeMs,
    lifetimeMs,
    alwaysValidated,
    neverStale,
    whileRevalidateMs,
    ifErrorMs,
    isShareable,
    status,
    reason,
    fields,
  } = stored;
  const flags = (alwaysValidated ? 1 : 0) + (neverStale ? 2 : 0) + (isShareable ? 4 : 0);
  const facts = [receivedMs, Math.round(initialAgeMs), Math.round(lifetimeMs), flags, whileRevalidateMs, ifErrorMs, status].join(" ");
  return `${RESPONSE}${facts}\n${reason}\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}`;
}

export function variantsText({ names, line, keys }: Variants): string {
  return `${VARIANTS}${JSON.stringify([names, line, keys])}`;
}

export type Stored = { readonly response: StoredResponse } | { readonly variants: Variants };

/** How many of them are remembered as they were read. */
const REMEMBERED = 2000;

/** Reads heads of records, and remembers those that were read. */
export class StoredReader {
  private readonly known: Map<string, { readonly text: string; readonly stored: Stored | null }> = new Map();

  read(key: string, text: string): Stored | null {
    const known = this.known.get(key);
    if (known !== undefined && known.text === text) return known.stored;
    const stored = readStored(text);
    keepNewest(this.known, key, { text, stored }, REMEMBERED);
    return stored;
  }
}

/** What a record's head says. Null: it is of another version of this program. */
export function readStored(text: string): Stored | null {
  if (text.startsWith(VARIANTS)) {
    const [names, line, keys] = JSON.parse(text.slice(1)) as readonly [string[], string, string[]];
    return { variants: { names, line, keys } };
  }
  if (!text.startsWith(RESPONSE)) return null;
  const factsEnd = text.indexOf("\n");
  const reasonEnd = text.indexOf("\n", factsEnd + 1);
  const [receivedMs = 0, initialAgeMs = 0, lifetimeMs = 0, flags = 0, whileRevalidateMs = 0, ifErrorMs = 0, status = 0] = text
    .slice(1, factsEnd)
    .split(" ")
    .map(Number);
  const times = { receivedMs, initialAgeMs, lifetimeMs, whileRevalidateMs, ifErrorMs };
  const reason = text.slice(factsEnd + 1, reasonEnd);
  return {
    response: {
      ...times,
      alwaysValidated: (flags & 1) !== 0,
      neverStale: (flags & 2) !== 0,
      isShareable: (flags & 4) !== 0,
      status,
      reason,
      fields: fieldPairs(text.slice(reasonEnd + 1)),
    },
  };
}

const heads: WeakMap<StoredResponse, ResponseHead> = new WeakMap();

/** The head of the whole response, without its age. */
export function headOf(stored: StoredResponse): ResponseHead {
  let head = heads.get(stored);
  if (head === undefined) heads.set(stored, (head = headWith(stored, stored.fields)));
  return head;
}

/** A head with the status of a stored response and those fields. */
export function headWith({ status, reason }: Pick<StoredResponse, "status" | "reason">, fields: readonly FieldPair[]): ResponseHead {
  return buildResponseHead({ status, reason }, fields);
}

/** The first value of a field of the stored head; undefined: it has none. */
export function fieldOf({ fields }: Pick<StoredResponse, "fields">, lowerName: string): string | undefined {
  return fields.find(([name]) => name.toLowerCase() === lowerName)?.[1];
}

/** When the origin made it, in milliseconds since 1970. */
export function dateOf(stored: Pick<StoredResponse, "fields" | "receivedMs">): number {
  return parseHttpDate(fieldOf(stored, "date") ?? "") ?? stored.receivedMs;
}

/** What identifies the stored representation; a tag of "" and a time that is no number match nothing. */
export function validatorsOf(stored: Pick<StoredResponse, "fields">): Validators {
  const modified = fieldOf(stored, "last-modified");
  return { tag: fieldOf(stored, "etag") ?? "", modifiedMs: (modified === undefined ? null : parseHttpDate(modified)) ?? Number.NaN };
}
