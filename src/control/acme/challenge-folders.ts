/** Answers to challenges in all storages that are in use: looked for again and again, because other processes put theirs there too. */
import type { AppLog } from "../../observe/app-log.ts";
import type { ServedCertificate } from "../../shared/listener-tls.ts";
import type { ChallengeAnswers } from "../../shared/protocol.ts";
import { Challenges, LOOK_MS } from "./challenges.ts";
import type { AcmeStorage } from "./storage.ts";
import type { LockClock } from "./storage-lock.ts";

export interface ChallengeFoldersOptions {
  readonly clock: LockClock;
  readonly log: Pick<AppLog, "warn">;
  /** Called when http-01 is answered otherwise than before. */
  readonly textsChanged: () => void;
  /** Called when tls-alpn-01 is answered otherwise than before. */
  readonly certificatesChanged: () => void;
}

/** Time in which further certificates may come before they are told of: all threads are sent all certificates each time. */
const SOON_MS = 20;

export class ChallengeFolders {
  private readonly options: ChallengeFoldersOptions;
  /** By the folder of the storage. */
  private readonly all: Map<string, Challenges> = new Map();
  private cancelLook: (() => void) | null = null;
  private cancelTelling: (() => void) | null = null;
  private isStopped: boolean = false;

  constructor(options: ChallengeFoldersOptions) {
    this.options = options;
  }

  get texts(): ChallengeAnswers {
    return [...this.all.values()].flatMap(({ texts }) => texts);
  }

  get certificates(): readonly ServedCertificate[] {
    return [...this.all.values()].flatMap(({ certificates }) => certificates);
  }

  /** The answers in a storage. */
  in(storage: AcmeStorage): Challenges {
    const known = this.all.get(storage.folder);
    if (known !== undefined) return known;
    const { clock, log, textsChanged } = this.options;
    const made = new Challenges({
      storage,
      clock,
      log,
      changed: ({ texts, certificates }) => {
        if (texts) textsChanged();
        if (certificates) this.tellSoon();
      },
    });
    this.all.set(storage.folder, made);
    return made;
  }

  /** From now on looks into these folders, and forgets others. */
  keep(folders: ReadonlySet<string>): void {
    for (const folder of this.all.keys()) if (!folders.has(folder)) this.all.delete(folder);
    this.plan();
  }

  stop(): void {
    this.isStopped = true;
    this.cancelLook?.();
    this.cancelTelling?.();
    this.all.clear();
  }

  private plan(): void {
    if (this.cancelLook !== null || this.isStopped || this.all.size === 0) return;
    this.cancelLook = this.options.clock.after(LOOK_MS, () => {
      this.cancelLook = null;
      void Promise.all([...this.all.values()].map((each) => each.look())).then(() => this.plan());
    });
  }

  private tellSoon(): void {
    if (this.isStopped) return;
    this.cancelTelling ??= this.options.clock.after(SOON_MS, () => {
      this.cancelTelling = null;
      this.options.certificatesChanged();
    });
  }
}
