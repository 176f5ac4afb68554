/** What threads need from files before the configuration that names them: address lists, and what listeners with TLS need. */
import { addressListsOf } from "../config/feature-files.ts";
import type { Config } from "../config/schema/schema.ts";
import type { AppLog } from "../observe/app-log.ts";
import { afterMs } from "./after-ms.ts";
import { internalCertificates } from "./certificates/own-authorities.ts";
import { ListenerCertificates } from "./certificates/listener-certificates.ts";
import { AddressListFiles } from "./named-files/address-list-files.ts";
import type { Supervisor } from "./workers/supervise.ts";

export class ThreadNeeds {
  readonly lists: AddressListFiles;
  readonly certificates: ListenerCertificates;
  private readonly threads: () => Pick<Supervisor, "tell">;

  /** @param clock `now` in epoch milliseconds, and monotonic milliseconds */
  constructor(
    log: AppLog,
    threads: () => Pick<Supervisor, "tell">,
    clock: { readonly now: () => number; readonly monotonic: () => number },
  ) {
    this.threads = threads;
    this.lists = new AddressListFiles({ log, tell: (lists) => threads().tell({ type: "lists", lists }), after: afterMs });
    this.certificates = new ListenerCertificates({
      log,
      sources: [internalCertificates(log, () => this.certificates.changed())],
      tell: (listeners) => threads().tell({ type: "tls", listeners }),
      epochMs: clock.now,
      now: clock.monotonic,
      after: afterMs,
    });
  }

  /**
   * Reads what a configuration needs that may come into use, and tells it to all threads. Resolves with what is wrong, one line each.
   * @param listenerSlots of its listeners, in file order
   */
  async prepare({ routes, listeners }: Config, listenerSlots: readonly number[]): Promise<readonly string[]> {
    const problems = this.lists.read(addressListsOf(routes));
    return problems.length > 0 ? problems : this.certificates.prepare(listeners, listenerSlots);
  }

  /** The configuration that is in use now: what others needed is forgotten. */
  keep({ routes, listeners }: Config, listenerSlots: readonly number[]): void {
    this.lists.keep(addressListsOf(routes));
    this.certificates.keep(listeners, listenerSlots);
  }

  /** A client of the listener in `slot` has named a name that none of its certificates has. Threads hear of the new certificate, or that there will be none. */
  async certificateWanted(slot: number, name: string): Promise<void> {
    const isThere = await this.certificates.wanted(slot, name);
    if (!isThere) this.threads().tell({ type: "certificate-refused", slot, name });
  }

  stop(): void {
    this.lists.stop();
    this.certificates.stop();
  }
}
