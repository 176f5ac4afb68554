/**
 * The pure parsers of untrusted text, each with what must hold of its answer for any text at all.
 */
import assert from "node:assert/strict";
import { Buffer, isUtf8 } from "node:buffer";
import { isIP } from "node:net";
import { compileCidrs } from "../src/base/cidr.ts";
import { clientAddress } from "../src/http/client-address.ts";
import { hostOf, isAuthority } from "../src/http/authority.ts";
import { parseContentType } from "../src/http/content-type.ts";
import { connectionOptions } from "../src/http/connection-options.ts";
import { RequestEdits } from "../src/http/head-edits.ts";
import { forwardedElement, parseForwarded } from "../src/http/forwarded.ts";
import { httpDate } from "../src/http/http-date.ts";
import { connectionExpiry } from "../src/http/keep-alive.ts";
import { parseLength } from "../src/http1/body-framing.ts";
import { Chunk, ChunkedDecoder } from "../src/http1/chunked.ts";
import { DEFAULT_LIMITS } from "../src/http1/limits.ts";
import { Event } from "../src/http1/message-reader.ts";
import { RequestReader } from "../src/http1/request-reader.ts";
import { AddedFields, requestHeadText } from "../src/net/h1/request-writer.ts";
import type { ProxyHeader } from "../src/proxy-protocol/header.ts";
import { ProxyHeaderReader, readHeader } from "../src/proxy-protocol/header-reader.ts";
import { PartCounter } from "../src/policy/filter/count-parts.ts";
import { measureGraphql } from "../src/policy/filter/measure-graphql.ts";
import { scanJson } from "../src/policy/filter/scan-json.ts";
import { compileOrigins } from "../src/policy/cors/origins.ts";
import { parseJson } from "../src/base/json-text.ts";
import { parseMediaType } from "../src/policy/validate/media-type.ts";
import { formPairs } from "../src/policy/validate/parameters.ts";
import { toRe2 } from "../src/policy/validate/pattern.ts";
import { EventData } from "../src/policy/tokens/event-data.ts";
import { COUNT_MAX, UsageScanner } from "../src/policy/tokens/usage-scanner.ts";
import { normalizePath, otherReadings, referenceReadings } from "../src/policy/route/normalize-path.ts";
import { acceptsJson } from "../src/proxy/exchange/finished-answer.ts";
import { admitRequest } from "../src/proxy/exchange/forwarding.ts";

export interface TextParser {
  readonly name: string;
  /** The longest text that the limits let it see. */
  readonly charactersMax: number;
  /** The parser alone: what is timed. */
  parse(text: string): unknown;
  /** Parses, and throws where the answer is none that the parser may give. */
  check(text: string): void;
}

/** A little below the limits of a head and of a start line. */
const HEAD_CHARACTERS = 30_000;
const START_LINE_CHARACTERS = 8000;
/** Patterns are the words of whoever writes the description; longer ones were never seen. */
const PATTERN_CHARACTERS = 4000;

const TRUSTED = compileCidrs(["10.0.0.0/8", "192.0.2.0/24", "::1/128"]);
const ORIGINS = compileOrigins(["https://a.test", "https://*.example.org", "http://*.b.test:8080"]);

