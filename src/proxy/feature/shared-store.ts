/**
 * A store outside of the process that several machines share, as features see it: it counts what one key has taken. src/stores implements it. A store may be slow or
 * gone at any moment; then each question is answered with null within the configured time, and the feature decides as `onFailure` says.
 */
import type { Rate } from "../../policy/rate-limit/rate.ts";

/** What counts while the store does not answer: this process by itself, nothing (all pass), or nobody passes. */
export type OnFailure = "local" | "open" | "closed";

/** A limit as a store counts by it: the rule of policy/rate-limit/gcra.ts. */
export interface SharedLimit {
  readonly rate: Rate;
  /** How much may be counted afterwards above what was left. */
  readonly debtMax: number;
  /** Whether threads take it in blocks. */
  readonly isLeased: boolean;
  /** The limit is `rate.burst` within a window of time, whose name is part of the key's and which still lasts so many milliseconds. Absent: it is a bucket. */
  readonly windowMs?: number;
}

export interface StoreAnswer {
  /** How much was taken: `cost`, or 0. */
  readonly taken: number;
  /** Milliseconds until everything is there again. Null: the store was not asked, because the thread had taken it before. */
  readonly resetMs: number | null;
  /** How many of a window are taken then. Absent: it is a bucket. */
  readonly used?: number;
}

export interface SharedStore {
  readonly onFailure: OnFailure;
  /**
   * The name of a key in the store: nothing of it can be read there.
   * @param id names who counts, the same on all machines: equal keys of others are other keys
   */
  nameOf(id: string, key: string): string;
  /**
   * Takes `cost` of a key, a whole number. Never rejects, and has settled after the store's `timeout`; a plain value is an answer without asking. Null: the store has not answered, and whether it has counted is not known. Null
   * without a promise: it was not asked, because it is known to be down, or too much is under way.
   * @param name from `nameOf`
   * @param lease how much to take at once for this request and later ones of the thread; 0: each request for itself
   */
  take(name: string, limit: SharedLimit, cost: number, lease: number): StoreAnswer | Promise<StoreAnswer | null> | null;
  /** Counts `count` more whatever is left, or gives back where it is below 0, if the store can be reached. */
  settle(name: string, limit: SharedLimit, count: number): void;
  /**
   * Tells all threads of all machines that follow the topic, and those that begin to do so before `keepMs` are over. What the store cannot take now is sent when it
   * is back.
   */
  publish(topic: string, text: string, keepMs: number): void;
  /** Calls `take` with what is published, in order, the own included, and perhaps more than once: within two seconds while the store answers. */
  follow(topic: string, take: (text: string) => void): void;
}

/** The stores that the configuration names. */
export interface Stores {
  /** The store of that name. What it returns stays right after a reload: it leads to the store that has the name then. */
  get(name: string): SharedStore;
}

/** Where there are no stores. */
export const NO_STORES: Stores = {
  get: () => ({ onFailure: "local", nameOf: () => "", take: () => null, settle: () => {}, publish: () => {}, follow: () => {} }),
};
