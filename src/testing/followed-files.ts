/** Files of a test's configuration that are looked at each second and read again when they have changed, as the control plane does with real ones. */
import { messageOf } from "../base/errors.ts";

/** Time between two looks at the files, on the test's clock. */
const LOOK_MS = 1000;

/** The part of a clock that is needed. */
export interface LookClock {
  every(ms: number, then: () => void): () => void;
}

export interface FollowedFile<Sent> {
  readonly path: string;
  /** Where a file is read in several ways. Default: the path. */
  readonly id?: string;
  /** Whether it need not be there at the start. */
  readonly mayLack: boolean;
  /**
   * What threads get of it. Throws an Error that says what is wrong with the text.
   * @param text null: it is not there yet @param version rises with each change
   */
  readonly read: (text: string | null, version: number) => Sent;
}

interface Surroundings<Sent> {
  /** Gives the text of a file; throws where there is none. */
  readonly read: (path: string) => string;
  /** Called with what threads get of all files, whenever one has changed. */
  readonly take: (all: readonly Sent[]) => void;
  /** Called when a file has changed and cannot be used. */
  readonly refused: (path: string, problem: string) => void;
}

interface Known<Sent> {
  readonly file: FollowedFile<Sent>;
  /** As the file has it; null: there is none. */
  text: string | null;
  sent: Sent;
}

export class FollowedFiles<Sent> {
  private readonly known: Map<string, Known<Sent>> = new Map();
  private readonly surroundings: Surroundings<Sent>;
  private versions: number = 0;

  constructor(clock: LookClock, surroundings: Surroundings<Sent>) {
    this.surroundings = surroundings;
    clock.every(LOOK_MS, () => {
      for (const id of this.known.keys()) this.look(id);
    });
  }

  /** Reads the files of a configuration. Throws an Error that says what is wrong. */
  use(files: readonly FollowedFile<Sent>[]): void {
    for (const file of files) {
      const text = file.mayLack ? this.textOf(file.path) : this.surroundings.read(file.path);
      this.known.set(idOf(file), { file, text, sent: this.sentOf(file, text) });
    }
    const ids = new Set(files.map(idOf));
    for (const id of this.known.keys()) if (!ids.has(id)) this.known.delete(id);
    this.tell();
  }

  /** Reads a file again if it has changed. */
  look(id: string): void {
    const known = this.known.get(id);
    if (known === undefined) return;
    const { path } = known.file;
    const text = this.textOf(path);
    if (text === known.text) return;
    known.text = text;
    try {
      if (text === null) throw new Error(`${path} does not exist`);
      known.sent = this.sentOf(known.file, text);
    } catch (error) {
      this.surroundings.refused(path, messageOf(error));
      return;
    }
    this.tell();
  }

  tell(): void {
    this.surroundings.take([...this.known.values()].map(({ sent }) => sent));
  }

  private sentOf(file: FollowedFile<Sent>, text: string | null): Sent {
    return file.read(text, text === null ? 0 : ++this.versions);
  }

  /** Null: there is no such file. */
  private textOf(path: string): string | null {
    try {
      return this.surroundings.read(path);
    } catch {
      return null;
    }
  }
}

function idOf({ id, path }: FollowedFile<unknown>): string {
  return id ?? path;
}
