/**
 * Refuses GraphQL operations whose fields are nested too deeply, before they reach the service.
 *
 * A schema with cycles (an author has books, which have an author ...) lets a short query ask for a huge answer. Depth counts fields within
 * fields; fragments count with what they hold, and one that contains itself is refused. Queries in GET and POST are read, single and in
 * batches. It fails closed: what cannot be read as GraphQL is refused, and so are bodies of other types (415), compressed (415) or larger
 * than allowed (413). Requests without a query, such as persisted ones, pass: the service then runs only what it knows already.
 *
 * Subscriptions over WebSocket are not seen here. The time that single fields cost, and their number, are the service's to limit.
 *
 * ```yaml
 * middleware:
 *   - use: ./graphql-depth.ts
 *     options: { depth_max: 8 }
 * ```
 */
import { answer, defineMiddleware, isEncoded, mediaType } from "millrace";
import type { LocalAnswer, RequestHead } from "millrace";
import { z } from "zod";

const options = z.strictObject({
  depth_max: z.number().int().min(1).default(10).describe("Most fields within one another. `{ a { b } }` has depth 2."),
  introspection_depth_max: z.number().int().min(0).default(15).describe("The same below __schema and __type. 0 refuses introspection."),
  batch_max: z.number().int().min(1).default(10).describe("Most operations in one request."),
  body_bytes_max: z
    .number()
    .int()
    .min(1)
    .default(256 * 1024)
    .describe("Largest body in bytes. It is held in memory while it is read."),
});

interface Operation {
  readonly query: string;
  /** Which operation of the document is run; null: its only one. */
  readonly name: string | null;
}

export default defineMiddleware({
  name: "graphql-depth",
  options,
  setup: ({ depth_max, introspection_depth_max, batch_max, body_bytes_max }, context) => {
    const refused = context.counter("refused");
    const check = (operations: readonly Operation[]): void => {
      if (operations.length > batch_max) throw new Refusal(400, `There are more than ${batch_max} operations in the request.`);
      for (const { query, name } of operations) {
        const { data, introspection } = depthOf(query, name);
        if (data > depth_max) throw new Refusal(400, `Fields are nested deeper than ${depth_max} levels.`);
        if (introspection > introspection_depth_max) throw new Refusal(400, "Introspection is limited here.");
      }
    };
    return {
      onRequest: async (exchange) => {
        const { request } = exchange;
        if (request.method === "OPTIONS") return null;
        try {
          check(inTarget(request.forwardTarget));
          if (request.method === "GET" || request.method === "HEAD") return null;
          if (isEncoded(request)) throw new Refusal(415, "The body must not be compressed.");
          const body = await exchange.collectBody(body_bytes_max);
          if (body === null) throw new Refusal(413, "The request is too large.");
          check(inBody(mediaType(request), body));
          return null;
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          refused.add();
          return error.answerTo(request);
        }
      },
    };
  },
});

class Refusal extends Error {
  private readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }

  /** The answer as GraphQL clients read it. */
  answerTo(request: RequestHead): LocalAnswer {
    const type = "application/graphql-response+json";
    const accepts = request.values("accept").some((value) => value.includes(type));
    const body = JSON.stringify({ errors: [{ message: this.message }] });
    return answer(this.status, { reason: "graphql_refused", body, contentType: accepts ? type : "application/json" });
  }
}

// ---- the operations of a request ----------------------------------------------------------------------------------------

function inTarget(target: string): Operation[] {
  const at = target.indexOf("?");
  if (at < 0) return [];
  const parameters = new URLSearchParams(target.slice(at));
  const queries = parameters.getAll("query");
  // Services differ in which one they take.
  if (queries.length > 1) throw new Refusal(400, "There is more than one query.");
  return queries.filter((query) => query !== "").map((query) => ({ query, name: parameters.get("operationName") }));
}

function inBody(type: string, body: Buffer): Operation[] {
  if (body.length === 0) return [];
  if (type === "application/graphql") return [{ query: textOf(body), name: null }];
  if (type !== "application/json") throw new Refusal(415, "The body must be application/json.");
  let parsed: unknown;
  try {
    parsed = JSON.parse(textOf(body));
  } catch {
    throw new Refusal(400, "The body is no JSON.");
  }
  return (Array.isArray(parsed) ? parsed : [parsed]).flatMap((one: unknown): Operation[] => {
    if (typeof one !== "object" || one === null || Array.isArray(one)) throw new Refusal(400, "The body holds no operation.");
    const { query = null, operationName: name = null } = one as { query?: unknown; operationName?: unknown };
    if ((query !== null && typeof query !== "string") || (name !== null && typeof name !== "string"))
      throw new Refusal(400, "The query is no text.");
    return query === null ? [] : [{ query, name }];
  });
}

function textOf(body: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw new Refusal(400, "The body is no UTF-8.");
  }
}

// ---- depth --------------------------------------------------------------------------------------------------------------

interface Depth {
  readonly data: number;
  /** Below __schema and __type. */
  readonly introspection: number;
}

const NO_DEPTH: Depth = { data: 0, introspection: 0 };

