/** The limits of the HTTP/1 codec. The limits of requests can be configured for each listener; the other limits are constants. */
export interface MessageLimits {
  /** Bytes of a whole head or trailer section, start line included. nginx allows 32 KiB in four buffers, HAProxy about 15 KiB. */
  readonly headBytesMax: number;
  /** Field lines of a section. Apache allows 100, HAProxy 101. */
  readonly fieldsMax: number;
  /** Bytes of the start line. RFC 9112 section 3 asks for at least 8000. */
  readonly startLineBytesMax: number;
}

export const DEFAULT_LIMITS: MessageLimits = {
  headBytesMax: 32 * 1024,
  fieldsMax: 128,
  startLineBytesMax: 8 * 1024,
};

/** Limits of responses. They are wider than those of requests, because origin servers are trusted more than clients. */
export const RESPONSE_LIMITS: MessageLimits = { headBytesMax: 64 * 1024, fieldsMax: 256, startLineBytesMax: 8 * 1024 };

/** Empty lines that may come before a request line. RFC 9112 section 2.2 asks servers to accept at least one. */
export const EMPTY_LINES_MAX = 4;

/** Longest accepted method. The longest registered one has 17 letters. */
export const METHOD_BYTES_MAX = 64;

/** The largest Content-Length: fifteen digits after leading zeros. It is below 2^53, so JavaScript counts exactly. */
export const LENGTH_MAX: number = 10 ** 15 - 1;

/** Leading zeros and digits of a Content-Length together. An endless run of zeros is an attack. */
export const LENGTH_CHARACTERS_MAX = 64;

/** Digits of a chunk size after leading zeros. 13 hexadecimal digits are below 2^52. */
export const CHUNK_DIGITS_MAX = 13;

/** Leading zeros and digits of one chunk size together. Real senders need fewer; an endless run of zeros is an attack. */
export const CHUNK_SIZE_CHARS_MAX = 32;

/** Bytes of the extensions of one chunk, and below, of all chunks of a message. RFC 9112 section 7.1.1 demands a limit. */
export const CHUNK_EXTENSION_BYTES_MAX = 256;
export const MESSAGE_EXTENSION_BYTES_MAX: number = 16 * 1024;
