/**
 * Reads JSON (RFC 8259) without making anything of it, and says where it exceeds a limit. What it admits is JSON for every parser: it is as strict as the grammar is, and
 * refuses what parsers read in different ways: a name that an object has twice, and numbers of a thousand digits. The time is linear in the number of
 * bytes, the memory in the number of names.
 */
import { latin1 } from "../../base/latin1.ts";

export interface JsonLimits {
  /** Lists and objects within each other. */
  readonly depth: number;
  /** Names in all objects together. */
  readonly keys: number;
  /** Bytes of a string or of a name, as it is sent. */
  readonly stringBytes: number;
  /** Elements of a list. */
  readonly items: number;
  /** Whether an object may have a name twice. */
  readonly duplicates: boolean;
}

/** What a text exceeds, or `syntax`: it is no JSON. */
export type JsonFault = "syntax" | "depth" | "keys" | "string" | "items" | "duplicate" | "number";

/** Longer numbers take some programs a time that grows with the square of their length. No double needs as many digits. */
export const NUMBER_BYTES_MAX = 1000;

/** What is wrong with a text in UTF-8; null: nothing. A byte order mark before it is left out, as most parsers do. */
export function scanJson(bytes: Uint8Array, limits: JsonLimits): JsonFault | null {
  const from = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  return new JsonScan(bytes, from, limits).whole();
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const LIST = 0x5b;
const LIST_END = 0x5d;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;

/** A list or an object that is open. */
interface Open {
  readonly isObject: boolean;
  /** Elements of a list so far. */
  items: number;
  /** The names of an object so far; null: it has none, or they need not differ. */
  names: Set<string> | null;
}

class JsonScan {
  private readonly bytes: Uint8Array;
  private readonly limits: JsonLimits;
  private at: number;
  private keys: number = 0;
  private readonly open: Open[] = [];

  constructor(bytes: Uint8Array, from: number, limits: JsonLimits) {
    this.bytes = bytes;
    this.at = from;
    this.limits = limits;
  }

  /** One value, with lists and objects on a stack of their own: depth costs no calls. */
  whole(): JsonFault | null {
    this.space();
    for (;;) {
      const fault = this.begin();
      if (fault !== null && fault !== "opened") return fault;
      if (fault === "opened") continue;
      // A value has ended, and with it perhaps the lists and objects around it.
      for (;;) {
        this.space();
        const around = this.open.at(-1);
        if (around === undefined) return this.at === this.bytes.length ? null : "syntax";
        const next = this.bytes[this.at++];
        if (next === COMMA) {
          this.space();
          const further = around.isObject ? this.name(around) : this.item(around);
          if (further !== null) return further;
          break;
        }
        if (next !== (around.isObject ? OBJECT_END : LIST_END)) return "syntax";
        this.open.pop();
      }
    }
  }

  /** Reads a value that is no list and no object, or an empty one: null. Or the beginning of another one, up to its first value: `opened`. */
  private begin(): JsonFault | "opened" | null {
    const first = this.bytes[this.at];
    if (first === QUOTE) return this.string();
    if (first !== OBJECT && first !== LIST) return this.numberOrWord();
    if (this.open.length >= this.limits.depth) return "depth";
    this.at++;
    this.space();
    const isObject = first === OBJECT;
    if (this.bytes[this.at] === (isObject ? OBJECT_END : LIST_END)) {
      this.at++;
      return null;
    }
    const opened: Open = { isObject, items: 0, names: null };
    this.open.push(opened);
    return (isObject ? this.name(opened) : this.item(opened)) ?? "opened";
  }

  private item(list: Open): JsonFault | null {
    return ++list.items > this.limits.items ? "items" : null;
  }

  /** A name, with the colon after it. */
  private name(object: Open): JsonFault | null {
    const begin = this.at + 1;
    if (this.bytes[this.at] !== QUOTE) return "syntax";
    const fault = this.string();
    if (fault !== null) return fault;
    const end = this.at - 1;
    if (++this.keys > this.limits.keys) return "keys";
    if (!this.limits.duplicates) {
      const name = nameOf(this.bytes, begin, end);
      const names = (object.names ??= new Set());
      if (names.has(name)) return "duplicate";
      names.add(name);
    }
    this.space();
    if (this.bytes[this.at] !== COLON) return "syntax";
    this.at++;
    this.space();
    return null;
  }

  private string(): JsonFault | null {
    const { bytes } = this;
    const begin = this.at + 1;
    for (let at = begin; at < bytes.length; at++) {
      const octet = bytes[at] as number;
      if (octet === QUOTE) {
        this.at = at + 1;
        return at - begin > this.limits.stringBytes ? "string" : null;
      }
      if (octet < 0x20) return "syntax";
      if (octet !== BACKSLASH) continue;
      const length = escapeLength(bytes, at);
      if (length === 0) return "syntax";
      at += length - 1;
    }
    return "syntax";
  }

  private numberOrWord(): JsonFault | null {
    const { bytes } = this;
    const begin = this.at;
    let end = begin;
    while (end < bytes.length && end - begin <= NUMBER_BYTES_MAX && isWordOctet(bytes[end] as number)) end++;
    this.at = end;
    const word = latin1(bytes, begin, end);
    if (word === "true" || word === "false" || word === "null") return null;
    if (!/^-?[0-9]/.test(word)) return "syntax";
    if (word.length > NUMBER_BYTES_MAX) return "number";
    return NUMBER.test(word) ? null : "syntax";
  }

  private space(): void {
    const { bytes } = this;
    for (;;) {
      const octet = bytes[this.at];
      if (octet !== 0x20 && octet !== 0x0a && octet !== 0x0d && octet !== 0x09) return;
      this.at++;
    }
  }
}

const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

function isWordOctet(octet: number): boolean {
  if (octet >= 0x30 && octet <= 0x39) return true;
  const letter = octet | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || octet === 0x2b || octet === 0x2d || octet === 0x2e;
}

/** How many octets the escape has that begins with the backslash at `at`; 0: it is none. */
function escapeLength(bytes: Uint8Array, at: number): number {
  const letter = bytes[at + 1];
  if (letter !== 0x75) return letter !== undefined && ESCAPED.includes(letter) ? 2 : 0;
  for (let index = at + 2; index < at + 6; index++) if (hexDigit(bytes[index] ?? 0) < 0) return 0;
  return 6;
}

/** The letters after a backslash: quotation mark, backslash, slash, b, f, n, r, t. */
const ESCAPED = [0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74];

function hexDigit(octet: number): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const letter = octet | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/**
 * A name as the octets of its UTF-8, one character each, so that two spellings of one name are equal. What needs no escape is the same in both forms; what is
 * escaped is read by the language's own parser.
 */
function nameOf(bytes: Uint8Array, begin: number, end: number): string {
  const text = latin1(bytes, begin, end);
  if (!text.includes("\\")) return text;
  return text.replace(/(?:\\(?:u[0-9A-Fa-f]{4}|[^u]))+/g, (escapes) => octetsOf(JSON.parse(`"${escapes}"`) as string));
}

function octetsOf(text: string): string {
  let octets = "";
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) octets += character;
    else if (code < 0x800) octets += String.fromCharCode(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x1_0000) octets += String.fromCharCode(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    else octets += String.fromCharCode(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
  }
  return octets;
}
