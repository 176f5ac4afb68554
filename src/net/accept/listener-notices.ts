/**
 * What the log says about the clients of a listener: that a limit turned some of them away, and that one of them may be a proxy that
 * nobody listed in `trusted_proxies`. Each is said once in a while for all threads together, with how often it happened.
 */
import { clientKey } from "../../base/client-key.ts";
import { NOTICE } from "../../shared/worker-table.ts";
import type { Notice } from "../../shared/worker-table.ts";
import type { ListenerConfig } from "./listener-context.ts";
import type { ConnectionThread } from "../connection-thread.ts";

type Limit = "connections" | "connections_per_client";

interface Refused {
  /** The last one. */
  readonly client: string;
  /** Time of the first one. */
  readonly since: number;
}

const REFUSALS_EVERY_S = 60;
/** Refusals come in crowds: after this time it is known how large one is, and whether its client forwards for others. */
const CROWD_MS = 500;
/** Any client may send such fields, so this is said less often. */
const FORWARDING_EVERY_S = 3600;

export class ListenerNotices {
  private readonly thread: Pick<ConnectionThread, "workers" | "now" | "report">;
  private readonly listener: number;
  /** Whom each limit turned away last in this thread, while that is not said. */
  private readonly refused: Record<Limit, Refused | null> = { connections: null, connections_per_client: null };
  private lastForwarding: string = "";

  constructor(thread: Pick<ConnectionThread, "workers" | "now" | "report">, listener: number) {
    this.thread = thread;
    this.listener = listener;
  }

  /** A limit turned a client away. */
  onRefused(limit: Limit, client: string): void {
    this.thread.workers.count(this.listener, NOTICE[limit]);
    this.refused[limit] = { client, since: this.refused[limit]?.since ?? this.thread.now };
  }

  /** A client that is not trusted sent a field in which proxies say for whom they speak. Called for each such request. */
  onForwarding(client: string, config: ListenerConfig): void {
    if (client === this.lastForwarding) return;
    this.lastForwarding = client;
    this.thread.workers.markForwarding(this.listener, clientKey(client));
    this.thread.workers.count(this.listener, NOTICE.forwarding);
    if (this.take(NOTICE.forwarding, FORWARDING_EVERY_S) === 0) return;
    const message = `${client} sends X-Forwarded-* or Forwarded and is not in trusted_proxies: it counts as the client, and these fields are replaced. If it is a proxy of yours, list it there`;
    this.thread.report("info", "proxy_not_trusted", message, { listener: config.address, client });
  }

  /** Called now and then: says what waits to be said. */
  tick(config: ListenerConfig): void {
    this.sayRefused("connections", config);
    this.sayRefused("connections_per_client", config);
  }

  private sayRefused(limit: Limit, { address, limits }: ListenerConfig): void {
    const last = this.refused[limit];
    if (last === null || this.thread.now < last.since + CROWD_MS) return;
    const count = this.take(NOTICE[limit], REFUSALS_EVERY_S);
    if (count === 0) {
      // Another thread has said it.
      if (this.thread.now > last.since + 1000 * (REFUSALS_EVERY_S + 1)) this.refused[limit] = null;
      return;
    }
    this.refused[limit] = null;
    const { client } = last;
    const why =
      limit === "connections" ? "as many are open as the listener may have" : `it has as many open as one client may${this.hint(client)}`;
    const turnedAway = `${address} turned away ${count} ${count === 1 ? "connection" : "connections"}, the last from ${client}`;
    const message = `${turnedAway}: ${why} (limits.${limit}: ${limits[limit]})`;
    this.thread.report("warn", "connections_refused", message, {
      listener: address,
      limit,
      allowed: limits[limit],
      client,
      refused: count,
    });
  }

  private hint(client: string): string {
    const forwards = this.thread.workers.isForwarding(this.listener, clientKey(client));
    return forwards ? ", and sends X-Forwarded-*; if it is a proxy of yours, list it in trusted_proxies" : "";
  }

  private take(notice: Notice, everyS: number): number {
    return this.thread.workers.takeCount(this.listener, notice, this.thread.now, everyS);
  }
}
