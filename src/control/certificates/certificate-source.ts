/** Certificates that come from elsewhere than from files that the configuration names: made by the local authority, or obtained over ACME. */
import type { Config } from "../../config/schema/schema.ts";
import type { ServedCertificate } from "../../shared/listener-tls.ts";

/** Listeners with TLS by their slots in the worker table. */
export type TlsListeners = ReadonlyMap<number, TlsListener>;

export interface TlsListener extends Omit<Config["listeners"][number], "tls"> {
  readonly tls: NonNullable<Config["listeners"][number]["tls"]>;
}

/** What a client is asked for under its names is what the listener says. */
export type SourcedCertificate = Omit<ServedCertificate, "clients">;

export interface CertificateSource {
  /** Makes ready what listeners need of a configuration that may come into use. Resolves with what is wrong, one line each. */
  prepare(listeners: TlsListeners): Promise<readonly string[]>;
  /** The listeners of the configuration that is in use now: what others needed is forgotten. */
  keep(listeners: TlsListeners): void;
  /** The certificates of a listener now. They come after those of files. */
  of(slot: number, listener: TlsListener): readonly SourcedCertificate[];
  /** Whether it may have a certificate for a name that none of the listener's has (`wanted`). */
  isOnDemand(listener: TlsListener): boolean;
  /**
   * A client wants a certificate for a name that none of the listener's has. Resolves with true when there is one now, and threads were told of it; with false
   * when there will be none.
   * @param name in lower case
   */
  wanted(listener: TlsListener, name: string): Promise<boolean>;
  /** Ends what it has begun. Resolves when nothing is left of it. */
  stop(): void | Promise<void>;
}
