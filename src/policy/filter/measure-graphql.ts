/**
 * Measures what a GraphQL document asks for: how deep, how many fields and aliases. Fragments count where they are spread, so they can hide nothing.
 *
 * The parser takes executable documents only (GraphQL specification of September 2025, section 2), as strictly as the grammar is: what it admits means the same to every
 * program that follows the grammar. Its time is linear in the number of tokens, which has a limit. Calls nest as the document does, which has a limit
 * too, and each fragment is measured once, however often it is spread.
 */
import { GraphqlTokens } from "./graphql-tokens.ts";
import type { TokenKind } from "./graphql-tokens.ts";

export interface GraphqlLimits {
  /** Fields within each other. */
  readonly depth: number;
  /** Of one operation, its fragments included, each as often as it is spread. */
  readonly aliases: number;
  readonly fields: number;
  readonly directives: number;
  /** Fields that stand in no other field. */
  readonly rootFields: number;
  /** Tokens of a document. */
  readonly tokens: number;
}

/**
 * What a document exceeds, or:
 * - `syntax`: it is no executable document
 * - `nesting`: its brackets nest deeper than any document needs
 * - `fragments`: a fragment is missing, is there twice, or spreads itself
 */
export type GraphqlFault = "depth" | "aliases" | "fields" | "directives" | "rootFields" | "tokens" | "syntax" | "nesting" | "fragments";

/** What is wrong with a document; null: nothing. */
export function measureGraphql(text: string, limits: GraphqlLimits): GraphqlFault | null {
  try {
    const { operations, fragments } = new GraphqlParser(text, limits.tokens).document();
    const sums = new FragmentSums(fragments);
    for (const operation of operations) {
      const sum = sums.of(operation);
      for (const part of MEASURED) if (sum[part] > limits[part]) return part;
    }
    return null;
  } catch (error) {
    if (error instanceof Fault) return error.fault;
    throw error;
  }
}

/** Brackets, braces and parentheses within each other: fields, inline fragments, values, types. */
export const NESTING_MAX = 200;

const MEASURED = ["depth", "rootFields", "aliases", "fields", "directives"] as const;

class Fault extends Error {
  readonly fault: GraphqlFault;

  constructor(fault: GraphqlFault) {
    super(fault);
    this.fault = fault;
  }
}

interface Sum {
  depth: number;
  aliases: number;
  fields: number;
  directives: number;
  rootFields: number;
}

/** An operation or a fragment: what it has itself, and the fragments that it spreads, each with the number of fields around it. */
interface Definition {
  readonly own: Sum;
  readonly spreads: (readonly [name: string, depth: number])[];
}

interface Document {
  readonly operations: readonly Definition[];
  readonly fragments: ReadonlyMap<string, Definition>;
}

/** Adds up what fragments have. */
class FragmentSums {
  private readonly fragments: ReadonlyMap<string, Definition>;
  private readonly known: Map<Definition, Sum | null> = new Map();

  constructor(fragments: ReadonlyMap<string, Definition>) {
    this.fragments = fragments;
  }

  of(definition: Definition): Sum {
    const known = this.known.get(definition);
    // Null while it is being added up: it spreads itself.
    if (known === null) throw new Fault("fragments");
    if (known !== undefined) return known;
    this.known.set(definition, null);
    const sum = { ...definition.own };
    for (const [name, depth] of definition.spreads) {
      const fragment = this.fragments.get(name);
      if (fragment === undefined) throw new Fault("fragments");
      const inner = this.of(fragment);
      sum.depth = Math.max(sum.depth, depth + inner.depth);
      // They grow exponentially with the number of fragments, and end as Infinity.
      sum.aliases += inner.aliases;
      sum.fields += inner.fields;
      sum.directives += inner.directives;
      if (depth === 0) sum.rootFields += inner.rootFields;
    }
    this.known.set(definition, sum);
    return sum;
  }
}

class GraphqlParser {
  private readonly tokens: GraphqlTokens;
  private readonly tokensMax: number;
  private nesting: number = 0;
  private current: Definition = emptyDefinition();

  constructor(text: string, tokensMax: number) {
    this.tokens = new GraphqlTokens(text);
    this.tokensMax = tokensMax;
  }

  document(): Document {
    const operations: Definition[] = [];
    const fragments = new Map<string, Definition>();
    do {
      this.current = emptyDefinition();
      const fragment = this.definition();
      if (fragment === null) operations.push(this.current);
      else if (fragments.has(fragment)) throw new Fault("fragments");
      else fragments.set(fragment, this.current);
    } while (this.tokens.kind !== "end");
    // Without an operation nothing can be executed.
    if (operations.length === 0) throw new Fault("syntax");
    return { operations, fragments };
  }

