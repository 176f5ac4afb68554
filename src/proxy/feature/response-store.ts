/**
 * Where responses are stored, as features see it: records by key, each of a head (a text with one byte for each unit) and a body. src/response-stores
 * implements it. A store may drop any record at any time, and never gives a part of one.
 */
import type { Buffer } from "node:buffer";

export interface ResponseStore {
  /** The record with this key; null: there is none. The caller releases it. */
  find(key: string): StoredRecord | null;
  /**
   * Begins a record, which is found under its key once it is complete, in the place of the one before. Null: it is too large, or there is no room.
   * @param bodyBytes -1: not known beforehand
   */
  begin(key: string, head: string, bodyBytes: number): RecordWriter | null;
  /** Gives the record with this key another head. False: there is none. */
  replaceHead(key: string, head: string): boolean;
  /** Drops the record with this key. False: there was none. */
  delete(key: string): boolean;
}

/** A record that was found. It stays as it is until it is released, whatever happens to its key. */
export interface StoredRecord {
  readonly head: string;
  readonly bodyBytes: number;
  /** The bytes of the body from `at` on, at least one, as far as they lie together in the store's memory. Do not change them. */
  piece(at: number): Buffer;
  /** Nothing of the record is read any more. Call it once. */
  release(): void;
}

export interface RecordWriter {
  /** Adds bytes to the body. False: the record has become too large and was given up; no further call has any effect. */
  write(bytes: Buffer, start: number, end: number): boolean;
  /** The body is complete. */
  complete(): void;
  /** Gives the record up. */
  abort(): void;
}

/** The stores that the configuration names. */
export interface ResponseStores {
  /** The store of that name. */
  get(name: string): ResponseStore;
}

/** A store that keeps nothing. */
export const NO_RESPONSES: ResponseStore = { find: () => null, begin: () => null, replaceHead: () => false, delete: () => false };

/** Where there are no stores. */
export const NO_RESPONSE_STORES: ResponseStores = { get: () => NO_RESPONSES };
