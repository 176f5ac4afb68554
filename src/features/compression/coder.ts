/**
 * Compresses and decodes within the event loop. Node's streams for that hand each piece to a thread of a pool and back, which takes twice the processor time
 * of the work itself for pieces of usual size (docs/decisions/0041-compression-in-the-loop.md), so the native object below the stream is called directly, as
 * `gzipSync` of Node does.
 */
import type { Buffer } from "node:buffer";
import {
  constants,
  createBrotliCompress,
  createBrotliDecompress,
  createGunzip,
  createGzip,
  createZstdCompress,
  createZstdDecompress,
} from "node:zlib";
import type { Coding } from "../../policy/compression/codings.ts";

/** What the coder is to do with what it has got. */
export const Op = {
  /** Take it, and give output when there is enough. */
  take: 0,
  /** Give all output, so that the receiver can decode what was taken. */
  flush: 1,
  /** End the coded body. */
  finish: 2,
} as const;
export type Op = (typeof Op)[keyof typeof Op];

/** The part of Node's streams that is used here. It is no public interface; `coder.test.ts` fails where it is not as written. */
interface ZlibStream {
  readonly _handle: ZlibHandle;
  /** Bytes left in the output, and bytes left of the input. */
  readonly _writeState: Uint32Array;
  close(): void;
}

interface ZlibHandle {
  writeSync(op: number, input: Buffer, from: number, length: number, output: Buffer, outputFrom: number, outputLength: number): void;
  reset(): void;
  onerror: (message: string) => void;
}

/** Codes of operations by coding, in the order of {@link Op}. */
const OPS: Readonly<Record<Coding, readonly [number, number, number]>> = {
  gzip: [constants.Z_NO_FLUSH, constants.Z_SYNC_FLUSH, constants.Z_FINISH],
  br: [constants.BROTLI_OPERATION_PROCESS, constants.BROTLI_OPERATION_FLUSH, constants.BROTLI_OPERATION_FINISH],
  zstd: [constants.ZSTD_e_continue, constants.ZSTD_e_flush, constants.ZSTD_e_end],
};

/** The window of br and zstd, 256 KiB, bounds what one response takes. */
const WINDOW_BITS = 18;
const TABLE_BITS = 16;

const KIB = 1024;

/** KiB that a coder for Brotli takes at most, by its quality. */
const BROTLI_KIB = [192, 256, 960, 960, 1664, 2688, 3840, 9728, 16640, 25600, 7168, 8192];

/** Bytes that compressing a body takes at most, measured with bodies larger than the window. */
export function encoderBytes(coding: Coding, level: number): number {
  if (coding === "gzip") return 400 * KIB;
  if (coding === "br") return (BROTLI_KIB[level] ?? 0) * KIB;
  return (level <= 12 ? ZSTD_KIB : ZSTD_HIGH_KIB) * KIB;
}

/** KiB of zstd: up to level 12, and above. */
const ZSTD_KIB = 1408;
const ZSTD_HIGH_KIB = 2304;

/** Bytes that decoding takes at most: whatever is allowed on the web (RFC 9659). */
export const DECODER_BYTES: Readonly<Record<Coding, number>> = { gzip: 48 * KIB, br: 17 * KIB * KIB, zstd: 9 * KIB * KIB };

export class Coder {
  /** How many bytes of the last input were not taken. */
  left: number = 0;
  /** The output was too small: more is waiting. */
  isFull: boolean = false;
  private readonly stream: ZlibStream;
  private readonly ops: readonly [number, number, number];
  private fault: string = "";

  private constructor(stream: unknown, coding: Coding) {
    this.stream = stream as ZlibStream;
    this.ops = OPS[coding];
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the native object knows no events
    this.stream._handle.onerror = (message) => {
      this.fault = message;
    };
  }

  static encoder(coding: Coding, level: number): Coder {
    return new Coder(encoderStream(coding, level), coding);
  }

  static decoder(coding: Coding): Coder {
    return new Coder(decoderStream(coding), coding);
  }

  /**
   * Takes input, and writes output from the beginning of `output`. If `isFull`, call it again with what is left of the input, even if that is nothing. Throws if
   * the input cannot be decoded.
   * @returns how many bytes were written
   */
  run(op: Op, input: Buffer, start: number, end: number, output: Buffer): number {
    const { _handle: handle, _writeState: state } = this.stream;
    handle.writeSync(this.ops[op], input, start, end - start, output, 0, output.length);
    if (this.fault !== "") throw new Error(`the body cannot be decoded: ${this.fault}`);
    const room = state[0] ?? 0;
    this.left = state[1] ?? 0;
    this.isFull = room === 0;
    return output.length - room;
  }

  /** Makes a coder for gzip as good as new. The others lose what was set when they were made. */
  reset(): void {
    this.stream._handle.reset();
  }

  /** Frees the native memory. */
  close(): void {
    this.stream.close();
  }
}

function encoderStream(coding: Coding, level: number): unknown {
  // A larger hash table takes 128 KiB more than the default, and a tenth less time.
  if (coding === "gzip") return createGzip({ level, memLevel: 9 });
  if (coding === "br")
    return createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: level, [constants.BROTLI_PARAM_LGWIN]: WINDOW_BITS } });
  return createZstdCompress({
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_windowLog]: WINDOW_BITS,
      // Without a bound, high levels take tables of 80 MB, because the size of the body is not known to them.
      [constants.ZSTD_c_hashLog]: TABLE_BITS,
      [constants.ZSTD_c_chainLog]: TABLE_BITS,
    },
  });
}

function decoderStream(coding: Coding): unknown {
  if (coding === "gzip") return createGunzip();
  if (coding === "br") return createBrotliDecompress();
  // RFC 9659: a window of 8 MiB at most.
  return createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 23 } });
}
