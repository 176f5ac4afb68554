/**
 * Why an order, or another request to a certificate authority, came to nothing. `AcmeProblem` is what the authority says itself, in a problem document
 * (RFC 8555 section 6.7); `AcmeFault` is everything else: it cannot be reached, answers what nobody can use, or does not come to an end.
 */

/** Most characters of a text of the authority's that messages repeat. */
const SHOWN_MAX = 300;

/** What the authority says about one identifier of several (RFC 8555 section 6.7.1). */
interface Subproblem {
  readonly type: string;
  readonly detail: string;
  /** The name that it is about; empty: none. */
  readonly identifier: string;
}

export class AcmeProblem extends Error {
  override readonly name: string = "AcmeProblem";
  /** The error's type without `urn:ietf:params:acme:error:`, such as `rateLimited`. A type of another form is there as a whole. */
  readonly type: string;
  readonly status: number;
  /** How long the authority wants to be left alone, in milliseconds; null: it does not say. */
  readonly retryAfterMs: number | null;

  /** @param document the problem document, of which nothing is known yet */
  constructor(document: unknown, status: number, retryAfterMs: number | null) {
    const { type, detail } = readProblem(document);
    const parts = listOf(property(document, "subproblems"))
      .slice(0, 5)
      .map((part) => shownSubproblem(readProblem(part)));
    // Where a person has to do something, such as to agree to new terms, it says where (RFC 8555 section 6.7).
    const instance = property(document, "instance");
    const place = typeof instance === "string" && instance !== "" ? [`see ${shown(instance)}`] : [];
    super([`${type}: ${detail}`, ...parts, ...place].join("; "));
    this.type = type;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

export class AcmeFault extends Error {
  override readonly name: string = "AcmeFault";
  /** How long the authority wants to be left alone, in milliseconds; null: it does not say. */
  readonly retryAfterMs: number | null;

  constructor(message: string, retryAfterMs: number | null = null) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

/** A text of the authority's, short enough for a message and in one line. */
export function shown(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, " ").trim();
  return line.length > SHOWN_MAX ? `${line.slice(0, SHOWN_MAX)}...` : line;
}

const URN = "urn:ietf:params:acme:error:";

function readProblem(document: unknown): Subproblem {
  const [type, detail] = [property(document, "type"), property(document, "detail")];
  const identifier = property(property(document, "identifier"), "value");
  return {
    type: typeof type !== "string" || type === "" ? "unknown" : shown(type.startsWith(URN) ? type.slice(URN.length) : type),
    detail: typeof detail === "string" && detail !== "" ? shown(detail) : "no more was said",
    identifier: typeof identifier === "string" ? shown(identifier) : "",
  };
}

function shownSubproblem({ type, detail, identifier }: Subproblem): string {
  return `${identifier === "" ? "" : `${identifier}: `}${type}: ${detail}`;
}

/** A property of what may be an object. */
export function property(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return Object.getOwnPropertyDescriptor(value, key)?.value;
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
