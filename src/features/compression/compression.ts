/** Compresses responses for clients that take it, and decodes responses and requests. Two middleware: the second one is for requests. */
import { Buffer } from "node:buffer";
import { latin1 } from "../../base/latin1.ts";
import { DIGESTS } from "../../http/content.ts";
import { fieldLine } from "../../http/field-edits.ts";
import type { ResponseChanges } from "../../http/head-edits.ts";
import { ReplacedNames } from "../../http/replaced-names.ts";
import type { RequestHead } from "../../http/request-head.ts";
import {
  asksForWeak,
  isExposed,
  isMessages,
  isNoTransform,
  judgeResponse,
  variesBy,
  weakened,
} from "../../policy/compression/judge-response.ts";
import type { CompressionVerdict } from "../../policy/compression/judge-response.ts";
import { acceptedCodings } from "../../policy/representation/accepted-codings.ts";
import type { BodyStage } from "../../proxy/feature/body-stage.ts";
import { ExchangeState } from "../../proxy/feature/exchange-state.ts";
import type { Feature, FeatureContext } from "../../proxy/feature/feature.ts";
import type { ExchangeView, Middleware } from "../../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { DECODER_BYTES, Op, encoderBytes } from "./coder.ts";
import { CodingStage } from "./coding-stage.ts";
import { compressionFacts } from "./facts.ts";
import { requestDecoding } from "./request-decoding.ts";
import { CODINGS, decodable } from "../../policy/compression/codings.ts";
import type { Coding } from "../../policy/compression/codings.ts";
import type { CompressionConfig } from "./schema.ts";
import { ThreadCoders } from "./thread-coders.ts";

export const compression: Feature<"compression"> = {
  name: "compression",
  key: "compression",
  facts: compressionFacts,
  compile: compressionMiddleware,
  forKnown: {
    name: "compression-requests",
    isIn: ({ requests }) => requests !== false,
    compile: requestDecoding,
  },
};

function compressionMiddleware(config: CompressionConfig, context: FeatureContext): Middleware {
  const route = new CompressedRoute(config, context);
  return {
    name: "compression",
    onAnswer: (exchange, answer) => route.answer(exchange, answer),
    onResponse: (exchange, response) => route.response(exchange, response),
    onFinish: (exchange) => route.finish(exchange),
  };
}

/** The level at which each coding costs least. */
const LOWEST: Readonly<Record<Coding, number>> = { zstd: 1, br: 1, gzip: 1 };
const VARY = fieldLine("Vary", "Accept-Encoding");
/** What describes the body as it was. */
const OF_BODY = [...DIGESTS, "accept-ranges", "content-encoding"];
const REPLACED = new ReplacedNames(OF_BODY, OF_BODY);
const TAG = new ReplacedNames(["etag"], ["etag"]);
/** What a coded response adds; made once, so that written heads are recognised. */
const LINES: Readonly<Record<Coding, string>> = {
  zstd: fieldLine("Content-Encoding", "zstd"),
  br: fieldLine("Content-Encoding", "br"),
  gzip: fieldLine("Content-Encoding", "gzip"),
};
/** For a 304: the length of the body that it is about is not known. It is never started. */
const NO_BODY: BodyStage = { length: -1, start: () => {}, data: () => {}, end: () => {} };
const NO_MEMORY = new Error("there is no memory left to code the response");

class CompressedRoute {
  private readonly config: CompressionConfig;
  private readonly context: FeatureContext;
  private readonly coders: ThreadCoders;
  /** What was reserved for the body of an exchange. */
  private readonly reserved: ExchangeState<Reserved> = new ExchangeState();

  constructor(config: CompressionConfig, context: FeatureContext) {
    this.config = config;
    this.context = context;
    this.coders = ThreadCoders.of(context);
  }

