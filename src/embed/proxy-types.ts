/** What a program has of a proxy that it runs itself: `createProxy` gives a {@link MillraceProxy}. docs/embedding.md is the page about it. */
import type { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Duplex } from "node:stream";
import type { ProxyConfig } from "../middleware/config-input.ts";
import type { Explanation } from "../explain/explained.ts";

/** What a proxy within a program takes from its surroundings. */
export interface ProxyOptions {
  /** The folder to which paths in the configuration are relative; by default the current one, `process.cwd()`. */
  readonly baseFolder?: string | undefined;
  /** The values of `${NAME}` and `{env.NAME}` in the configuration; by default the environment of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Gets every entry of the application log, from the start on. It is the first listener of the event `log`. */
  readonly onLog?: ((entry: LogEntry) => void) | undefined;
  /** Gives up the start when it is aborted. It has no effect later. */
  readonly signal?: AbortSignal | undefined;
}

/** An entry of the application log: what happened to the proxy, its workers and its endpoints. docs/observability.md lists the events. */
export interface LogEntry {
  /** ISO 8601, in UTC. */
  readonly time: string;
  /** How much it matters. */
  readonly level: "debug" | "info" | "warn" | "error";
  /** A word for what happened; docs/observability.md lists them. */
  readonly event: string;
  /** What happened, as a sentence for people. */
  readonly message: string;
  /** Further facts, which depend on the event. */
  readonly [field: string]: string | number | boolean;
}

/** A listener that is open. */
export interface OpenListener {
  /** As the configuration writes it. */
  readonly address: string;
  /** Where it can be reached, with the real port: `http://127.0.0.1:8080`. For another kind than TCP it is the address. */
  readonly url: string;
  /** Null: it is no TCP listener. */
  readonly port: number | null;
}

/** What a reload has changed. */
export interface Reloaded {
  /** The listeners that were opened. */
  readonly opened: readonly OpenListener[];
  /** The addresses of the listeners that were closed, as the previous configuration wrote them. */
  readonly closed: readonly string[];
  /** Doubtful points of the configuration, one line each. */
  readonly warnings: readonly string[];
}

/** The events of a proxy, with what their listeners get. */
export interface ProxyEvents {
  /** All listeners accept connections. */
  readonly listening: [listeners: readonly OpenListener[]];
  /** Another configuration is in use. */
  readonly reloaded: [changes: Reloaded];
  /** An entry of the application log, from the configuration's `logging.level` on. */
  readonly log: [entry: LogEntry];
  /** The proxy has ended. It is the last event. */
  readonly closed: [];
}

/** A request to explain. A `Request` of the web's standard is one too. */
export interface ExplainRequest {
  /** Default: GET. */
  readonly method?: string | undefined;
  /** Absolute, or a path, which then needs a `Host` field. */
  readonly url: string;
  /** The fields of the request. */
  readonly headers?: Headers | Readonly<Record<string, string | readonly string[]>> | readonly (readonly [string, string])[] | undefined;
  /** The client's IP address. Default: 192.0.2.1, an address for documentation. */
  readonly client?: string | undefined;
  /** The certificate that the client shows, as PEM text; it is not verified. */
  readonly certificate?: string | undefined;
}

/** A proxy within a program, made by {@link createProxy}. `await using` closes it by itself. */
export interface MillraceProxy extends EventEmitter<ProxyEvents>, AsyncDisposable {
  /** The listeners that are open. */
  readonly openListeners: readonly OpenListener[];
  /** URL of the admin address; null when the configuration has none. */
  readonly adminUrl: string | null;
  /** Doubtful points of the configuration in use, one line each. */
  readonly warnings: readonly string[];

  /**
   * Opens the listeners, and resolves with them when all accept connections. Rejects with an Error that names the address if one cannot be opened;
   * then none is open, and it may be tried again. A second call gives the listeners that are open.
   */
  listen(): Promise<readonly OpenListener[]>;

  /**
   * Brings another configuration into use. Exchanges that run keep the old one, and so do connections of listeners that stay. Rejects with an Error that
   * names every problem, one a line; then the old configuration stays in use.
   */
  reload(config: ProxyConfig): Promise<Reloaded>;

  /**
   * Ends the proxy: nothing new is accepted, and exchanges that run have `shutdown.timeout` to end. Resolves when all is closed. May be called at any
   * time, and more than once.
   */
  close(): Promise<void>;

  /**
   * Says which route takes a request, why the others do not, and what would be sent where. Sends nothing. Rejects with an Error if `url` is neither
   * a URL nor a path, or `client` no address.
   */
  explain(request: ExplainRequest | Request): Promise<Explanation>;

  /**
   * Answers a request of Node's HTTP servers: `http.createServer(proxy.handler)`, `app.use(proxy.handler)`. Bound, so it can be passed on alone.
   * Without `next`, a request that no route takes is answered with 404. After `close` every request is answered with 503.
   */
  readonly handler: NodeHandler;

  /** Takes over the connection of a request that asks for an upgrade: `server.on("upgrade", proxy.upgrade)`. Bound. */
  readonly upgrade: UpgradeHandler;

  /** Answers a request of the web's standard. Bound. After `close` it resolves with a 503. */
  readonly fetch: FetchHandler;
}

/** A request of Node's HTTP servers, of HTTP/1.1 or of the compatibility API of HTTP/2. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;
/** A response of Node's HTTP servers, of HTTP/1.1 or of the compatibility API of HTTP/2. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** What `handler` of a {@link MillraceProxy} is. `next`: called when no route takes the request, as frameworks such as Express do. */
export type NodeHandler = (request: NodeRequest, response: NodeResponse, next?: () => void) => void;

/** What `upgrade` of a {@link MillraceProxy} is: a listener of the event `upgrade`. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** What `fetch` of a {@link MillraceProxy} is. */
export type FetchHandler = (request: Request, options?: FetchedFor) => Promise<Response>;

/** For whom a request of the web's standard is answered. */
export interface FetchedFor {
  /** IP address of the client. Without it nothing is believed of what the request says about its client, and all such requests count as one client. */
  readonly client?: string | undefined;
}
