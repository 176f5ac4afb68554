/**
 * Reads JSON (RFC 8259) as strictly as its grammar is, and within limits. Beyond the grammar it refuses what parsers read in different ways: a name
 * that an object has twice, a number outside of what a double can hold. Objects inherit nothing, so `__proto__` is a name like any other.
 * The time is linear in the length of the text.
 */

export interface JsonLimits {
  /** Arrays and objects within each other. At most some hundreds: each takes a call. */
  readonly depth: number;
  /** Members of all objects, and all arrays and objects, together: each takes some dozen times the memory of its shortest text. */
  readonly members: number;
}

/**
 * - `syntax`: it is no JSON
 * - `depth`, `members`: it is beyond a limit
 * - `duplicate`: an object has a name twice
 * - `number`: a number is too large for a double
 */
export type JsonFault = "syntax" | "depth" | "members" | "duplicate" | "number";

/** An object of a parsed text. It inherits nothing. */
export type JsonObject = Readonly<Record<string, unknown>>;

export type ParsedJson = { readonly value: unknown; readonly fault: null } | { readonly fault: JsonFault };

export function parseJson(text: string, limits: JsonLimits): ParsedJson {
  const reader = new JsonReader(text, limits);
  try {
    return { value: reader.whole(), fault: null };
  } catch (error) {
    if (error instanceof Fault) return { fault: error.fault };
    throw error;
  }
}

/** Whether a value of a parsed text is an object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Objects that inherit nothing, such as `constructor`. They are made by a class, because the engine takes objects made by `Object.create(null)` for
 * tables, which are ten times as slow to make.
 */
class Bare {
  [name: string]: unknown;
}
Reflect.setPrototypeOf(Bare.prototype, null);
Reflect.deleteProperty(Bare.prototype, "constructor");

class Fault extends Error {
  readonly fault: JsonFault;

  constructor(fault: JsonFault) {
    super(fault);
    this.fault = fault;
  }
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
/** What a string consists of besides escapes. */
// eslint-disable-next-line no-control-regex
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const HEX = /[0-9A-Fa-f]{4}/y;
const ESCAPES: Readonly<Record<string, string>> = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

class JsonReader {
  private readonly text: string;
  private readonly limits: JsonLimits;
  private at: number = 0;
  private depth: number = 0;
  private members: number = 0;

  constructor(text: string, limits: JsonLimits) {
    this.text = text;
    this.limits = limits;
  }

  whole(): unknown {
    this.space();
    const value = this.value();
    this.space();
    if (this.at < this.text.length) throw new Fault("syntax");
    return value;
  }

  private value(): unknown {
    const { text } = this;
    switch (text.charCodeAt(this.at)) {
      case 0x7b:
        return this.object();
      case 0x5b:
        return this.array();
      case 0x22:
        this.at++;
        return this.string();
      case 0x74:
        return this.word("true", true);
      case 0x66:
        return this.word("false", false);
      case 0x6e:
        return this.word("null", null);
      default:
        return this.number();
    }
  }

  private object(): JsonObject {
    const { text } = this;
    const made = new Bare();
    this.begin();
    this.space();
    if (text.charCodeAt(this.at) === 0x7d) return this.closed(made);
    for (;;) {
      if (text.charCodeAt(this.at++) !== 0x22) throw new Fault("syntax");
      const name = this.string();
      this.space();
      if (text.charCodeAt(this.at++) !== 0x3a) throw new Fault("syntax");
      this.space();
      this.count();
      if (name in made) throw new Fault("duplicate");
      made[name] = this.value();
      this.space();
      const next = text.charCodeAt(this.at);
      if (next === 0x7d) return this.closed(made);
      if (next !== 0x2c) throw new Fault("syntax");
      this.at++;
      this.space();
    }
  }

  private array(): readonly unknown[] {
    const { text } = this;
    const made: unknown[] = [];
    this.begin();
    this.space();
    if (text.charCodeAt(this.at) === 0x5d) return this.closed(made);
    for (;;) {
      made.push(this.value());
      this.space();
      const next = text.charCodeAt(this.at);
      if (next === 0x5d) return this.closed(made);
      if (next !== 0x2c) throw new Fault("syntax");
      this.at++;
      this.space();
    }
  }

  /** Reads the bracket that an array or an object begins with. */
  private begin(): void {
    if (++this.depth > this.limits.depth) throw new Fault("depth");
    this.count();
    this.at++;
  }

  private count(): void {
    if (++this.members > this.limits.members) throw new Fault("members");
  }

  private closed<T>(made: T): T {
    this.at++;
    this.depth--;
    return made;
  }

  /** A string whose quotation mark has been read. */
  private string(): string {
    const { text } = this;
    let made = "";
    for (;;) {
      const plain = this.match(PLAIN);
      const next = text.charCodeAt(this.at++);
      if (next === 0x22) return made === "" ? plain : made + plain;
      if (next !== 0x5c) throw new Fault("syntax");
      made += plain + this.escaped();
    }
  }

  private escaped(): string {
    const letter = this.text[this.at++] ?? "";
    if (letter === "u") {
      const digits = this.match(HEX);
      if (digits === "") throw new Fault("syntax");
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const character = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
    if (character === undefined) throw new Fault("syntax");
    return character;
  }

  private number(): number {
    const digits = this.match(NUMBER);
    if (digits === "") throw new Fault("syntax");
    const value = Number(digits);
    if (!Number.isFinite(value)) throw new Fault("number");
    return value;
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) throw new Fault("syntax");
    this.at += word.length;
    return value;
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  private space(): void {
    const { text } = this;
    for (;;) {
      const code = text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at++;
    }
  }
}
