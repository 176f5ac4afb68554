/**
 * The certificates of listeners with `tls: internal`, from local authorities. The first certificate of a listener is made ahead; those for the names of
 * clients when the first client comes, and there are only so many of them.
 */
import type { LocalAuthority, LocalCertificate } from "../../authority/local-authority.ts";
import { LOCAL_NAMES_TEXT, isLocalName } from "../../base/local-names.ts";
import { parseIpAddress } from "../../base/cidr.ts";
import { messageOf } from "../../base/errors.ts";
import type { AppLog } from "../../observe/app-log.ts";

/** What of an authority is needed here. */
export type Authority = Pick<LocalAuthority, "issue" | "file">;

export interface InternalCertificatesOptions {
  readonly log: Pick<AppLog, "info" | "warn" | "error">;
  /** Opens the authority that is stored in a folder, or makes it there; rejects with an Error whose message is fit for the operator. */
  readonly open: (folder: string) => Promise<Authority>;
  /** Called when the certificates of a listener have changed. */
  readonly changed: () => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
}

/** What a listener with `tls: internal` wants. */
export interface InternalWish {
  /** The folder of the authority. */
  readonly folder: string;
  /** The names of the first certificate. */
  readonly names: readonly string[];
}

/** A certificate that is in use, with its names. */
export interface InternalCertificate extends Pick<LocalCertificate, "certificate" | "key" | "renewAt"> {
  readonly names: readonly string[];
}

/** Certificates for names of clients. Threads hold a context of about 34 KB for each. */
const NAMES_MAX = 100;
/** New certificates within {@link WINDOW_MS}. Each costs some 3 ms of the main thread, and every thread makes a context of it. */
const MADE_MAX = 20;
const WINDOW_MS = 2000;
/** Often, because a machine may have slept for days. */
const LOOK_MS = 60_000;

/** The certificates of one authority. */
interface Shelf {
  readonly authority: Authority;
  /** First certificates, by their names. */
  readonly first: Map<string, InternalCertificate>;
  /** Those for names of clients, by name, the oldest first. */
  readonly named: Map<string, InternalCertificate>;
}

export class InternalCertificates {
  private readonly options: InternalCertificatesOptions;
  /** By the folders of the authorities. */
  private readonly shelves: Map<string, Shelf> = new Map();
  /** Certificates that are being made, by folder and name. */
  private readonly making: Map<string, Promise<boolean>> = new Map();
  /** When the last certificates for names of clients were begun. */
  private readonly begun: number[] = [];
  private cancelLook: (() => void) | null = null;
  /** Names that were refused since the last look. */
  private refusals: number = 0;
  private lastRefusal: string = "";

  constructor(options: InternalCertificatesOptions) {
    this.options = options;
  }

  /** Makes ready what listeners of a configuration need that may come into use. Resolves with what is wrong, one line each. */
  async prepare(wishes: readonly InternalWish[]): Promise<readonly string[]> {
    const problems = new Set<string>();
    for (const { folder, names } of wishes) {
      try {
        const shelf = await this.shelfOf(folder);
        if (!shelf.first.has(keyOf(names))) shelf.first.set(keyOf(names), await this.make(shelf, names));
      } catch (error) {
        problems.add(messageOf(error));
      }
    }
    this.plan();
    return [...problems];
  }

  /** Forgets what none of these listeners needs, which are those of the configuration that is in use now. */
  keep(wishes: readonly InternalWish[]): void {
    for (const [folder, { first }] of this.shelves) {
      const wanted = new Set(wishes.filter((wish) => wish.folder === folder).map(({ names }) => keyOf(names)));
      for (const key of first.keys()) if (!wanted.has(key)) first.delete(key);
      if (wanted.size === 0) this.shelves.delete(folder);
    }
    if (this.shelves.size === 0) this.stop();
  }

  /** The certificates of a listener, the first one first. */
  of({ folder, names }: InternalWish): readonly InternalCertificate[] {
    const shelf = this.shelves.get(folder);
    const first = shelf?.first.get(keyOf(names));
    return shelf === undefined || first === undefined ? [] : [first, ...shelf.named.values()];
  }

