/**
 * Follows files while they are in use: each thing that is made of files is made anew within some seconds after one of them has changed, without any
 * command. A version that cannot be used changes nothing: the one before stays in use, and that is reported once.
 *
 * Files are looked at once a second. Notifications of the system belong to a file and not to its name: they would miss the file that is put in the place
 * of the old one, by renaming or by a link, which is how files are best replaced.
 */
import fs from "node:fs/promises";
import { statSync } from "node:fs";
import type { BigIntStats } from "node:fs";

/** Time between two looks. A change counts when the look after it finds nothing new, for a file may be written in several steps. */
const LOOK_MS = 1000;
/** Things whose files are looked at in one look; with more of them a change is found later. A look at two files costs about 40 microseconds. */
const LOOKED_AT_MAX = 500;
/** Looks that a change may last which seems to be half made, such as a certificate whose key is still the old one. */
const HALF_LOOKS = 5;

/** What was made of the files, or what is wrong with them, one line each. */
export type Reading<T> =
  | { readonly value: T }
  | {
      readonly problems: readonly string[];
      /** Whether someone may be replacing several files, one after the other. */
      readonly mayBeHalf?: boolean;
    };

/** A thing that is made of files. */
export interface Followed<T> {
  readonly files: readonly string[];
  /** @param isChange whether another version is in use */
  read(isChange: boolean): Reading<T>;
}

export interface FollowedFilesOptions<T> {
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
  /** Something has changed and is in use. */
  readonly changed: (key: string, value: T) => void;
  /** Something has changed and cannot be used. */
  readonly refused: (key: string, problems: readonly string[]) => void;
}

interface Known<T> {
  readonly followed: Followed<T>;
  value: T;
  /** The state of the files that were read, and that were found wrong if they were read later. */
  used: string;
  /** The state at the last look. */
  seen: string;
  /** Looks since a change that seems to be half made. */
  halfLooks: number;
}

export class FollowedFiles<T> {
  private readonly options: FollowedFilesOptions<T>;
  private readonly known: Map<string, Known<T>> = new Map();
  private cancelLook: (() => void) | null = null;
  private isLooking: boolean = false;
  /** Where the next look begins. */
  private position: number = 0;

  constructor(options: FollowedFilesOptions<T>) {
    this.options = options;
  }

  /**
   * Reads what a configuration needs that may come into use, and what is in use and has changed. Returns what is wrong: then nothing has changed. Else
   * whether anything is new is known by `fresh`.
   */
  read(wanted: ReadonlyMap<string, Followed<T>>): { readonly problems: readonly string[]; readonly fresh: boolean } {
    const fresh = new Map<string, Known<T>>();
    const problems: string[] = [];
    for (const [key, followed] of wanted) {
      const state = stateNow(followed.files);
      if (this.known.get(key)?.used === state && !state.includes(MISSING)) continue;
      const reading = followed.read(false);
      if ("problems" in reading) problems.push(...reading.problems);
      // Good enough for a start, and not to replace what is in use, such as an expired certificate: the next look says so.
      else if (this.known.has(key) && "problems" in followed.read(true)) continue;
      else fresh.set(key, { followed, value: reading.value, used: state, seen: state, halfLooks: 0 });
    }
    if (problems.length > 0) return { problems, fresh: false };
    for (const [key, known] of fresh) this.known.set(key, known);
    return { problems, fresh: fresh.size > 0 };
  }

  /** What the configuration that is in use now needs; the rest is forgotten. Returns whether anything was. */
  keep(keys: ReadonlySet<string>): boolean {
    const before = this.known.size;
    for (const key of this.known.keys()) if (!keys.has(key)) this.known.delete(key);
    this.plan();
    return this.known.size < before;
  }

  valueOf(key: string): T | undefined {
    return this.known.get(key)?.value;
  }

  values(): readonly T[] {
    return [...this.known.values()].map(({ value }) => value);
  }

  stop(): void {
    this.known.clear();
    this.cancelLook?.();
    this.cancelLook = null;
  }

  private plan(): void {
    if (this.cancelLook !== null || this.isLooking || this.known.size === 0) return;
    this.cancelLook = this.options.after(LOOK_MS, () => {
      this.cancelLook = null;
      void this.look();
    });
  }

  private async look(): Promise<void> {
    this.isLooking = true;
    for (const [key, known] of this.due()) {
      const state = await stateOf(known.followed.files);
      // A reload may have read it meanwhile.
      if (this.known.get(key) !== known) continue;
      const standsStill = state === known.seen;
      known.seen = state;
      if (standsStill && state !== known.used) this.changed(key, known, state);
    }
    this.isLooking = false;
    this.plan();
  }

  private due(): readonly (readonly [key: string, known: Known<T>])[] {
    const all = [...this.known];
    if (all.length <= LOOKED_AT_MAX) return all;
    const from = this.position < all.length ? this.position : 0;
    this.position = from + LOOKED_AT_MAX;
    return all.slice(from, this.position);
  }

  private changed(key: string, known: Known<T>, state: string): void {
    // The state is older than the text: where a file changes in between, the next look finds it.
    const reading = known.followed.read(true);
    if ("problems" in reading && reading.mayBeHalf === true && ++known.halfLooks < HALF_LOOKS) return;
    known.used = state;
    known.halfLooks = 0;
    if ("problems" in reading) return this.options.refused(key, reading.problems);
    known.value = reading.value;
    this.options.changed(key, reading.value);
  }
}

/** The first problem of several, and how many others there are, for a line of the log. */
export function inOneLine([first = "", ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} (and ${others.length} more lines like this)`;
}

const MISSING = "missing";

/** A text that changes with the file, and when its name leads to another one. */
function stateFrom({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join();
}

async function stateOf(files: readonly string[]): Promise<string> {
  const states = files.map((file) => fs.stat(file, { bigint: true }).then(stateFrom, () => MISSING));
  return (await Promise.all(states)).join(" ");
}

function stateNow(files: readonly string[]): string {
  return files.map((file) => stateOfOne(file)).join(" ");
}

function stateOfOne(file: string): string {
  try {
    return stateFrom(statSync(file, { bigint: true }));
  } catch {
    return MISSING;
  }
}