  response(exchange: ExchangeView, response: ResponseChanges): BodyStage | null {
    const { head, status } = response;
    if (head === null) return null;
    const { request } = exchange;
    const encodings = response.current("content-encoding");
    if (encodings.length > 0) return this.config.decompress ? this.decoded(exchange, response, encodings) : null;
    const length = head.has("transfer-encoding") ? -1 : Number(head.get("content-length") ?? -1);
    const type = typeOf(response.current("content-type"));
    const verdict = judgeResponse(
      { status, type, length, isEncoded: false, cacheControl: response.current("cache-control") },
      { types: this.config.types, minBytes: this.config.min_size },
    );
    if (verdict === "never") return null;
    if (!variesBy(response.current("vary"), "accept-encoding")) response.appendLines(VARY);
    if (verdict === "unchanged") return unchanged(request, response);
    const coding = this.codingFor(request);
    if (coding === null) return null;
    const reserved = this.reserve(exchange, coding);
    if (reserved === null) return null;
    response.replaceLines(REPLACED, LINES[coding]);
    weaken(response);
    this.context.count("compressed");
    return this.stage(reserved, coding, isMessages(type) ? 0 : this.config.flush_after);
  }

  /** The coding that the client gets; null: none. */
  private codingFor(request: RequestHead): Coding | null {
    const [coding] = acceptedCodings(request.values("accept-encoding"), this.config.encodings);
    if (coding === undefined) return null;
    const hasCredentials = request.has("cookie") || request.has("authorization");
    const isUnsafe = this.config.breach_guard && isExposed(request.get("sec-fetch-site"), request.get("sec-fetch-user"), hasCredentials);
    return isUnsafe ? null : (CODINGS.find((each) => each === coding) ?? null);
  }

  /** Chooses the level by how late the thread is, and reserves memory. Null: the response passes as it is. */
  private reserve(exchange: ExchangeView, coding: Coding): Reserved | null {
    const { load } = this.coders;
    load.touch();
    const { max_delay: delayMax, levels } = this.config;
    const isLate = load.delayMs >= delayMax / 2;
    const level = isLate ? Math.min(levels[coding], LOWEST[coding]) : levels[coding];
    const bytes = exchange.request.method === "HEAD" ? 0 : encoderBytes(coding, level);
    if (!load.admits(delayMax) || (bytes > 0 && !this.coders.reserve(bytes, this.config.max_memory))) {
      this.context.count("compression_skipped");
      return null;
    }
    return this.keep(exchange, bytes, level);
  }

  private keep(exchange: ExchangeView, bytes: number, level: number): Reserved {
    const reserved = { bytes, level };
    if (bytes > 0) this.reserved.keep(exchange, reserved);
    return reserved;
  }

  private stage(reserved: Reserved, coding: Coding, flushMs: number): CodingStage {
    const { coders, context } = this;
    const { level } = reserved;
    return new CodingStage(
      {
        clock: context.fine,
        scratch: coders.scratch,
        noMemory: NO_MEMORY,
        take: () => (level < 0 ? coders.decoder(coding) : coders.encoder(coding, level)),
        giveBack: (coder) => {
          coders.giveBack(coder, coding, level);
          this.release(reserved);
        },
        failure: (error) => error,
      },
      flushMs,
    );
  }

  private release(reserved: Reserved): void {
    this.coders.release(reserved.bytes);
    reserved.bytes = 0;
  }

  /** Decodes a response for a client that does not take its coding. */
  private decoded(exchange: ExchangeView, response: ResponseChanges, encodings: readonly string[]): BodyStage | null {
    const coding = decodable(encodings);
    const { request } = exchange;
    const { status } = response;
    if (coding === null || status === 204 || status === 206 || status < 200) return null;
    if (isTransformForbidden(response)) return null;
    if (!variesBy(response.current("vary"), "accept-encoding")) response.appendLines(VARY);
    if (acceptedCodings(request.values("accept-encoding"), [coding]).length > 0) return null;
    const bytes = request.method === "HEAD" || status === 304 ? 0 : DECODER_BYTES[coding];
    if (bytes > 0 && !this.coders.reserve(bytes, this.config.max_memory)) {
      this.context.count("compression_skipped");
      return null;
    }
    response.replaceLines(REPLACED, "");
    weaken(response);
    return this.stage(this.keep(exchange, bytes, DECODES), coding, -1);
  }

