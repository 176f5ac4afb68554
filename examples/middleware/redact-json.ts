/**
 * Replaces the values of named fields in JSON responses, at any depth, while they stream.
 *
 * For data that must not leave by this route: card numbers, tokens, personal data. The whole value is replaced, be it a string, a number, an
 * object or a list. Names are compared without regard to case, after their escapes (`"p\u0061ssword"`) are undone.
 *
 * It fails closed: JSON that is malformed or nested too deeply ends the exchange (500, or a cut connection once the response has begun), and
 * a response that cannot be read (compressed, or a part of a whole, both in spite of what was asked for) is answered 502. Other types of
 * content pass unchanged, so list all types in which the service sends JSON. `Cache-Control: no-transform` is not obeyed.
 *
 * ```yaml
 * middleware:
 *   - use: ./redact-json.ts
 *     options: { fields: [password, card_number], replacement: "***" }
 * ```
 */
import { defineMiddleware, isEncoded, markTransformed, mediaType, requestPlainBody, responseSource, transformStage } from "millrace";
import type { BytesTransform, ResponseHead, Write } from "millrace";
import { z } from "zod";

const options = z.strictObject({
  fields: z.array(z.string().min(1).max(200)).min(1).describe("Names of the fields whose values are replaced."),
  replacement: z.json().default("[redacted]").describe("The value that takes their place: a text, a number, null ..."),
  types: z
    .array(z.string())
    .default(["application/json", "application/x-ndjson", "application/jsonl", "text/json"])
    .describe("Media types that are JSON, or a sequence of JSON values. Types that end in +json are always."),
});

export default defineMiddleware({
  name: "redact-json",
  options,
  setup: ({ fields, replacement, types }, context) => {
    const names = new Set(fields.map((name) => name.toLowerCase()));
    const jsonTypes = new Set(types.map((type) => type.toLowerCase()));
    const text = Buffer.from(JSON.stringify(replacement));
    const redacted = context.counter("redacted");
    const unreadable = context.counter("unreadable");
    const isJson = (head: ResponseHead | null): boolean => {
      const type = mediaType(head);
      return jsonTypes.has(type) || type.endsWith("+json");
    };
    return {
      onUpstreamRequest: (_exchange, request) => requestPlainBody(request),
      onUpstreamResponse: (_exchange, { head }) => {
        if (head === null || !isJson(head) || (head.status !== 206 && !isEncoded(head))) return null;
        unreadable.add();
        return responseSource(new Response("502 Bad Gateway: the response cannot be checked.\n", { status: 502 }));
      },
      onResponse: (_exchange, response) => {
        if (response.status === 304 || isJson(response.head)) markTransformed(response);
        return isJson(response.head) ? transformStage(new Redaction(names, text, () => redacted.add())) : null;
      },
    };
  },
});

/** Objects and lists within one another. JSON of real services has a few dozen at most. */
const DEPTH_MAX = 1000;
/** Bytes of a number, or of true, false or null. */
const LITERAL_BYTES_MAX = 1000;
const LITERAL = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?)$/;

/** What may come next between tokens. `...OrEnd`: the container may also end here, because it is empty so far. */
type Expected = "value" | "valueOrEnd" | "key" | "keyOrEnd" | "colon" | "separator";
/** The token within which the input has stopped. A number: hexadecimal digits that an escape still needs. */
type Within = "nothing" | "string" | "escape" | "literal" | 1 | 2 | 3 | 4;

/**
 * Reads JSON byte by byte, and passes everything on but the values of the named fields. Between two slices it remembers which containers are
 * open, and the key or number that it is in. What is no JSON throws a SyntaxError.
 */
class Redaction implements BytesTransform {
  private readonly names: ReadonlySet<string>;
  private readonly replacement: Buffer;
  private readonly onRedacted: () => void;
  /** Of longer keys no more is kept: a name has at most six bytes per character (\u0061), and two quotes. */
  private readonly keyBytesMax: number;
  private readonly containers: ("object" | "list")[] = [];
  private expected: Expected = "value";
  private within: Within = "nothing";
  private isKey: boolean = false;
  /** The key or literal that is being read, a character for each byte. */
  private token: string = "";
  /** The value that comes next belongs to a named field. */
  private isNamed: boolean = false;
  /** While a value is replaced: how many containers are around it. -1: none is replaced. */
  private replacedAt: number = -1;
  /** Where in the slice the bytes begin that are to be passed on. -1: they are part of a replaced value. */
  private kept: number = 0;

  constructor(names: ReadonlySet<string>, replacement: Buffer, onRedacted: () => void) {
    this.names = names;
    this.replacement = replacement;
    this.onRedacted = onRedacted;
    this.keyBytesMax = 6 * Math.max(...[...names].map(({ length }) => length)) + 2;
  }

