/**
 * What the pure folders may use beyond ECMAScript, written out: tsconfig.pure.json compiles them without Node's types, so whatever
 * stands neither in the language nor here is an error of the type check. Add a line only for what reads no clock and does no I/O.
 */
declare module "node:buffer" {
  export class Buffer extends Uint8Array<ArrayBufferLike> {
    static alloc(size: number): Buffer;
    static allocUnsafe(size: number): Buffer;
    /** Memory of its own, never a slice of the pool that all small buffers share. */
    static allocUnsafeSlow(size: number): Buffer;
    static from(bytes: Uint8Array): Buffer;
    static from(text: string, encoding: "latin1"): Buffer;
    static concat(list: readonly Uint8Array[], totalLength?: number): Buffer;
    static compare(one: Uint8Array, other: Uint8Array): -1 | 0 | 1;
    copy(target: Uint8Array, targetStart?: number, sourceStart?: number, sourceEnd?: number): number;
    override indexOf(value: number | Uint8Array, byteOffset?: number): number;
    indexOf(value: string, byteOffset: number, encoding: "latin1"): number;
    override subarray(start?: number, end?: number): Buffer;
    override toString(encoding?: "latin1", start?: number, end?: number): string;
    write(text: string, offset: number, encoding: "latin1"): number;
  }
}

/** The URL standard is in every runtime; parsing one touches nothing outside. */
declare class URL {
  constructor(input: string, base?: string);
  static canParse(input: string, base?: string): boolean;
  readonly hash: string;
  readonly host: string;
  readonly hostname: string;
  readonly href: string;
  readonly origin: string;
  readonly password: string;
  readonly pathname: string;
  readonly port: string;
  readonly protocol: string;
  readonly search: string;
  readonly username: string;
}

/** The Encoding standard is in every runtime too. */
declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
}

declare class TextDecoder {
  constructor(label?: string, options?: { readonly fatal?: boolean; readonly ignoreBOM?: boolean });
  decode(bytes: Uint8Array): string;
}
