/** Parses and formats a listener's address as the configuration writes it: `host:port`, `:port`, `[::1]:8080`, `unix:/path`, `fd:3`. */

export type ListenAddress =
  /** `host` is "" for all addresses of the machine, and an IPv6 address without brackets. Port 0 stands for any free port. */
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "fd"; readonly fd: number };

/** An address, or why the text is none, as a message that quotes the text. */
export type ParsedAddress =
  | { readonly address: ListenAddress; readonly problem?: undefined }
  | { readonly address?: undefined; readonly problem: string };

/** The addresses that the name `localhost` stands for (RFC 6761 section 6.3). A listener on `localhost` takes clients of both families. */
export const LOOPBACK_HOSTS: readonly string[] = ["::1", "127.0.0.1"];

export function isLocalhost(host: string): boolean {
  return host.toLowerCase() === "localhost";
}

/** Linux has 108 bytes for the path of a Unix socket and its closing zero; other systems have 104. */
export const UNIX_PATH_BYTES_MAX = 103;

/** Parses a listener's address. Names are not looked up. */
export function parseListenAddress(text: string): ParsedAddress {
  if (text.startsWith("unix:")) return parseUnix(text.slice(5));
  if (text.startsWith("fd:")) return parseFd(text.slice(3));
  const colon = text.lastIndexOf(":");
  if (colon < 0) return problem(text, "the port is missing: write host:port or :port");
  const portText = text.slice(colon + 1);
  const port = Number(portText);
  if (!/^[0-9]{1,5}$/.test(portText) || port > 65_535) return problem(text, "the port must be a number from 0 to 65535");
  const host = text.slice(0, colon);
  if (host.startsWith("[")) {
    const inner = host.slice(1, -1);
    if (!host.endsWith("]") || !/^[0-9a-fA-F:.]+(%[\w.-]+)?$/.test(inner) || !inner.includes(":")) {
      return problem(text, "between the brackets must stand an IPv6 address");
    }
    return { address: { kind: "tcp", host: inner, port } };
  }
  if (host.includes(":")) return problem(text, "an IPv6 address stands in brackets: [::1]:8080");
  if (host === "*") return { address: { kind: "tcp", host: "", port } };
  if (!/^[A-Za-z0-9._-]*$/.test(host)) return problem(text, "the host must be a name or an address");
  return { address: { kind: "tcp", host, port } };
}

/** The address as the configuration writes it, without a scheme. */
export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  if (address.kind === "fd") return `fd:${address.fd}`;
  return `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}

function parseUnix(path: string): ParsedAddress {
  if (!path.startsWith("/")) return problem(`unix:${path}`, "the path of a socket begins with /");
  if (path.includes("\0")) return problem("unix:...", "the path of a socket holds no NUL");
  if (utf8Bytes(path) > UNIX_PATH_BYTES_MAX) {
    return problem(`unix:${path}`, `the path of a socket has at most ${UNIX_PATH_BYTES_MAX} bytes`);
  }
  return { address: { kind: "unix", path } };
}

function parseFd(text: string): ParsedAddress {
  const fd = Number(text);
  if (!/^[0-9]{1,6}$/.test(text) || fd < 3) return problem(`fd:${text}`, "a listening file descriptor is a number from 3 on");
  return { address: { kind: "fd", fd } };
}

function problem(text: string, why: string): ParsedAddress {
  return { problem: `address ${JSON.stringify(text)}: ${why}` };
}

function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
