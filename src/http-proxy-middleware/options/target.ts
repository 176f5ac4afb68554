/** Where requests go: what people write as `target`, read once. */
import { isPlainObject } from "./plain-object.ts";
import type { ProxyTarget } from "./options.ts";

/** A target that was read. */
export interface Target {
  /** The whole URL, without user and password. */
  readonly url: URL;
  /** The URL of the endpoint: scheme, host and port. */
  readonly origin: string;
  /** Value of `Host` for the target itself: without the port that the scheme has by default. */
  readonly authority: string;
  /** Path and query of the target; "" for `/`. */
  readonly path: string;
}

/** How the path of the request that is sent is made. */
export interface PathOptions {
  readonly prependPath?: boolean | undefined;
  readonly ignorePath?: boolean | undefined;
}

/** Throws a TypeError for a target that cannot be used. Its message holds no password. */
export function readTarget(given: ProxyTarget): Target {
  const text = typeof given === "string" ? given : given instanceof URL ? given.href : textOf(given);
  const url = URL.parse(text.replace(/^ws(?=s?:)/i, "http"));
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:") || url.hostname === "")
    throw new TypeError(`target: expected a URL such as http://127.0.0.1:3000${shown(text)}`);
  const { protocol, host, pathname, search } = url;
  [url.username, url.password, url.hash] = ["", "", ""];
  return { url, origin: `${protocol}//${host}`, authority: host, path: pathname === "/" && search === "" ? "" : pathname + search };
}

function shown(text: string): string {
  return text.includes("@") || text.length > 200 ? "" : `, found ${JSON.stringify(text)}`;
}

type TargetParts = Exclude<ProxyTarget, string | URL>;

/** The URL of a target that is given in parts, as `url.parse` of Node gives them. A scheme counts only with its colon. */
function textOf(given: TargetParts): string {
  if (!isPlainObject(given) && typeof given !== "object") throw new TypeError("target: expected a URL, or an object with host and port");
  for (const key of UNSUPPORTED) {
    const value: unknown = Reflect.get(given, key);
    if (value !== undefined && value !== null && value !== "") throw new TypeError(`target.${key}: ${REASONS[key] ?? CLIENT_CERTIFICATES}`);
  }
  const { protocol, hostname, host, port, href } = given;
  const name = hostname ?? host;
  if (typeof name !== "string" || name === "") {
    if (typeof href === "string" && href !== "") return href;
    throw new TypeError("target: expected a host");
  }
  const scheme = protocol === "https:" || protocol === "wss:" ? "https" : "http";
  const isBareIpv6 = name.includes(":") && !name.startsWith("[") && name.indexOf(":") !== name.lastIndexOf(":");
  const hasPort = port !== undefined && port !== null && port !== "";
  // A `host` may have the port already; `port` decides.
  const bare = isBareIpv6 ? `[${name}]` : hasPort ? name.replace(/:[0-9]+$/, "") : name;
  const path = given.path ?? `${given.pathname ?? ""}${given.search ?? ""}`;
  return `${scheme}://${bare}${hasPort ? `:${port}` : ""}${path === "" || path.startsWith("/") ? path : `/${path}`}`;
}

const CLIENT_CERTIFICATES = "certificates and ciphers for connections to targets cannot be set yet";
const REASONS: Readonly<Record<string, string | undefined>> = {
  socketPath: "targets on Unix sockets are not supported yet",
  ca: "set NODE_EXTRA_CA_CERTS, or run the proxy with createProxy and tls.ca_file",
};
const UNSUPPORTED = ["socketPath", "pfx", "key", "passphrase", "cert", "ca", "ciphers", "secureProtocol"];

/**
 * Path and query of the request that is sent.
 * @param url of the request, as `pathRewrite` has left it
 */
export function pathToSend(target: Target, url: string, { prependPath = true, ignorePath = false }: PathOptions): string {
  const before = prependPath ? target.path : "";
  const after = ignorePath ? "" : withoutHost(url);
  if (before === "" || after === "") return encoded(rooted(before + after));
  return encoded(`${before.replace(/\/$/, "")}${rooted(after)}`);
}

/** A request may name the server before the path, and a fragment after it that is nobody's business. */
function withoutHost(url: string): string {
  return url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "").replace(/#.*$/s, "");
}

function rooted(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}

/** What may not stand in a request line is percent-encoded: the octets that came, and the text that a rewrite has put in. */
function encoded(path: string): string {
  return path.toWellFormed().replace(/[^!-~]/gu, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return code < 0x100 ? `%${code.toString(16).toUpperCase().padStart(2, "0")}` : encodeURIComponent(char);
  });
}
