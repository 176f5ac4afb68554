/** What stands between a store's client (store-client.ts), which decides when to ask and how long to wait, and the protocol of a kind of store. */
import type { SharedLimit } from "../proxy/feature/shared-store.ts";

/** A question to a store. */
export interface StoreCommand {
  readonly name: string;
  readonly limit: SharedLimit;
  /** How much to take; below 0 to give back. */
  readonly cost: number;
  /** The least that is to be taken. Null: all of it, whatever is left. */
  readonly least: number | null;
}

/** Windows have keys of their own, on the same machine, so that no probe (store-client.ts), which asks for a bucket, ever meets one. */
export function windowName(name: string): string {
  return `${name}:w`;
}

/** A connection to a store, or to all machines of one. */
export interface StoreConnection {
  /**
   * Sends a command. Resolves with the reply as it came, however late; rejects with what the store says is wrong, or when the connection is lost. Commands of
   * one turn of the event loop are sent together.
   */
  send(command: StoreCommand): Promise<unknown>;
  /** Adds a notice to a topic. Rejects as `send` does. */
  append(topic: string, text: string, keepMs: number): Promise<unknown>;
  /**
   * The notices of a topic, oldest first, `NOTICES_MAX` at most.
   * @param after the number of a notice, or the milliseconds with which numbers begin
   */
  readNotices(topic: string, after: string): Promise<unknown>;
  /** Which machine of the store has that key: "" where there is one only. A machine that fails says nothing of the others. */
  machineOf(name: string): string;
  /** Ends at once. Whatever waits rejects. Nothing is called afterwards. */
  close(): void;
  /** Ends when the store has answered what was sent, or soon if it does not. */
  end(): Promise<void>;
}

export interface StoreConnector {
  /**
   * Connects. Rejects with a {@link StoreFault} that says why there is no connection.
   * @param lost called once when a connection that was there is gone for good
   */
  connect(lost: (why: string) => void): Promise<StoreConnection>;
}

/** Why a store cannot be used: one plain line without secrets and without what the store has said beyond a word. */
export class StoreFault extends Error {
  override readonly name: string = "StoreFault";
  /** Whether it is about one key, and says nothing of the store. */
  readonly isOfKey: boolean;
  /** Whether the store itself has said so, and may do what was asked for later, over the same connection. */
  readonly isPassing: boolean;

  constructor(message: string, { isOfKey = false, isPassing = false }: { readonly isOfKey?: boolean; readonly isPassing?: boolean } = {}) {
    super(message);
    this.isOfKey = isOfKey;
    this.isPassing = isPassing;
  }
}

/** What the client needs of its surroundings. */
export interface StoreClock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Calls `then` once after that many milliseconds, until the returned function is called. */
  after(ms: number, then: () => void): () => void;
  /** Calls `then` once when what the event loop has at hand was handled: answers that had arrived before are known then. */
  atTurnEnd(then: () => void): void;
}