export const PARSERS: readonly TextParser[] = [
  parser(
    "authority",
    HEAD_CHARACTERS,
    (text) => (isAuthority(text) ? hostOf(text) : null),
    (host, text) => {
      if (host === null) return;
      assert.doesNotMatch(text, /[@/?#\\]|[^!-~]/, "an authority of a host and a port only");
      assert.doesNotMatch(host, /[A-Z]|:[0-9]*$/, "a host in lower case, without port");
    },
  ),
  parser(
    "connection-options",
    HEAD_CHARACTERS,
    (text) => {
      const head = headWith("Connection", text);
      return head === null ? null : connectionOptions(head);
    },
    (options, text) => {
      if (options === null) return;
      assert.equal(
        options.named.find((name) => /[A-Z,]|^[ \t]|[ \t]$|^$/.test(name)),
        undefined,
      );
      assert.equal(options.close, /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(text));
    },
  ),
  parser(
    "keep-alive",
    HEAD_CHARACTERS,
    (text) => connectionExpiry(text, 60_000),
    (expiry) => {
      assert.ok(expiry >= 0 && expiry <= 60_000, "beyond the limits");
    },
  ),
  // Made of a clock and not of a text: any second up to the year 9999 must come back.
  parser(
    "http-date",
    HEAD_CHARACTERS,
    (text) => httpDate(secondOf(text) * 1000),
    (date, text) => {
      assert.equal(Date.parse(date), secondOf(text) * 1000);
      assert.match(date, /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
    },
  ),
  parser(
    "client-address",
    HEAD_CHARACTERS,
    (text) => clientAddress("10.0.0.1", text.split("\n"), TRUSTED),
    (address) => {
      assert.notEqual(isIP(address), 0, "no address");
    },
  ),
  parser(
    "normalize-path",
    START_LINE_CHARACTERS,
    (text) => normalizePath(pathOf(text)),
    (path, text) => {
      if (path === null) return;
      assert.match(path, /^\/[ -~]*$/);
      assert.doesNotMatch(path, /\/\.{0,2}\/|\/\.\.?$|\\/, "no empty and no dot segments");
      assert.equal(normalizePath(path), path, "idempotent");
      for (const other of [...otherReadings(pathOf(text), path), ...referenceReadings(pathOf(text), path)])
        assert.match(other, /^\/[ -~]*$/);
    },
  ),
  parser(
    "cors-origin",
    HEAD_CHARACTERS,
    (text) => [text, `https://${text}.example.org`, `http://${text}.b.test:8080`].filter(ORIGINS.lists),
    (listed) => {
      for (const origin of listed) {
        // A second opinion: a browser would have to be on a host of ours to send this.
        const { host, protocol } = new URL(origin);
        assert.match(`${protocol}${host}`, /^(https:a\.test|https:.+\.example\.org|http:.+\.b\.test:8080)$/, origin);
      }
    },
  ),
  parser("chunked", HEAD_CHARACTERS, decodeChunks, () => {}),
  parser("content-length", HEAD_CHARACTERS, parseLength, (length, text) => {
    assert.ok(length === -1 || (Number.isSafeInteger(length) && length >= 0 && /^[0-9]+$/.test(text) && BigInt(text) === BigInt(length)));
  }),
  parser(
    "forwarded-field",
    HEAD_CHARACTERS,
    (text) => parseForwarded([text]),
    (elements) => {
      for (const { host = "" } of elements ?? []) {
        const [again] = parseForwarded([forwardedElement("2001:db8::1", host, "http")]) ?? [];
        assert.deepEqual(again, { for: "[2001:db8::1]", ...(host === "" ? {} : { host }), proto: "http" });
      }
    },
  ),
  parser("accept", HEAD_CHARACTERS, acceptsJson, () => {}),
  parser(
    "proxy-header",
    HEAD_CHARACTERS,
    (text) => readHeader(proxyHeaderOf(text), 0, proxyHeaderOf(text).length),
    (read, text) => {
      const bytes = proxyHeaderOf(text);
      const reader = new ProxyHeaderReader();
      for (let at = 0; at < bytes.length; at++) {
        const piece = reader.take(bytes, at, at + 1);
        if (piece.kind === "more") continue;
        // A fault may be told before the bytes that another fault is told for have come.
        assert.equal(piece.kind, read.kind, "the same in pieces");
        if (piece.kind === "header" && read.kind === "header") assert.deepEqual([piece.header, piece.end], [read.header, read.end]);
        if (piece.kind === "header") assertHeader(piece.header);
        return;
      }
      assert.equal(read.kind, "more");
    },
  ),
  parser(
    "via",
    HEAD_CHARACTERS,
    (text) => {
      const head = headWith("Via", text);
      return head === null ? null : admitRequest(head, connectionOptions(head), "drop");
    },
    () => {},
  ),
  parser("token-usage", HEAD_CHARACTERS, usageIn, (usage, text) => {
    assert.ok(
      usage.every((count) => Number.isSafeInteger(count) && count >= 0 && count <= 3 * COUNT_MAX),
      `counts such as ${usage.join()}`,
    );
    if (text.length < 1000) assert.deepEqual(usageIn(text, 1), usage, "the same in pieces");
  }),
  parser("json", HEAD_CHARACTERS, jsonFault, (fault, text) => {
    if (fault !== "number" && isUtf8(Buffer.from(text, "latin1")))
      assert.equal(fault === null, isJson(text), "JSON for the language's parser, and nothing else");
  }),
  parser("graphql", HEAD_CHARACTERS, graphqlFault, (fault, text) => {
    if (fault === null) assert.match(text, /\{[^]*\}/, "a document without a selection");
  }),
  parser("parts", HEAD_CHARACTERS, partsFault, (fault, text) => {
    if (text.length < 1000) assert.equal(partsFault(text, 1) === null, fault === null, "the same in pieces");
  }),
  parser("content-type", HEAD_CHARACTERS, parseContentType, (type) => {
    if (type !== null) assert.match(type.type, /^[^ "/;=,A-Z]+\/[^ "/;=,A-Z]+$/, "a type in lower case");
  }),
  parser(
    "json",
    HEAD_CHARACTERS,
    (text) => parseJson(text, { depth: 50, members: 10_000 }),
    (parsed, text) => {
      let expected: unknown;
      try {
        expected = JSON.parse(text);
      } catch {
        assert.notEqual(parsed.fault, null, "JSON.parse refuses it");
        return;
      }
      if (parsed.fault === null) assert.equal(JSON.stringify(parsed.value), JSON.stringify(expected));
      else assert.notEqual(parsed.fault, "syntax", "JSON.parse takes it");
    },
  ),
  parser(
    "pattern-of-a-schema",
    PATTERN_CHARACTERS,
    (text) => toRe2(text),
    (translated) => {
      if ("re2" in translated) assert.ok(translated.re2.length <= 200 * PATTERN_CHARACTERS);
    },
  ),
  parser(
    "form",
    HEAD_CHARACTERS,
    (text) => formPairs(text),
    (pairs, text) => assert.ok((pairs ?? []).length <= text.length),
  ),
  parser(
    "media-type",
    HEAD_CHARACTERS,
    (text) => parseMediaType(text),
    (found) => {
      if (found !== null) assert.match(found.type, /^[!-~]+\/[!-~]+$/);
    },
  ),
  parser("forwarded-head", HEAD_CHARACTERS, forwardedHead, (written, text) => {
    assert.ok(written.length <= text.length + 2000, "a head grows beyond what is added to it");
  }),
];

function parser<Result>(
  name: string,
  charactersMax: number,
  parse: (text: string) => Result,
  check: (result: Result, text: string) => void,
): TextParser {
  return { name, charactersMax, parse, check: (text) => check(parse(text), text) };
}

/** What an answer says of its tokens, as a document and as events. */
function usageIn(text: string, step: number = Infinity): readonly number[] {
  const [document, events] = [new UsageScanner(), new UsageScanner()];
  const bytes = Buffer.from(text, "latin1");
  const reader = new EventData(events);
  for (let at = 0; at < bytes.length; at += step) {
    const end = Math.min(bytes.length, at + step);
    document.scan(bytes, at, end);
    reader.scan(bytes, at, end);
  }
  return [document, events].flatMap(({ input, output, wordBytes }) => [input, output, wordBytes]);
}

const NO_JSON_LIMITS = { depth: Infinity, keys: Infinity, stringBytes: Infinity, items: Infinity, duplicates: false };

/** Null where it is JSON, with names that stand twice or not. */
function jsonFault(text: string): string | null {
  const bytes = Buffer.from(text, "latin1");
  const fault = scanJson(bytes, NO_JSON_LIMITS);
  return fault === "duplicate" ? scanJson(bytes, { ...NO_JSON_LIMITS, duplicates: true }) : fault;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(
      Buffer.from(text, "latin1")
        .toString("utf8")
        .replace(/^\u{feff}/u, ""),
    );
    return true;
  } catch {
    return false;
  }
}

function graphqlFault(text: string): string | null {
  return measureGraphql(text, { depth: 100, aliases: 100, fields: 1000, directives: 100, rootFields: 100, tokens: HEAD_CHARACTERS });
}

function partsFault(text: string, step: number = Infinity): string | null {
  const bytes = Buffer.from(text, "latin1");
  const counter = new PartCounter("b", { parts: 100, partBytes: HEAD_CHARACTERS, headBytes: 1000 });
  for (let at = 0; at < bytes.length; at += step) {
    const fault = counter.add(bytes, at, Math.min(bytes.length, at + step));
    if (fault !== null) return fault;
  }
  return counter.end();
}

/** A path as a request line lets it through: visible ASCII, and no query and no fragment behind it. */
function pathOf(text: string): string {
  return `/${text.replaceAll(/[^!-~]|[?#]/g, "x")}`;
}

function secondOf(text: string): number {
  return Number.parseInt(Buffer.from(text.slice(0, 4)).toString("hex") || "0", 16) % 253_402_300_800;
}

function decodeChunks(text: string): void {
  const bytes = Buffer.from(text, "latin1");
  const decoder = new ChunkedDecoder();
  decoder.reset();
  for (let at = 0, steps = 0; ; steps++) {
    assert.ok(steps <= 2 * bytes.length + 2, "it spins");
    const result = decoder.step(bytes, at, bytes.length);
    assert.ok(decoder.at >= at && decoder.at <= bytes.length);
    if (result !== Chunk.data) return;
    assert.ok(decoder.dataStart >= at && decoder.dataEnd === decoder.at && decoder.dataStart < decoder.dataEnd);
    at = decoder.at;
  }
}

/**
 * With as many lines as a head may have, and as many different names in Connection as the text has members, all of one length: work per
 * line and per name would show.
 */
function forwardedHead(text: string): string {
  const names = Array.from(text.split(",").slice(0, HEAD_CHARACTERS / 4), (_, index) => index.toString(36).padStart(3, "0"));
  const head = headWith("Connection", names.join(), "xxx: 1\r\n".repeat(120));
  if (head === null) throw new Error("a head that is none");
  const connection = connectionOptions(head);
  const request = {
    request: head,
    isBackground: false,
    connection,
    facts: {
      peer: "192.0.2.1",
      client: "192.0.2.1",
      trusted: false,
      secure: false,
      tls: null,
      certificateLines: "",
      ownAnswers: null,
      forwarded: null,
      unsafeFieldNames: "drop" as const,
      forwardedPathFields: "drop" as const,
      proxied: null,
    },
    upgrade: "",
  };
  return requestHeadText(request, new RequestEdits(), new AddedFields(), { authority: "origin.test", via: true, xForwarded: true });
}

/** The text as the header of a connection. Random text would hardly ever begin as one: by its length it is the rest of a line or of a binary header. */
function proxyHeaderOf(text: string): Buffer {
  const begins = [
    "",
    "PROXY ",
    "PROXY TCP4 1.2.3.4 ",
    "PROXY UNKNOWN",
    "\r\n\r\n\0\r\nQUIT\n",
    "\r\n\r\n\0\r\nQUIT\n\x21\x00",
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c",
  ];
  return Buffer.from((begins[text.length % begins.length] ?? "") + text, "latin1");
}

function assertHeader({ addresses, details }: ProxyHeader): void {
  if (addresses !== null) {
    assert.ok(isIP(addresses.source) !== 0 && isIP(addresses.destination) !== 0, "addresses");
    for (const port of [addresses.sourcePort, addresses.destinationPort]) assert.ok(port >= 0 && port <= 65_535, "ports");
  }
  for (const said of [details?.authority, details?.alpn, details?.uniqueId, details?.tls?.version, details?.tls?.commonName])
    assert.doesNotMatch(said ?? "", /[^ -~]/, "printable");
}

/** The head of a request with that field, or null where no field can have that value. */
function headWith(name: string, value: string, lines: string = ""): RequestReader["head"] | null {
  if (/[\r\n]/.test(value)) return null;
  const reader = new RequestReader({ ...DEFAULT_LIMITS, headBytesMax: 64 * 1024 });
  const wire = Buffer.from(`GET / HTTP/1.1\r\nHost: a.test\r\n${lines}${name}: ${value}\r\n\r\n`, "latin1");
  reader.feed(wire, 0, wire.length);
  return reader.next() === Event.head ? reader.head : null;
}
