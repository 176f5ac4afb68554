/** Where the URL of an endpoint leads. */
export interface EndpointAddress {
  /** Name or IP address, which comes without brackets; "" for a Unix socket. */
  readonly host: string;
  /** The default port of the scheme where the URL has none; 0 for a Unix socket. */
  readonly port: number;
  /** Path of a Unix socket; null: the endpoint is reached over TCP. */
  readonly path: string | null;
  /** Whether connections use TLS. */
  readonly secure: boolean;
  /** The value of Host for a request that has none: host and port as in the URL, `localhost` for a Unix socket. */
  readonly authority: string;
}

/** @param url as the configuration has it: `http://host:port`, `https://host:port`, `unix:/path` */
export function endpointAddress(url: string): EndpointAddress {
  if (url.startsWith("unix:")) return { host: "", port: 0, path: url.slice("unix:".length), secure: false, authority: "localhost" };
  const { protocol, hostname, port, host: authority } = new URL(url);
  const secure = protocol === "https:";
  const host = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
  return { host, port: port === "" ? (secure ? 443 : 80) : Number(port), path: null, secure, authority };
}