  bytes(bytes: Buffer, write: Write): void {
    this.kept = this.replacedAt < 0 ? 0 : -1;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (this.within === "string") this.inString(byte, at);
      else if (this.within === "literal" && isLiteral(byte)) this.token += this.bounded(byte);
      else if (this.within === "nothing" || this.within === "literal") {
        if (this.within === "literal") this.literalEnded(at);
        if (!isSpace(byte)) this.token = this.betweenTokens(byte, at, bytes, write);
      } else this.inEscape(byte);
    }
    if (this.kept >= 0) write(bytes.subarray(this.kept));
  }

  end(): void {
    if (this.within === "literal") this.literalEnded(0);
    const isWhole = this.expected === "separator" || this.expected === "value";
    if (this.within !== "nothing" || this.containers.length > 0 || !isWhole) throw malformed();
  }

  // ---- within a token -------------------------------------------------------------------------------------------------

  private inString(byte: number, at: number): void {
    this.addToKey(byte);
    if (byte === BACKSLASH) this.within = "escape";
    else if (byte < 0x20) throw malformed();
    else if (byte === QUOTE) {
      this.within = "nothing";
      if (!this.isKey) return this.valueEnded(at + 1);
      this.expected = "colon";
      this.isNamed = this.token.length <= this.keyBytesMax && this.names.has(decoded(this.token).toLowerCase());
    }
  }

  private inEscape(byte: number): void {
    const { within } = this;
    this.addToKey(byte);
    if (within === "escape") {
      if (byte !== LETTER_U && !SIMPLE_ESCAPES.has(byte)) throw malformed();
      this.within = byte === LETTER_U ? 4 : "string";
    } else {
      if (!isHex(byte)) throw malformed();
      this.within = within === 4 ? 3 : within === 3 ? 2 : within === 2 ? 1 : "string";
    }
  }

  private addToKey(byte: number): void {
    if (this.isKey && this.token.length <= this.keyBytesMax) this.token += String.fromCharCode(byte);
  }

  private bounded(byte: number): string {
    if (this.token.length === LITERAL_BYTES_MAX) throw malformed();
    return String.fromCharCode(byte);
  }

  private literalEnded(at: number): void {
    if (!LITERAL.test(this.token)) throw malformed();
    this.within = "nothing";
    this.valueEnded(at);
  }

  // ---- between tokens -------------------------------------------------------------------------------------------------

  /** Returns the beginning of the next token, as far as it is kept. */
  private betweenTokens(byte: number, at: number, bytes: Buffer, write: Write): string {
    switch (byte) {
      case QUOTE:
        this.isKey = this.expected === "key" || this.expected === "keyOrEnd";
        if (!this.isKey) this.valueBegins(at, bytes, write);
        this.within = "string";
        return this.isKey ? '"' : "";
      case COLON:
        if (this.expected !== "colon") throw malformed();
        this.expected = "value";
        return "";
      case COMMA:
        if (this.expected !== "separator" || this.containers.length === 0) throw malformed();
        this.expected = this.containers.at(-1) === "object" ? "key" : "value";
        return "";
      case OPEN_OBJECT:
      case OPEN_LIST:
        this.valueBegins(at, bytes, write);
        if (this.containers.length === DEPTH_MAX) throw malformed();
        this.containers.push(byte === OPEN_OBJECT ? "object" : "list");
        this.expected = byte === OPEN_OBJECT ? "keyOrEnd" : "valueOrEnd";
        return "";
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        if (this.containers.pop() !== (byte === CLOSE_OBJECT ? "object" : "list")) throw malformed();
        if (this.expected !== "separator" && this.expected !== (byte === CLOSE_OBJECT ? "keyOrEnd" : "valueOrEnd")) throw malformed();
        this.valueEnded(at + 1);
        return "";
      default:
        this.valueBegins(at, bytes, write);
        if (!isLiteral(byte)) throw malformed();
        this.within = "literal";
        return String.fromCharCode(byte);
    }
  }

  private valueBegins(at: number, bytes: Buffer, write: Write): void {
    // After a whole value another one may follow, as in NDJSON.
    const isNext = this.expected === "separator" && this.containers.length === 0;
    if (!isNext && this.expected !== "value" && this.expected !== "valueOrEnd") throw malformed();
    if (this.isNamed && this.replacedAt < 0) {
      write(bytes.subarray(this.kept, at));
      write(this.replacement);
      this.kept = -1;
      this.replacedAt = this.containers.length;
      this.onRedacted();
    }
    this.isNamed = false;
  }

  /** @param end where in the slice the value ends */
  private valueEnded(end: number): void {
    this.expected = "separator";
    if (this.replacedAt !== this.containers.length) return;
    this.replacedAt = -1;
    this.kept = end;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const LETTER_U = 0x75;
const SIMPLE_ESCAPES: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'));

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isHex(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

/** Whether a number, or true, false or null, may contain the byte. */
function isLiteral(byte: number): boolean {
  return isHex(byte) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x2b || byte === 0x2d || byte === 0x2e;
}

/** The text of a string whose bytes are given as latin1, with its quotes. */
function decoded(token: string): string {
  return String(JSON.parse(Buffer.from(token, "latin1").toString()));
}

function malformed(): SyntaxError {
  return new SyntaxError("the response is no JSON, or nested too deeply");
}