  /** Compresses an answer of the proxy's own that has a body. */
  answer({ request }: ExchangeView, answer: LocalAnswer): LocalAnswer | null {
    const { body, status, fields } = answer;
    if (body === undefined || body.text.length < this.config.min_size) return null;
    const valuesOf = (name: string): string[] => fields.filter(([given]) => given.toLowerCase() === name).map(([, value]) => value);
    const text = Buffer.from(body.text, body.isOctets === true ? "latin1" : "utf8");
    const verdict: CompressionVerdict = judgeResponse(
      {
        status,
        type: typeOf([body.contentType]),
        length: text.length,
        isEncoded: valuesOf("content-encoding").length > 0,
        cacheControl: valuesOf("cache-control"),
      },
      { types: this.config.types, minBytes: this.config.min_size },
    );
    if (verdict !== "compress") return null;
    const varied: LocalAnswer["fields"] = variesBy(valuesOf("vary"), "accept-encoding") ? fields : [...fields, ["Vary", "Accept-Encoding"]];
    const coding = this.codingFor(request);
    if (coding === null || !this.coders.load.admits(this.config.max_delay)) return { ...answer, fields: varied };
    this.coders.load.touch();
    this.context.count("compressed");
    const kept = varied.flatMap((field): LocalAnswer["fields"] => {
      const name = field[0].toLowerCase();
      if (OF_BODY.includes(name)) return [];
      return name === "etag" ? [[field[0], weakened([field[1]]) ?? field[1]]] : [field];
    });
    const coded = this.whole(text, coding);
    return {
      ...answer,
      fields: [...kept, ["Content-Encoding", coding]],
      body: { contentType: body.contentType, text: latin1(coded, 0, coded.length), isOctets: true },
    };
  }

  private whole(text: Buffer, coding: Coding): Buffer {
    const level = this.config.levels[coding];
    const coder = this.coders.encoder(coding, level);
    const parts: Buffer[] = [];
    let at = 0;
    do {
      const made = coder.run(Op.finish, text, at, text.length, this.coders.scratch);
      at = text.length - coder.left;
      parts.push(Buffer.from(this.coders.scratch.subarray(0, made)));
    } while (coder.isFull);
    this.coders.giveBack(coder, coding, level);
    return Buffer.concat(parts);
  }

  /** A body that never came has given back nothing. */
  finish(exchange: ExchangeView): void {
    const reserved = this.reserved.of(exchange);
    if (reserved !== undefined) this.release(reserved);
  }
}

/** In the place of a level: the body is decoded. */
const DECODES = -1;

interface Reserved {
  /** 0: nothing, or given back. */
  bytes: number;
  readonly level: number;
}

function typeOf(values: readonly string[]): string {
  return (values[0] ?? "").replace(/;.*$/s, "").trim().toLowerCase();
}

function isTransformForbidden(response: ResponseChanges): boolean {
  return isNoTransform(response.current("cache-control"));
}

function weaken(response: ResponseChanges): void {
  const weak = weakened(response.current("etag"));
  if (weak !== null) response.replaceByFresh(TAG, fieldLine("ETag", weak));
}

/** A 304 has the tag that the response had, by which the client knows what it has stored. */
function unchanged(request: RequestHead, response: ResponseChanges): BodyStage | null {
  const weak = weakened(response.current("etag"));
  if (weak === null || !asksForWeak(request.values("if-none-match"), weak)) return null;
  response.replaceByFresh(TAG, fieldLine("ETag", weak));
  return NO_BODY;
}
