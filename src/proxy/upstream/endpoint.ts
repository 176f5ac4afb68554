/**
 * One server of an upstream, as a thread knows it. The object and its connection pool stay the same over reloads, as long as each new
 * configuration names the endpoint. Its slot identifies it (control/workers/endpoint-slots.ts).
 */
import { endpointAddress } from "../../config/addresses/endpoint-address.ts";
import type { TlsSession, UpstreamTls } from "../../shared/upstream-tls.ts";
import type { EndpointConnections } from "./connector.ts";
import type { EndpointSettings } from "./endpoint-settings.ts";

/** Fields that every exchange reads come first, so that they share a cache line: with many endpoints each further line costs time. */
export class Endpoint {
  /** Row of the endpoint in the endpoint table (shared/endpoint-table.ts). */
  readonly slot: number;
  /** Position in the newest set of the upstream; in an older set it may be another. */
  position: number;
  /** The thread's connections to this endpoint; null until the first use. */
  pool: EndpointConnections | null = null;
  /** Settings for connections that are opened from now on. */
  settings: EndpointSettings;
  /** The value of Host for a request that has none: host and port as in the URL, `localhost` for a Unix socket. */
  readonly authority: string;
  /** Name of the upstream. */
  readonly upstream: string;
  /** URL as configured, for logs and metrics. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Path of the Unix socket that the endpoint listens on; null: it is reached over TCP. */
  readonly path: string | null;
  /** Whether connections use TLS. */
  readonly secure: boolean;
  /** The newest TLS session with the endpoint, to be resumed by its next connection; null: none, or none under these settings. */
  session: TlsSession | null = null;
  /** When other threads were told of a session last, or told this one, in monotonic milliseconds. */
  sessionToldAt: number = -Infinity;
  private readonly onSession: (endpoint: Endpoint, session: TlsSession) => void;
  /** Identifies the pool: endpoints with equal keys share connections. */
  key: string;

  /** @param onSession called with each session that the endpoint has offered and that may be resumed */
  constructor(
    upstream: string,
    url: string,
    slot: number,
    position: number,
    settings: EndpointSettings,
    onSession: (endpoint: Endpoint, session: TlsSession) => void = () => {},
  ) {
    const { host, port, path, secure, authority } = endpointAddress(url);
    this.slot = slot;
    this.position = position;
    this.settings = settings;
    this.authority = authority;
    this.upstream = upstream;
    this.url = url;
    this.host = host;
    this.port = port;
    this.path = path;
    this.secure = secure;
    this.key = this.keyUnder(settings);
    this.onSession = onSession;
  }

  /** Keeps a session that the endpoint has offered on a connection under `tls`, unless the settings have changed since: then it proves nothing. */
  keepSession(session: TlsSession, { id }: UpstreamTls): void {
    if (id !== this.settings.tls.id) return;
    this.session = session;
    this.onSession(this, session);
  }

  /** Called at a reload. Changed settings lead to a new pool, so that no idle connection opened under the old settings is used. */
  update(position: number, settings: EndpointSettings): void {
    this.position = position;
    const before = this.settings;
    if (settings === before) return;
    this.settings = settings;
    this.key = this.keyUnder(settings);
    this.pool = null;
    if (settings.tls.id === before.tls.id) return;
    this.session = null;
    this.sessionToldAt = -Infinity;
  }

  private keyUnder(settings: EndpointSettings): string {
    return JSON.stringify([this.secure, this.path ?? this.host, this.port, settings.key]);
  }
}
