/**
 * Makers of body stages for the common cases, so that a middleware need not write a `BodyStage` itself: `transformStage` for bytes,
 * `textStage` for UTF-8 text, `watchStage` for a body that only passes. None of them holds a body: each slice is passed on as it comes, and
 * the input waits by itself while the receiver is slow.
 */
import { Buffer } from "node:buffer";
import { StringDecoder } from "node:string_decoder";
import type { BodyLength } from "../http/body-length.ts";
import { DIGESTS, lengthIn } from "../http/content.ts";
import type { FieldSection } from "../http/field-section.ts";
import type { BodyStage, StageOutput } from "../proxy/feature/body-stage.ts";

/** Adds to the output. Bytes are copied, so they may be a part of the input; a text is sent in UTF-8. */
export type Write = (part: Uint8Array | string) => void;

/** What becomes of a body of bytes. Slices may begin and end anywhere, within a character too. An error that is thrown ends the exchange. */
export interface BytesTransform {
  /** The next bytes. They are valid during the call. */
  bytes(bytes: Buffer, write: Write): void;
  /** The body is complete: write what is still held. */
  end?(write: Write): void;
  /** The exchange ended before the body did. */
  abort?(): void;
}

/**
 * A stage that makes other bytes of a body.
 * @param length of the new body in bytes; -1 (default): not known beforehand
 */
export function transformStage(transform: BytesTransform, length: BodyLength = -1): BodyStage {
  let output: StageOutput | null = null;
  const write: Write = (part) => output?.write(typeof part === "string" ? Buffer.from(part) : Buffer.from(part));
  return {
    length,
    start: (given) => {
      output = given;
    },
    data: (bytes, start, end) => transform.bytes(bytes.subarray(start, end), write),
    end: (trailers) => {
      transform.end?.(write);
      output?.end(withoutDigests(trailers));
    },
    ...(transform.abort === undefined ? {} : { abort: () => transform.abort?.() }),
  };
}

/** What becomes of a text in UTF-8. An error that is thrown ends the exchange. */
export interface TextTransform {
  /** The next part of the text. It ends anywhere, but never within a character. Bytes that are no UTF-8 are U+FFFD. */
  text(text: string, write: Write): void;
  /** The text is complete: write what is still held. */
  end?(write: Write): void;
  /** The exchange ended before the text did. */
  abort?(): void;
}

/** A stage that makes another text of a text in UTF-8. */
export function textStage(transform: TextTransform): BodyStage {
  const decoder = new StringDecoder("utf8");
  const pass = (text: string, write: Write): void => {
    if (text !== "") transform.text(text, write);
  };
  return transformStage({
    bytes: (bytes, write) => pass(decoder.write(bytes), write),
    end: (write) => {
      pass(decoder.end(), write);
      transform.end?.(write);
    },
    ...(transform.abort === undefined ? {} : { abort: () => transform.abort?.() }),
  });
}

/** Sees a body pass. Give `bytes` or `text`. */
export interface BodyWatcher {
  /** The next bytes. They are valid during the call. */
  bytes?(bytes: Buffer): void;
  /** The next part of a text in UTF-8. It ends anywhere, but never within a character. */
  text?(text: string): void;
  /** The body is complete. */
  end?(): void;
  /** The exchange ended before the body did. */
  abort?(): void;
}

/**
 * A stage that passes a body unchanged, and lets `watcher` see it.
 * @param head of the message, from which the length is taken: `response.head` or `exchange.request`
 */
export function watchStage(head: FieldSection | null, watcher: BodyWatcher): BodyStage {
  const decoder = new StringDecoder("utf8");
  const seen = (text: string): void => {
    if (text !== "") watcher.text?.(text);
  };
  let output: StageOutput | null = null;
  return {
    length: lengthIn(head),
    start: (given) => {
      output = given;
    },
    data: (bytes, start, end) => {
      const slice = Buffer.from(bytes.subarray(start, end));
      watcher.bytes?.(slice);
      if (watcher.text !== undefined) seen(decoder.write(slice));
      output?.write(slice);
    },
    end: (trailers) => {
      if (watcher.text !== undefined) seen(decoder.end());
      watcher.end?.();
      output?.end(trailers);
    },
    ...(watcher.abort === undefined ? {} : { abort: () => watcher.abort?.() }),
  };
}

/** The trailers of a body that was changed: all of them, or none if one is a digest of the body as it was (RFC 9530). */
function withoutDigests(trailers: FieldSection | null): FieldSection | null {
  return trailers !== null && DIGESTS.some((name) => trailers.has(name)) ? null : trailers;
}
