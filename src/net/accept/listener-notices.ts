/**
 * Log lines about the clients of a listener: a limit has turned clients away, or a client seems to be a proxy that is missing in
 * `trusted_proxies`. Each kind of line is written at most once in a given time, by one thread for all threads. It says how many cases there
 * were since the previous line.
 */
import { clientKey } from "../../base/client-key.ts";
import { NOTICE } from "../../shared/worker-table.ts";
import type { Notice } from "../../shared/worker-table.ts";
import type { HandshakeLimit } from "./handshake.ts";
import type { ListenerConfig } from "./listener-context.ts";
import type { HeaderRefusal } from "./proxy-header-handshake.ts";
import type { ConnectionThread } from "../connection-thread.ts";
import type { RefusedCertificate } from "../tls/client-refusal.ts";
import type { UnusableCertificate } from "../tls/tls-handshake.ts";

type Limit = "connections" | "connections_per_client" | HandshakeLimit;

/** The key of each limit, and why it has turned a client away. */
const LIMITS: Readonly<Record<Limit, { readonly key: "connections" | "connections_per_client" | "handshakes"; readonly why: string }>> = {
  connections: { key: "connections", why: "as many are open as the listener may have" },
  connections_per_client: { key: "connections_per_client", why: "it has as many open as one client may" },
  handshakes: { key: "handshakes", why: "as many TLS handshakes are under way as a thread may have" },
  handshakes_per_client: { key: "handshakes", why: "it has a quarter of the TLS handshakes under way that a thread may have" },
};
const LIMIT_NAMES = Object.keys(LIMITS) as readonly Limit[];

interface Refused {
  /** Address of the client that was refused last. */
  readonly client: string;
  /** Time of the first refusal since the last line, in monotonic milliseconds. */
  readonly since: number;
}

/** Seconds between two lines about clients that a limit has turned away. */
const REFUSALS_EVERY_S = 60;
/**
 * Milliseconds to wait after a first refusal before the line is written. Refusals come in bursts; after the wait, the line can give their
 * number, and say whether the client forwards for others.
 */
const CROWD_MS = 500;
/** Seconds between two lines about a client that seems to be a proxy. A long time: any client can cause the line by sending such fields. */
const FORWARDING_EVERY_S = 3600;

export class ListenerNotices {
  private readonly thread: Pick<ConnectionThread, "workers" | "now" | "report">;
  private readonly listener: number;
  /** For each limit the refusals of this thread that no line has reported yet. */
  private readonly refused: Record<Limit, Refused | null> = {
    connections: null,
    connections_per_client: null,
    handshakes: null,
    handshakes_per_client: null,
  };
  /** The untrusted client whose request had such fields last, in this thread. */
  private lastForwarding: string = "";

  constructor(thread: Pick<ConnectionThread, "workers" | "now" | "report">, listener: number) {
    this.thread = thread;
    this.listener = listener;
  }

  /** Counts a client that a limit has turned away. */
  onRefused(limit: Limit, client: string): void {
    this.thread.workers.count(this.listener, NOTICE[limit]);
    this.refused[limit] = { client, since: this.refused[limit]?.since ?? this.thread.now };
  }

  /** Called for each request of an untrusted client that has X-Forwarded-* or Forwarded. Writes the line at most once an hour. */
  onForwarding(client: string, config: ListenerConfig): void {
    if (client === this.lastForwarding) return;
    this.lastForwarding = client;
    this.thread.workers.markForwarding(this.listener, clientKey(client));
    this.thread.workers.count(this.listener, NOTICE.forwarding);
    if (this.take(NOTICE.forwarding, FORWARDING_EVERY_S) === 0) return;
    const message = `${client} sends X-Forwarded-* or Forwarded and is not in trusted_proxies: it counts as the client, and these fields are replaced. If it is a proxy of yours, list it there`;
    this.thread.report("info", "proxy_not_trusted", message, { listener: config.address, client });
  }