/** The depth of the operation that will be run; of all operations, if it is not known which one. */
function depthOf(query: string, name: string | null): Depth {
  const { operations, fragments } = new Parser(query).document();
  const known = new Map<string, Depth>();
  const open = new Set<string>();
  const named = operations.filter((operation) => operation.name === name);
  return deepest((named.length === 1 ? named : operations).map(({ selections }) => deepest(selections.map(below))));

  function below(selection: Selection): Depth {
    if (selection.kind === "spread") return ofFragment(selection.name);
    const { data, introspection } = deepest(selection.selections.map(below));
    if (selection.kind === "inline") return { data, introspection };
    const isIntrospection = selection.name === "__schema" || selection.name === "__type";
    return isIntrospection ? { data: 0, introspection: data + 1 } : { data: data + 1, introspection };
  }

  function ofFragment(fragment: string): Depth {
    const found = known.get(fragment);
    if (found !== undefined) return found;
    if (open.has(fragment)) throw new Refusal(400, "A fragment contains itself.");
    if (open.size === NESTING_MAX) throw new Refusal(400, "The query is nested too deeply.");
    open.add(fragment);
    // One that is not defined is the service's to refuse.
    const depth = deepest((fragments.get(fragment) ?? []).map(below));
    open.delete(fragment);
    known.set(fragment, depth);
    return depth;
  }
}

function deepest(depths: readonly Depth[]): Depth {
  return depths.reduce((a, b) => ({ data: Math.max(a.data, b.data), introspection: Math.max(a.introspection, b.introspection) }), NO_DEPTH);
}

// ---- the language -------------------------------------------------------------------------------------------------------

type Selection =
  | { readonly kind: "field"; readonly name: string; readonly selections: readonly Selection[] }
  | { readonly kind: "inline"; readonly selections: readonly Selection[] }
  | { readonly kind: "spread"; readonly name: string };

interface Document {
  readonly operations: readonly { readonly name: string | null; readonly selections: readonly Selection[] }[];
  readonly fragments: ReadonlyMap<string, readonly Selection[]>;
}

/** What is ignored between tokens, or one token: punctuator, name, number, block string, string (GraphQL, September 2025, section 2.1). */
const LEXEME =
  /[\t\n\r ,\uFEFF]+|#[^\n\r]*|(\.\.\.|[!$&()=:@[\]{}|]|[_A-Za-z]\w*|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.])|"""(?:\\"""|(?!""")[^])*"""|"(?!"")(?:[^"\\\n\r]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}|u\{[\dA-Fa-f]+\}))*")/y;
const NAME = /^[_A-Za-z]/;
const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };
/** Selections within one another, and fragments within one another, that are followed. */
const NESTING_MAX = 200;

/** Reads a document as far as its selections; values and types are skipped, with their brackets checked. */
class Parser {
  private readonly tokens: string[] = [];
  private at: number = 0;
  private nesting: number = 0;

  constructor(text: string) {
    const lexeme = new RegExp(LEXEME);
    while (lexeme.lastIndex < text.length) {
      const found = lexeme.exec(text);
      if (found === null) throw malformed();
      if (found[1] !== undefined) this.tokens.push(found[1]);
    }
  }

  document(): Document {
    const operations: Document["operations"][number][] = [];
    const fragments = new Map<string, readonly Selection[]>();
    while (this.at < this.tokens.length) {
      if (this.peek().startsWith('"')) this.at++;
      if (this.peek() === "{") operations.push({ name: null, selections: this.selections() });
      else if (/^(?:query|mutation|subscription)$/.test(this.peek())) {
        this.at++;
        const name = NAME.test(this.peek()) ? this.name() : null;
        this.skipGroup();
        this.skipDirectives();
        operations.push({ name, selections: this.selections() });
      } else {
        this.take("fragment");
        const name = this.name();
        if (name === "on") throw malformed();
        this.take("on");
        this.name();
        this.skipDirectives();
        fragments.set(name, [...(fragments.get(name) ?? []), ...this.selections()]);
      }
    }
    if (operations.length === 0) throw malformed();
    return { operations, fragments };
  }

  private selections(): readonly Selection[] {
    this.take("{");
    if (++this.nesting > NESTING_MAX) throw new Refusal(400, "The query is nested too deeply.");
    const found = [this.selection()];
    while (this.peek() !== "}") found.push(this.selection());
    this.nesting--;
    this.at++;
    return found;
  }

  private selection(): Selection {
    if (this.peek() === "...") {
      this.at++;
      if (NAME.test(this.peek()) && this.peek() !== "on") {
        const name = this.name();
        this.skipDirectives();
        return { kind: "spread", name };
      }
      if (this.peek() === "on") {
        this.at++;
        this.name();
      }
      this.skipDirectives();
      return { kind: "inline", selections: this.selections() };
    }
    let name = this.name();
    if (this.peek() === ":") {
      this.at++;
      name = this.name();
    }
    this.skipGroup();
    this.skipDirectives();
    return { kind: "field", name, selections: this.peek() === "{" ? this.selections() : [] };
  }

  private skipDirectives(): void {
    while (this.peek() === "@") {
      this.at++;
      this.name();
      this.skipGroup();
    }
  }

  /** Skips arguments or variables in parentheses, if there are any. */
  private skipGroup(): void {
    if (this.peek() !== "(") return;
    const expected: string[] = [];
    do {
      const token = this.peek();
      if (token === "") throw malformed();
      const closing = CLOSING[token];
      if (closing !== undefined) expected.push(closing);
      else if (/^[)\]}]$/.test(token) && expected.pop() !== token) throw malformed();
      this.at++;
    } while (expected.length > 0);
  }

  private name(): string {
    const next = this.peek();
    if (!NAME.test(next)) throw malformed();
    this.at++;
    return next;
  }

  private take(token: string): void {
    if (this.peek() !== token) throw malformed();
    this.at++;
  }

  /** The next token; "": there is none. */
  private peek(): string {
    return this.tokens[this.at] ?? "";
  }
}

function malformed(): Refusal {
  return new Refusal(400, "The query is no GraphQL.");
}