  /** The name of a fragment; null for an operation. */
  private definition(): string | null {
    if (this.tokens.kind === "{") {
      this.selections(0);
      return null;
    }
    if (this.tokens.kind === "string") this.next();
    const keyword = this.name();
    let fragment: string | null = null;
    if (keyword === "fragment") {
      fragment = this.name();
      if (fragment === "on" || this.name() !== "on") throw new Fault("syntax");
      this.name();
    } else {
      if (!OPERATIONS.has(keyword)) throw new Fault("syntax");
      if (this.tokens.kind === "name") this.next();
      if (this.tokens.kind === "(") this.listed("(", ")", () => this.variable());
    }
    this.directives();
    this.selections(0);
    return fragment;
  }

  private variable(): void {
    if (this.tokens.kind === "string") this.next();
    this.take("$");
    this.name();
    this.take(":");
    this.type();
    if (this.tokens.kind === "=") {
      this.next();
      this.value(true);
    }
    this.directives(true);
  }

  private type(): void {
    if (this.tokens.kind === "[") {
      this.enter("[");
      this.type();
      this.leave("]");
    } else this.name();
    if (this.tokens.kind === "!") this.next();
  }

  /** @param depth how many fields are around the selections */
  private selections(depth: number): void {
    this.listed("{", "}", () => (this.tokens.kind === "." ? this.fragment(depth) : this.field(depth)));
  }

  private field(depth: number): void {
    const { own } = this.current;
    this.name();
    if (this.tokens.kind === ":") {
      this.next();
      this.name();
      own.aliases++;
    }
    own.fields++;
    own.depth = Math.max(own.depth, depth + 1);
    if (depth === 0) own.rootFields++;
    if (this.tokens.kind === "(") this.listed("(", ")", () => this.named(false));
    this.directives();
    if (this.tokens.kind === "{") this.selections(depth + 1);
  }

  /** A spread, or an inline fragment, which adds nothing to the depth. */
  private fragment(depth: number): void {
    this.next();
    if (this.tokens.kind === "name") {
      const name = this.name();
      if (name !== "on") {
        this.current.spreads.push([name, depth]);
        return this.directives();
      }
      this.name();
    }
    this.directives();
    this.selections(depth);
  }

  /** @param isConstant whether variables are refused */
  private directives(isConstant: boolean = false): void {
    while (this.tokens.kind === "@") {
      this.next();
      this.name();
      this.current.own.directives++;
      if (this.isAt("(")) this.listed("(", ")", () => this.named(isConstant));
    }
  }

  /** An argument, or a field of a value. */
  private named(isConstant: boolean): void {
    this.name();
    this.take(":");
    this.value(isConstant);
  }

  private value(isConstant: boolean): void {
    const { kind } = this.tokens;
    if (kind === "[" || kind === "{") {
      // Other than selections and arguments, values may be empty.
      this.enter(kind);
      const end = kind === "[" ? "]" : "}";
      while (this.tokens.kind !== end)
        if (kind === "[") this.value(isConstant);
        else this.named(isConstant);
      this.leave(end);
    } else if (kind === "$" && !isConstant) {
      this.next();
      this.name();
    } else if (kind === "name" || kind === "number" || kind === "string") this.next();
    else throw new Fault("syntax");
  }

  /** At least one of something within a pair of brackets. */
  private listed(begin: TokenKind, end: TokenKind, one: () => void): void {
    this.enter(begin);
    do one();
    while (this.tokens.kind !== end);
    this.leave(end);
  }

  private enter(begin: TokenKind): void {
    if (++this.nesting > NESTING_MAX) throw new Fault("nesting");
    this.take(begin);
  }

  private leave(end: TokenKind): void {
    this.nesting--;
    this.take(end);
  }

  private isAt(kind: TokenKind): boolean {
    return this.tokens.kind === kind;
  }

  private name(): string {
    const { name } = this.tokens;
    this.take("name");
    return name;
  }

  private take(kind: TokenKind): void {
    if (this.tokens.kind !== kind) throw new Fault("syntax");
    this.next();
  }

  private next(): void {
    if (this.tokens.count > this.tokensMax) throw new Fault("tokens");
    this.tokens.next();
  }
}

const OPERATIONS: ReadonlySet<string> = new Set(["query", "mutation", "subscription"]);

function emptyDefinition(): Definition {
  return { own: { depth: 0, aliases: 0, fields: 0, directives: 0, rootFields: 0 }, spreads: [] };
}