  /** Counts a connection that was closed because of its PROXY header. Writes the line at most once a minute. */
  onHeaderRefused(sender: string, why: HeaderRefusal, config: ListenerConfig): void {
    this.thread.workers.count(this.listener, NOTICE.header_refused);
    const count = this.take(NOTICE.header_refused, REFUSALS_EVERY_S);
    if (count === 0) return;
    const message = `${config.address} closed ${count} ${count === 1 ? "connection" : "connections"}, the last from ${sender}: ${HEADER_REFUSALS[why]}`;
    this.thread.report("warn", "proxy_header_refused", message, { listener: config.address, client: sender, why, refused: count });
  }

  /** Counts a connection that was closed because of the client's certificate. Writes the line at most once a minute. */
  onCertificateRefused({ client, serverName, code, why, subject }: RefusedCertificate, { address }: ListenerConfig): void {
    this.thread.workers.count(this.listener, NOTICE.certificate_refused);
    const count = this.take(NOTICE.certificate_refused, REFUSALS_EVERY_S);
    if (count === 0) return;
    const name = serverName === null ? "" : ` for ${serverName}`;
    const connections = count === 1 ? "1 connection" : `${count} connections`;
    const message = `${address} refused ${connections} because of the client's certificate, the last from ${client}${name}: ${why}`;
    const fields = { listener: address, client, server_name: serverName ?? "", subject, code, refused: count };
    this.thread.report("warn", "client_certificate_refused", message, fields);
  }

  /** Counts a connection that was closed because OpenSSL does not take the certificate for its name. Writes the line at most once a minute. */
  onCertificateUnusable({ client, serverName, why }: UnusableCertificate, { address }: ListenerConfig): void {
    this.thread.workers.count(this.listener, NOTICE.certificate_unusable);
    const count = this.take(NOTICE.certificate_unusable, REFUSALS_EVERY_S);
    if (count === 0) return;
    const closed = `${address} closed ${count} ${count === 1 ? "connection" : "connections"}, the last from ${client}`;
    const message = `${closed}: OpenSSL does not take the certificate for ${serverName ?? "clients that name none"} (${why})`;
    this.thread.report("error", "certificate_unusable", message, {
      listener: address,
      client,
      server_name: serverName ?? "",
      closed: count,
    });
  }

  /** Called at intervals: writes the lines that are due. */
  tick(config: ListenerConfig): void {
    for (const limit of LIMIT_NAMES) this.sayRefused(limit, config);
  }

  private sayRefused(limit: Limit, { address, limits }: ListenerConfig): void {
    const last = this.refused[limit];
    if (last === null || this.thread.now < last.since + CROWD_MS) return;
    const count = this.take(NOTICE[limit], REFUSALS_EVERY_S);
    if (count === 0) {
      // Another thread has written the line.
      if (this.thread.now > last.since + 1000 * (REFUSALS_EVERY_S + 1)) this.refused[limit] = null;
      return;
    }
    this.refused[limit] = null;
    const { client } = last;
    const { key, why } = LIMITS[limit];
    const hint = limit === "connections" || limit === "handshakes" ? "" : this.hint(client);
    const turnedAway = `${address} turned away ${count} ${count === 1 ? "connection" : "connections"}, the last from ${client}`;
    const message = `${turnedAway}: ${why}${hint} (limits.${key}: ${limits[key]})`;
    this.thread.report("warn", "connections_refused", message, {
      listener: address,
      limit: key,
      allowed: limits[key],
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

const HEADER_REFUSALS: Readonly<Record<HeaderRefusal, string>> = {
  outside: "it is not in proxy_protocol.from, so it may not name other clients",
  no_header: "it does not begin with a PROXY header; a load balancer must be told to send it",
  incomplete: "it ended within its PROXY header",
  bad_line: "its PROXY line is malformed",
  bad_version: "its PROXY header has an unknown version",
  bad_command: "its PROXY header has an unknown command",
  bad_family: "its PROXY header has a family or transport that no HTTP connection has",
  bad_length: "its PROXY header is shorter than its addresses",
  bad_tlv: "a field of its PROXY header is malformed",
  bad_checksum: "the checksum of its PROXY header is wrong",
  too_long: "its PROXY header is too long",
};
