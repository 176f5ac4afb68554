/** The address lists of a test's configuration, from the test's files. */
import { messageOf } from "../base/errors.ts";
import { addressListsOf } from "../config/feature-files.ts";
import type { Config } from "../config/schema/schema.ts";
import { parsedList, sharedTable } from "../control/named-files/read-address-list.ts";
import type { SentList } from "../shared/address-lists.ts";
import { AddressLists } from "../shared/address-lists.ts";

/** Time between two looks at the files, on the test's clock. */
const LOOK_MS = 1000;

/** The part of a clock that is needed. */
interface Clock {
  every(ms: number, then: () => void): () => void;
}

export class TestLists {
  readonly lists: AddressLists = new AddressLists();
  private readonly read: (name: string) => string;
  private readonly texts: Map<string, string | null> = new Map();
  private readonly sent: Map<string, SentList> = new Map();
  private readonly refused: (path: string, problem: string) => void;
  private versions: number = 0;

  /**
   * @param read gives the text of a file; throws where there is none
   * @param refused called when a list has changed and cannot be used
   */
  constructor(read: (name: string) => string, clock: Clock, refused: (path: string, problem: string) => void) {
    this.read = read;
    this.refused = refused;
    clock.every(LOOK_MS, () => this.look());
  }

  /** Reads the lists of a configuration. Throws an Error that says what is wrong. */
  use({ routes }: Config): void {
    const paths = addressListsOf(routes);
    for (const path of paths) this.take(path, this.read(path));
    for (const path of this.sent.keys()) if (!paths.has(path)) this.sent.delete(path);
    if (this.lists.changes > 0 || this.sent.size > 0) this.lists.take([...this.sent.values()]);
  }

  private look(): void {
    for (const path of this.sent.keys()) {
      const text = this.textOf(path);
      if (text === this.texts.get(path)) continue;
      this.texts.set(path, text);
      try {
        if (text === null) throw new Error(`${path} does not exist`);
        this.take(path, text);
        this.lists.take([...this.sent.values()]);
      } catch (error) {
        this.refused(path, `the old list stays in use: ${messageOf(error)}`);
      }
    }
  }

  /** Null: there is no such file any more. */
  private textOf(path: string): string | null {
    try {
      return this.read(path);
    } catch {
      return null;
    }
  }

  private take(path: string, text: string): void {
    const read = parsedList(path, text);
    if ("problems" in read) throw new Error(read.problems.join("\n"));
    this.texts.set(path, text);
    this.sent.set(path, { path, version: ++this.versions, memory: sharedTable(read.blocks) });
  }
}
