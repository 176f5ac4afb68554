/**
 * The certificates of listeners with `tls: internal`, from local authorities. The first certificate of a listener is made ahead; those for the names of
 * clients when the first client comes, and there are only so many of them.
 */
import type { LocalAuthority } from "../../authority/local-authority.ts";
import { parseIpAddress } from "../../base/cidr.ts";
import { messageOf } from "../../base/errors.ts";
import { LOCAL_NAMES_TEXT, isLocalName } from "../../base/local-names.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { CertificateSource, SourcedCertificate, TlsListener, TlsListeners } from "./certificate-source.ts";
import { firstNames } from "./first-names.ts";

/** What of an authority is needed here. */
export type LocalIssuer = Pick<LocalAuthority, "issue" | "file">;

export interface InternalCertificatesOptions {
  readonly log: Pick<AppLog, "info" | "warn" | "error">;
  /** Opens the authority that is stored in a folder, or makes it there; rejects with an Error whose message is fit for the operator. */
  readonly open: (folder: string) => Promise<LocalIssuer>;
  /** The folder of the user's own authority. */
  readonly ownFolder: () => string;
  /** Addresses of this machine. */
  readonly addresses: () => readonly string[];
  /** Called when the certificates of a listener have changed. */
  readonly changed: () => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
}

/** A certificate that is in use. */
interface Kept {
  readonly served: SourcedCertificate;
  readonly renewAt: number;
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
  readonly authority: LocalIssuer;
  /** First certificates, by the addresses of the listeners. */
  readonly first: Map<string, Kept>;
  /** Those for names of clients, by name, the oldest first. */
  readonly named: Map<string, Kept>;
}

export class InternalCertificates implements CertificateSource {
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

  async prepare(listeners: TlsListeners): Promise<readonly string[]> {
    const problems = new Set<string>();
    for (const { address, tls } of listeners.values()) {
      if (tls.internal === undefined) continue;
      try {
        const shelf = await this.shelfOf(this.folderOf(tls.internal));
        if (shelf.first.has(address)) continue;
        shelf.first.set(address, await this.make(shelf, firstNames(address, this.options.addresses())));
      } catch (error) {
        problems.add(messageOf(error));
      }
    }
    this.plan();
    return [...problems];
  }

  keep(listeners: TlsListeners): void {
    const all = [...listeners.values()];
    for (const [folder, { first }] of this.shelves) {
      const users = all.filter(({ tls: { internal } }) => internal !== undefined && this.folderOf(internal) === folder);
      const wanted = new Set(users.map(({ address }) => address));
      for (const address of first.keys()) if (!wanted.has(address)) first.delete(address);
      if (wanted.size === 0) this.shelves.delete(folder);
    }
    if (this.shelves.size === 0) this.stop();
  }

  of(_slot: number, { address, tls: { internal } }: TlsListener): readonly SourcedCertificate[] {
    const shelf = internal === undefined ? undefined : this.shelves.get(this.folderOf(internal));
    const first = shelf?.first.get(address);
    return shelf === undefined || first === undefined ? [] : [first, ...shelf.named.values()].map(({ served }) => served);
  }

  isOnDemand({ tls: { internal } }: TlsListener): boolean {
    return internal !== undefined;
  }

  wanted({ tls: { internal } }: TlsListener, name: string): Promise<boolean> {
    const folder = internal === undefined ? null : this.folderOf(internal);
    const shelf = folder === null ? undefined : this.shelves.get(folder);
    if (shelf === undefined) return Promise.resolve(false);
    if (shelf.named.has(name)) return Promise.resolve(true);
    const key = `${folder}\0${name}`;
    const underWay = this.making.get(key);
    if (underWay !== undefined) return underWay;
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

  private folderOf({ storage }: NonNullable<TlsListener["tls"]["internal"]>): string {
    return storage ?? this.options.ownFolder();
  }

  private async make({ authority }: Shelf, names: readonly string[]): Promise<Kept> {
    const { chain, key, renewAt } = await authority.issue(names, this.options.now());
    return { served: { names, chain, key, keyKind: "ecdsa", ocsp: null, isChallenge: false }, renewAt };
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
      for (const [address, old] of shelf.first) {
        if (old.renewAt > now) continue;
        const names = firstNames(address, this.options.addresses());
        const made = await this.make(shelf, names).catch((error: unknown) => this.tellFailure(names, error));
        // A reload may have forgotten it meanwhile.
        if (made !== null && shelf.first.get(address) === old) {
          shelf.first.set(address, made);
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