  /**
   * A client wants a certificate for a name. Resolves with false when there will be none; with true when there is one, and `changed` was called.
   * @param name in lower case
   */
  wanted(folder: string, name: string): Promise<boolean> {
    const shelf = this.shelves.get(folder);
    if (shelf === undefined) return Promise.resolve(false);
    if (shelf.named.has(name)) return Promise.resolve(true);
    const key = `${folder}\0${name}`;
    const under = this.making.get(key);
    if (under !== undefined) return under;
    // A client names no address (RFC 6066 section 3).
    if (!isLocalName(name) || parseIpAddress(name) !== null || !this.mayMake()) return Promise.resolve(this.refuse(name));
    const making = this.add(shelf, name).finally(() => this.making.delete(key));
    this.making.set(key, making);
    return making;
  }

  stop(): void {
    this.shelves.clear();
    this.cancelLook?.();
    this.cancelLook = null;
  }

  private async shelfOf(folder: string): Promise<Shelf> {
    const there = this.shelves.get(folder);
    if (there !== undefined) return there;
    const authority = await this.options.open(folder);
    const shelf: Shelf = { authority, first: new Map(), named: new Map() };
    this.shelves.set(folder, shelf);
    const text = `listeners with tls: internal have certificates of the local authority whose root is ${authority.file}`;
    this.options.log.info("local_authority_opened", text, { root: authority.file });
    return shelf;
  }

  private async make({ authority }: Shelf, names: readonly string[]): Promise<InternalCertificate> {
    const { certificate, key, renewAt } = await authority.issue(names, this.options.now());
    return { names, certificate, key, renewAt };
  }

  private async add(shelf: Shelf, name: string): Promise<boolean> {
    try {
      shelf.named.set(name, await this.make(shelf, [name]));
    } catch (error) {
      this.options.log.error("certificate_not_made", `the local authority made no certificate for ${name}: ${messageOf(error)}`);
      return false;
    }
    for (const oldest of shelf.named.keys()) {
      if (shelf.named.size <= NAMES_MAX) break;
      shelf.named.delete(oldest);
    }
    this.options.changed();
    return true;
  }

  private mayMake(): boolean {
    const now = this.options.now();
    while (this.begun.length > 0 && Math.abs(now - (this.begun[0] ?? 0)) >= WINDOW_MS) this.begun.shift();
    return this.begun.length < MADE_MAX && this.begun.push(now) > 0;
  }

  private refuse(name: string): false {
    this.refusals++;
    this.lastRefusal = name;
    return false;
  }

  private plan(): void {
    if (this.cancelLook !== null || this.shelves.size === 0) return;
    this.cancelLook = this.options.after(LOOK_MS, () => {
      this.cancelLook = null;
      void this.look();
    });
  }

  /** Renews what is old. A name of clients is forgotten, and gets a new certificate when somebody asks. */
  private async look(): Promise<void> {
    this.reportRefusals();
    const now = this.options.now();
    let isChanged = false;
    for (const shelf of this.shelves.values()) {
      for (const [name, { renewAt }] of shelf.named) if (renewAt <= now) isChanged = shelf.named.delete(name);
      for (const [key, old] of shelf.first) {
        if (old.renewAt > now) continue;
        const made = await this.make(shelf, old.names).catch((error: unknown) => this.tellFailure(old.names, error));
        // A reload may have forgotten it meanwhile.
        if (made !== null && shelf.first.get(key) === old) {
          shelf.first.set(key, made);
          isChanged = true;
        }
      }
    }
    if (isChanged) this.options.changed();
    this.plan();
  }

  private tellFailure(names: readonly string[], error: unknown): null {
    const text = `the local authority renewed no certificate for ${names.join(", ")}: ${messageOf(error)}`;
    this.options.log.error("certificate_not_made", text);
    return null;
  }

  private reportRefusals(): void {
    if (this.refusals === 0) return;
    const { refusals, lastRefusal } = this;
    this.refusals = 0;
    const text = `clients named ${refusals} names without a certificate, the last one ${JSON.stringify(lastRefusal)}: the local authority serves ${LOCAL_NAMES_TEXT}, and ${MADE_MAX} new names in ${WINDOW_MS / 1000} s`;
    this.options.log.warn("certificate_not_made", text, { names: refusals });
  }
}

function keyOf(names: readonly string[]): string {
  return names.join();
}
