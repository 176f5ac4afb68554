/** Files of a test's configuration that are looked at each second and read again when they have changed, as the control plane does with real ones. */
import { messageOf } from "../base/errors.ts";

/** Time between two looks at the files, on the test's clock. */
const LOOK_MS = 1000;

/** The part of a clock that is needed. */
export interface LookClock {
  every(ms: number, then: () => void): () => void;
}

/** @typeParam Content what a file holds: a text, or bytes */
export interface FollowedFile<Sent, Content = string> {
  readonly path: string;
  /** Where a file is read in several ways. Default: the path. */
  readonly id?: string;
  /** Whether it need not be there at the start. */
  readonly mayLack: boolean;
  /**
   * What threads get of it. Throws an Error that says what is wrong with the content.
   * @param content null: it is not there yet @param version rises with each change
   */
  readonly read: (content: Content | null, version: number) => Sent;
}

interface Surroundings<Sent, Content> {
  /** Gives the content of a file; throws where there is none. */
  readonly read: (path: string) => Content;
  /** Called with what threads get of all files, whenever one has changed. */
  readonly take: (all: readonly Sent[]) => void;
  /** Called when a file has changed and cannot be used; `sent` is what threads have of it. */
  readonly refused: (file: FollowedFile<Sent, Content>, problem: string, sent: Sent) => void;
}

interface Known<Sent, Content> {
  readonly file: FollowedFile<Sent, Content>;
  /** As the file has it; null: there is none. */
  content: Content | null;
  sent: Sent;
}

export class FollowedFiles<Sent, Content = string> {
  private readonly known: Map<string, Known<Sent, Content>> = new Map();
  private readonly surroundings: Surroundings<Sent, Content>;
  private versions: number = 0;

  constructor(clock: LookClock, surroundings: Surroundings<Sent, Content>) {
    this.surroundings = surroundings;
    clock.every(LOOK_MS, () => {
      for (const id of this.known.keys()) this.look(id);
    });
  }

  /** Reads the files of a configuration. Throws an Error that says what is wrong. */
  use(files: readonly FollowedFile<Sent, Content>[]): void {
    for (const file of files) {
      const content = file.mayLack ? this.contentOf(file.path) : this.surroundings.read(file.path);
      this.known.set(idOf(file), { file, content, sent: this.sentOf(file, content) });
    }
    const ids = new Set(files.map(idOf));
    for (const id of this.known.keys()) if (!ids.has(id)) this.known.delete(id);
    this.tell();
  }

  /** Reads a file again if it has changed. */
  look(id: string): void {
    const known = this.known.get(id);
    if (known === undefined) return;
    const { file } = known;
    const content = this.contentOf(file.path);
    if (content === known.content) return;
    known.content = content;
    try {
      if (content === null) throw new Error(`${file.path} does not exist`);
      known.sent = this.sentOf(file, content);
    } catch (error) {
      this.surroundings.refused(file, messageOf(error), known.sent);
      return;
    }
    this.tell();
  }

  tell(): void {
    this.surroundings.take([...this.known.values()].map(({ sent }) => sent));
  }

  private sentOf(file: FollowedFile<Sent, Content>, content: Content | null): Sent {
    return file.read(content, content === null ? 0 : ++this.versions);
  }

  /** Null: there is no such file. */
  private contentOf(path: string): Content | null {
    try {
      return this.surroundings.read(path);
    } catch {
      return null;
    }
  }
}

function idOf({ id, path }: { readonly id?: string; readonly path: string }): string {
  return id ?? path;
}
