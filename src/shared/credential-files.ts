/**
 * Files with credentials that features name, as one thread knows them: keys, users, key sets. The main thread reads and checks them
 * (control/named-files/credential-files.ts) and sends every thread the text of now; what a key server says comes in the same way, under its URL.
 */

/** A file as it is sent. */
export interface SentCredentials {
  /** The absolute path of the file, or the URL of a key server. */
  readonly path: string;
  /** Rises when the text changes. */
  readonly version: number;
  /** As the feature's declaration has checked and rewritten it. Null: the key server has not answered yet. */
  readonly text: string | null;
}

/** A file as features use it: the same object for as long as it is named, with the text of now. */
export class CredentialFile {
  readonly path: string;
  version: number;
  text: string | null;
  /** @internal When a request of this thread last had the key server asked. */
  askedAtMs: number = -Infinity;
  /** @internal What those requests wait for that have had the key server asked; null: none waits. */
  awaited: PromiseWithResolvers<void> | null = null;

  constructor({ path, version, text }: SentCredentials) {
    this.path = path;
    this.version = version;
    this.text = text;
  }

  /** Gives what `make` makes of the text of now. It is made when it is asked for, once for each version of the text. */
  compiled<T>(make: (text: string | null) => T): () => T {
    let made: { readonly version: number; readonly value: T } | null = null;
    return () => {
      if (made === null || made.version !== this.version) made = { version: this.version, value: make(this.text) };
      return made.value;
    };
  }

  /** @internal Takes what the main thread tells of this file, whether or not it has changed. */
  take({ version, text }: SentCredentials): void {
    this.version = version;
    this.text = text;
    this.release();
  }

  /** @internal Ends the waiting: it stays as it is from now on, or has just been told. */
  release(): void {
    this.awaited?.resolve();
    this.awaited = null;
  }
}

export class CredentialFiles {
  private readonly files: Map<string, CredentialFile> = new Map();
  private readonly want: (path: string) => void;

  /** @param want asks the main thread to ask that key server again; it tells of the file in any case */
  constructor(want: (path: string) => void = () => {}) {
    this.want = want;
  }

  /** Takes all files that are in use. Those that are no longer sent are forgotten; who has them may use them on. */
  take(all: readonly SentCredentials[]): void {
    for (const sent of all) {
      const known = this.files.get(sent.path);
      if (known === undefined) this.files.set(sent.path, new CredentialFile(sent));
      else known.take(sent);
    }
    const sentPaths = new Set(all.map(({ path }) => path));
    for (const [path, file] of this.files) {
      if (sentPaths.has(path)) continue;
      this.files.delete(path);
      file.release();
    }
  }

  /** The file at that path or URL. Throws if it was not sent: a guard without its file would not know whom to admit. */
  file(path: string): CredentialFile {
    const file = this.files.get(path);
    if (file === undefined) throw new Error(`the credentials in ${JSON.stringify(path)} have not been read`);
    return file;
  }

  /**
   * Has the main thread ask the key server at that URL again. Whoever comes while it is asked waits for the same answer, on whatever route. Resolves with false
   * where it is not asked: this thread has wanted that less than `everyMs` ago, or a reload has just ended the use of the server.
   */
  async refresh(url: string, nowMs: number, everyMs: number): Promise<boolean> {
    const file = this.files.get(url);
    if (file === undefined) return false;
    let { awaited } = file;
    if (awaited === null) {
      // The clock may have been set back.
      if (Math.abs(nowMs - file.askedAtMs) < everyMs) return false;
      file.askedAtMs = nowMs;
      file.awaited = awaited = Promise.withResolvers();
      this.want(url);
    }
    await awaited.promise;
    return true;
  }
}
