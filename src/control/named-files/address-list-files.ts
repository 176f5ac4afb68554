/**
 * Keeps address lists as their files are. A list is read with the configuration, and again whenever its file has changed: on every reload, and else within two seconds,
 * without any command. A version that is wrong, missing or empty changes nothing: the list of before stays in use, and the log says so once.
 *
 * Files are looked at once a second. Notifications of the system belong to a file and not to its name: they would miss the file that is put in the place
 * of the old one, which is how lists are best replaced.
 */
import fs from "node:fs/promises";
import { statSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { shownFile } from "../../config/problems/shown.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { SentList } from "../../shared/address-lists.ts";
import { readAddressList, sharedTable } from "./read-address-list.ts";

/** Time between two looks. A change counts when the look after it finds nothing new, for a list may be written in several steps. */
const LOOK_MS = 1000;

export interface AddressListFilesOptions {
  readonly log: Pick<AppLog, "info" | "error">;
  /** Sends all lists to all threads. */
  readonly tell: (lists: readonly SentList[]) => void;
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
}

interface KnownList {
  readonly sent: SentList;
  /** The state of the file that was read, and that was found wrong if it was read later. */
  readonly used: string;
  /** The state at the last look. */
  seen: string;
}

export class AddressListFiles {
  private readonly options: AddressListFilesOptions;
  private readonly known: Map<string, KnownList> = new Map();
  private versions: number = 0;
  private cancelLook: (() => void) | null = null;
  private isLooking: boolean = false;

  constructor(options: AddressListFilesOptions) {
    this.options = options;
  }

  /**
   * Reads the lists of a configuration that may come into use, those too that are in use and have changed. Returns what is wrong, one line each: then nothing
   * has changed.
   */
  read(paths: ReadonlySet<string>): readonly string[] {
    const fresh = new Map<string, KnownList>();
    const problems: string[] = [];
    for (const path of paths) {
      const state = stateNow(path);
      if (this.known.get(path)?.used === state && state !== MISSING) continue;
      const read = readAddressList(path);
      if ("problems" in read) problems.push(...read.problems);
      else fresh.set(path, { sent: this.next(path, sharedTable(read.blocks)), used: state, seen: state });
    }
    if (problems.length > 0) return problems;
    for (const [path, list] of fresh) this.known.set(path, list);
    if (fresh.size > 0) this.tell();
    return [];
  }

  /** The lists of the configuration that is in use now: others are forgotten. */
  keep(paths: ReadonlySet<string>): void {
    const before = this.known.size;
    for (const path of this.known.keys()) if (!paths.has(path)) this.known.delete(path);
    if (this.known.size < before) this.tell();
    this.plan();
  }

  /** All lists, for a thread that starts. */
  current(): readonly SentList[] {
    return [...this.known.values()].map(({ sent }) => sent);
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
    for (const [path, list] of this.known) {
      const state = await stateOf(path);
      // A reload may have read it meanwhile.
      if (this.known.get(path) !== list) continue;
      const standsStill = state === list.seen;
      list.seen = state;
      if (standsStill && state !== list.used) this.changed(path, list, state);
    }
    this.isLooking = false;
    this.plan();
  }

  private changed(path: string, list: KnownList, state: string): void {
    const { log } = this.options;
    // The state is older than the text: where the file changes in between, the next look finds it.
    const read = isEmpty(state)
      ? { problems: [`${shownFile(path)} is empty; an empty list has a line with a comment`] }
      : readAddressList(path);
    if ("problems" in read) {
      this.known.set(path, { ...list, used: state, seen: state });
      const [first = "", ...more] = read.problems;
      const others = more.length === 0 ? "" : ` (and ${more.length} more lines like this)`;
      log.error("address_list_refused", `the old list stays in use: ${first}${others}`, { file: path });
      return;
    }
    this.known.set(path, { sent: this.next(path, sharedTable(read.blocks)), used: state, seen: state });
    this.tell();
    const { length } = read.blocks;
    log.info("address_list_read", `${shownFile(path)} has changed: ${length} ${length === 1 ? "block is" : "blocks are"} in use`, {
      file: path,
      blocks: length,
    });
  }

  private next(path: string, memory: SharedArrayBuffer): SentList {
    return { path, version: ++this.versions, memory };
  }

  private tell(): void {
    this.options.tell(this.current());
  }
}

const MISSING = "missing";

/** A text that changes with the file, and when its name leads to another one. The size comes first. */
function stateFrom({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [size, dev, ino, mtimeNs, ctimeNs].join();
}

function isEmpty(state: string): boolean {
  return state.startsWith("0,");
}

async function stateOf(path: string): Promise<string> {
  try {
    return stateFrom(await fs.stat(path, { bigint: true }));
  } catch {
    return MISSING;
  }
}

function stateNow(path: string): string {
  try {
    return stateFrom(statSync(path, { bigint: true }));
  } catch {
    return MISSING;
  }
}
