/** The stored responses of a route: finds the one for a request, puts others in its place, and drops those of a target. */
import { randomBytes } from "node:crypto";
import type { ExchangeView } from "../../proxy/feature/middleware.ts";
import type { RecordWriter, ResponseStore, StoredRecord } from "../../proxy/feature/response-store.ts";
import type { CacheKeys } from "./cache-key.ts";
import { StoredReader, responseText, variantsText } from "./stored-response.ts";
import type { StoredResponse, Variants } from "./stored-response.ts";

/** A stored response for a request. Its record is to be released. */
export interface Found {
  readonly key: string;
  /** The names by which the responses of the target differ. */
  readonly names: readonly string[];
  readonly response: StoredResponse;
  readonly record: StoredRecord;
}

export class StoredSet {
  private readonly store: ResponseStore;
  private readonly keys: CacheKeys;
  private readonly variantsMax: number;
  private readonly reader: StoredReader = new StoredReader();

  constructor(store: ResponseStore, keys: CacheKeys, variantsMax: number) {
    this.store = store;
    this.keys = keys;
    this.variantsMax = variantsMax;
  }

  /** `uri-miss`: nothing is stored for the target; `vary-miss`: only for other requests. */
  find(target: string, exchange: ExchangeView): Found | "uri-miss" | "vary-miss" {
    const known = this.read(target);
    if (known === null) return "uri-miss";
    if (!("variants" in known)) return known;
    const { names, line } = known.variants;
    const found = this.readResponse(this.keys.variant(target, line, names, exchange));
    return found === null ? "vary-miss" : { ...found, names };
  }

  /**
   * Begins the record of a response. `done` has to be called when it is complete. Null: the store does not take it.
   * @param names in lower case, of Vary
   */
  begin(target: string, names: readonly string[], exchange: ExchangeView, response: StoredResponse, bodyBytes: number): Beginning | null {
    const all = [...new Set([...this.keys.ownNames, ...names])].sort();
    const before = all.length === 0 ? null : this.variantsOf(target);
    const line = before !== null && isAlike(before.names, all) ? before.line : randomBytes(9).toString("base64url");
    const key = this.keys.variant(target, line, all, exchange);
    const writer = this.store.begin(key, responseText(response), bodyBytes);
    if (writer === null) return null;
    return { writer, done: () => void (key !== target && this.complete(target, { names: all, line, keys: [key] }, before)) };
  }

  /** Gives a stored response another head. */
  update(key: string, response: StoredResponse): void {
    this.store.replaceHead(key, responseText(response));
  }

  /** Drops all responses of a target. */
  drop(target: string): void {
    const known = this.read(target);
    if (known === null) return;
    if ("variants" in known) for (const key of known.variants.keys) this.store.delete(key);
    else known.record.release();
    this.store.delete(target);
  }

  dropOne(key: string): void {
    this.store.delete(key);
  }

  /**
   * Adds a response to the list of its target, or begins that. A list has a line of its own, which is in the keys of its responses: when it is gone, they are not found any more,
   * those too that another thread has added meanwhile, or that it did not name.
   * @param before the list when the response began
   */
  private complete(target: string, { names, line, keys: [key = ""] }: Variants, before: Variants | null): void {
    const now = this.variantsOf(target);
    // The target was dropped meanwhile, or another response has begun a list.
    if (now?.line !== line && isAlike((now ?? before)?.names ?? [], names)) return this.dropOne(key);
    const others = (now?.keys ?? []).filter((each) => each !== key);
    const kept = now?.line === line ? others.slice(-this.variantsMax + 1) : [];
    for (const each of others) if (!kept.includes(each)) this.store.delete(each);
    const writer = this.store.begin(target, variantsText({ names, line, keys: [...kept, key] }), 0);
    if (writer === null) this.dropOne(key);
    else writer.complete();
  }

  private variantsOf(target: string): Variants | null {
    const known = this.read(target);
    if (known === null) return null;
    if ("variants" in known) return known.variants;
    known.record.release();
    return null;
  }

  private read(key: string): Found | { readonly variants: Variants } | null {
    const record = this.store.find(key);
    if (record === null) return null;
    const stored = this.reader.read(key, record.head);
    if (stored !== null && "response" in stored) return { key, names: [], response: stored.response, record };
    record.release();
    return stored;
  }

  private readResponse(key: string): Found | null {
    const found = this.read(key);
    return found === null || "variants" in found ? null : found;
  }
}

interface Beginning {
  readonly writer: RecordWriter;
  /** Called when the record is complete. */
  readonly done: () => void;
}

function isAlike(names: readonly string[], others: readonly string[]): boolean {
  return names.join() === others.join();
}
