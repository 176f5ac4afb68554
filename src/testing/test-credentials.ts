/** The files with credentials of a test's configuration, from the test's files; a key server's answer is the file under its URL. */
import { messageOf } from "../base/errors.ts";
import { credentialFilesOf, keyServersOf } from "../config/feature-files.ts";
import type { CredentialPlace } from "../config/feature-files.ts";
import type { Config } from "../config/schema/schema.ts";
import { checkedCredentials } from "../control/named-files/read-credentials.ts";
import { CredentialFiles } from "../shared/credential-files.ts";
import type { SentCredentials } from "../shared/credential-files.ts";

/** Time between two looks at the files, on the test's clock. */
const LOOK_MS = 1000;

/** The part of a clock that is needed. */
interface Clock {
  every(ms: number, then: () => void): () => void;
}

interface Known {
  readonly place: CredentialPlace;
  /** As the file has it; null: there is none. */
  text: string | null;
  sent: SentCredentials;
}

export class TestCredentials {
  readonly files: CredentialFiles = new CredentialFiles((url) => queueMicrotask(() => this.ask(url)));
  private readonly read: (name: string) => string;
  private readonly known: Map<string, Known> = new Map();
  private readonly refused: (path: string, problem: string) => void;
  private versions: number = 0;

  /**
   * @param read gives the text of a file; throws where there is none
   * @param refused called when a file has changed and cannot be used
   */
  constructor(read: (name: string) => string, clock: Clock, refused: (path: string, problem: string) => void) {
    this.read = read;
    this.refused = refused;
    clock.every(LOOK_MS, () => this.look());
  }

  /** Reads the files of a configuration. Throws an Error that says what is wrong. */
  use({ routes }: Config): void {
    const places = [...credentialFilesOf(routes), ...keyServersOf(routes)];
    const servers = new Set(keyServersOf(routes).map(({ path }) => path));
    for (const place of places) {
      // A key server need not have answered when the proxy starts.
      const text = servers.has(place.path) ? this.textOf(place.path) : this.read(place.path);
      this.known.set(place.path, { place, text, sent: this.sentOf(place, text) });
    }
    for (const path of this.known.keys()) if (!places.some((place) => place.path === path)) this.known.delete(path);
    this.tell();
  }

  private tell(): void {
    this.files.take([...this.known.values()].map(({ sent }) => sent));
  }

  /** A key server is asked at once. */
  private ask(url: string): void {
    const known = this.known.get(url);
    if (known !== undefined) this.lookAt(known);
    this.tell();
  }

  private look(): void {
    for (const known of this.known.values()) if (this.lookAt(known)) this.tell();
  }

  /** Returns whether another text is in use. */
  private lookAt(known: Known): boolean {
    const { path } = known.place;
    const text = this.textOf(path);
    if (text === known.text) return false;
    known.text = text;
    try {
      if (text === null) throw new Error(`${path} does not exist`);
      known.sent = this.sentOf(known.place, text);
      return true;
    } catch (error) {
      this.refused(path, `the credentials of before stay in use: ${messageOf(error)}`);
      return false;
    }
  }

  private sentOf({ path, read }: CredentialPlace, text: string | null): SentCredentials {
    if (text === null) return { path, version: 0, text };
    const found = checkedCredentials(path, text, read);
    if ("problems" in found) throw new Error(found.problems.join("\n"));
    return { path, version: ++this.versions, text: found.text };
  }

  /** Null: there is no such file any more. */
  private textOf(path: string): string | null {
    try {
      return this.read(path);
    } catch {
      return null;
    }
  }
}
