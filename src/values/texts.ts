/** Schemas for the texts of a configuration: addresses, hosts, paths, methods, field names, origins, names, secrets. */
import { z } from "zod";
import { parseCidr, parseIpAddress } from "../base/cidr.ts";
import { UNIX_PATH_BYTES_MAX, parseListenAddress } from "../base/listen-address.ts";
import { normalizePattern } from "../policy/route/normalize-path.ts";
import type { WrittenSecretCommand } from "./secret-command.ts";
import type { Address } from "./written.ts";

type Text = z.ZodType<string, string>;
type AddressText = z.ZodType<string, Address>;
/** In the file a program may stand there, whose output is put in its place before the schema sees it. */
type SecretText = z.ZodType<string, string | WrittenSecretCommand>;

const TCP = String.raw`(?:\*|[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]):[0-9]{1,5}`;
const HOST = String.raw`(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])`;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** The address of a listener. */
export const listenAddress: AddressText = addressText(
  new RegExp(`^(?:${TCP}|unix:/[^\\0]+|fd:[0-9]{1,6})$`),
  "address",
  "an address: host:port, :port, [::1]:8080, unix:/run/millrace.sock or fd:3",
  (address) => parseListenAddress(address).problem === undefined,
  (address) => (/^unix:(?!\/)/.test(address) ? "; the path of a socket is absolute, it begins with /" : ""),
);

/** The admin address, which must be a TCP address. */
export const adminAddress: AddressText = addressText(
  new RegExp(`^${TCP}$`),
  "address",
  "host:port, such as 127.0.0.1:9901",
  (address) => parseListenAddress(address).address?.kind === "tcp",
);

/** An entry of `trusted_proxies`. */
export const trustedAddress: Text = addressOrBlock(() => "");

/** An address or block where a list in a file may stand too. */
export const listedAddress: Text = addressOrBlock((entry) => (entry.startsWith("file:") ? "; a list in a file is { file: PATH }" : ""));

/** @param why completes the message about a wrong value */
function addressOrBlock(why: (entry: string) => string): Text {
  return text(
    /^[0-9A-Fa-f.:]+(?:\/[0-9]{1,3})?$/,
    "address or block",
    "an IP address or a CIDR block such as 10.0.0.0/8 or 2001:db8::/32",
    (entry) => parseCidr(entry) !== null,
    why,
  );
}

/**
 * Scheme, host and port of an endpoint, and nothing else: path and query are the request's. A final slash is dropped. Or the path of a Unix socket.
 */
export const endpointUrl: Text = text(
  new RegExp(`^(?:[hH][tT][tT][pP][sS]?://${HOST}(?::[0-9]{1,5})?/?|unix:/[^\\0:]*[^\\0/:])$`),
  "URL",
  "a URL of scheme, host and port only, such as http://127.0.0.1:8081 or https://app.internal, or unix:/run/app.sock",
  (url) => (url.startsWith("unix:") ? parseListenAddress(url).problem === undefined : URL.canParse(url) && new URL(url).port !== "0"),
  whyNoEndpoint,
).transform((url) => url.replace(/^unix:\/+/, "unix:/").replace(/\/$/, ""));

/** A host to match, with an IPv6 address in brackets. It has no port, because requests match whatever port they name. */
export const hostPattern: Text = text(
  new RegExp(String.raw`^(?:\*|(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])$`),
  "host",
  "a host name without port, such as example.com or *.example.com (international names in their xn-- form)",
);

/** A path to match: a whole path, or a prefix that ends in a star. */
export const pathPattern: Text = text(
  /^\/[^*?#\s]*(?:(?<=\/)\*)?$/,
  "path",
  "a path such as /exact or /prefix/* (a star only as the last segment, no ? and no #; for other patterns there is path_regex)",
  (path) => normalizePattern(path.replace(/\*$/, "")) !== null,
);

/** A literal path to take off or to put before others; the output is in canonical form and without a slash at the end. */
export const pathPrefix: Text = text(
  /^\/[^?#;*\\\s]+$/,
  "path",
  "a path such as /api: no star, no query, no parameters",
  (path) => !path.startsWith("//") && (normalizePattern(path) ?? "/") !== "/",
  (path) => (path === "/" ? "; / alone changes nothing" : ""),
).transform((path) => (normalizePattern(path) ?? path).replace(/\/$/, ""));

/** A method; the output is in upper case. */
export const method: Text = text(TOKEN, "method", "a method such as GET").transform((name) => name.toUpperCase());

/**
 * A method in a route's `methods`. A star is refused: it would be the name of a method, and not stand for all as leaving `methods` out
 * does.
 */
export const listedMethod: Text = text(
  TOKEN,
  "method",
  "a method such as GET; without `methods` a route takes all",
  (name) => name !== "*",
).transform((name) => name.toUpperCase());

export const fieldName: Text = text(TOKEN, "field name", "a field name such as Content-Type");

/** The name of a cookie (RFC 6265 section 4.1.1). */
export const cookieName: Text = text(TOKEN, "cookie name", "the name of a cookie, such as canary");

/** The value of a field: no line ends, no white space around it. */
export const fieldValue: Text = text(
  /^(?:[^\s\p{Cc}](?:[^\n\r\0]*[^\s\p{Cc}])?)?$/u,
  "text",
  "a text without line ends and without spaces around it",
);

/** The path, with or without a query, that a probe asks for. */
export const requestTarget: Text = text(/^\/[!-"$-~]*$/, "path", "a path that begins with / and holds no spaces and no #");

/** A value for the Host field, with or without a port. */
export const hostField: Text = text(
  new RegExp(`^${HOST}(?::[0-9]{1,5})?$`),
  "host",
  "a host with or without port, such as app.internal",
  (host) => URL.canParse(`http://${host}`),
);

/** Where a Redis is: no user and no password, which are keys of their own, so that nothing shows them by mistake. */
export const redisUrl: Text = text(
  /^(?:rediss?:\/\/[^\s/?#]+(?:\/[0-9]{0,5})?|unix:\/[^\0]+)$/,
  "URL",
  "redis://host:port, rediss://host:port (TLS) or unix:/run/redis.sock",
  (url) => {
    if (url.startsWith("unix:")) return parseListenAddress(url).problem === undefined;
    if (!URL.canParse(url)) return false;
    const { username, password, hostname, port } = new URL(url);
    return username === "" && password === "" && hostname !== "" && port !== "0";
  },
  (url) => (url.includes("@") ? "; user and password stand in username and password" : ""),
);

/** Begins the names of keys in a store. No braces: in a cluster they say where a key lies. */
export const storePrefix: Text = text(/^[A-Za-z0-9_.:/-]{1,64}$/, "text", "1 to 64 letters, digits and any of _ . : / -");

/** Where a key server is asked: https, or plain http on this machine. */
export const keyServerUrl: Text = text(
  /^https?:\/\/[!-~]+$/,
  "URL",
  "an https URL (http only for this machine: whoever changes the keys on their way can sign tokens)",
  (url) => {
    if (!URL.canParse(url)) return false;
    const parsed = new URL(url);
    if (parsed.username !== "" || parsed.password !== "") return false;
    return parsed.protocol === "https:" || /^(?:localhost|127\.[0-9.]+|\[::1\])$/.test(parsed.hostname);
  },
);

/** Who issues tokens and logs users in: https, or plain http on this machine. */
export const issuerUrl: Text = text(
  /^https?:\/\/[!-"$->@-~]+$/,
  "URL",
  "an https URL without query (http only for a provider on this machine: whoever changes its answers on their way can log in as anybody)",
  (url) => {
    if (!URL.canParse(url)) return false;
    const parsed = new URL(url);
    if (parsed.username !== "" || parsed.password !== "") return false;
    return parsed.protocol === "https:" || /^(?:localhost|127(?:\.[0-9]+){3}|\[::1\])$/.test(parsed.hostname);
  },
);

/** A path of this proxy's own, without a query. */
export const localPath: Text = text(
  /^\/(?![/\\])[!-"$-)+->@-[\]-~]{0,200}$/,
  "path",
  "a path such as /oauth2/callback: no query, no star, no dots in the place of a name",
  (path) => normalizePattern(path) === path,
);

/** The name for SNI and for verifying a certificate. An IP address is refused, because SNI may not carry one (RFC 6066 section 3). */
export const serverName: Text = text(
  /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?$/,
  "host name",
  "a host name such as app.internal, and no IP address",
  (name) => parseIpAddress(name) === null,
);

/** A name that a certificate can be ordered for; the output is in lower case. */
export const dnsName: Text = text(
  /^(?:\*\.)?(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/,
  "name",
  "a name such as example.com or *.example.com (international names in their xn-- form)",
  (name) => name.length <= 253,
).transform((name) => name.toLowerCase());

/** The pin of a public key. A second slash is curl's spelling; the output has one. */
export const pinnedKey: Text = text(
  /^sha256\/\/?[A-Za-z0-9+/]{43}=$/,
  "public key",
  "the pin of a public key: sha256/ and the 44 characters of a SHA-256 in Base64",
).transform((pin) => `sha256/${pin.slice(-44)}`);

/** A name that `Host` of an admin request may hold; the output is in lower case and without a final dot. */
export const adminHost: Text = serverName.transform((name) => name.toLowerCase().replace(/\.$/, ""));

/** `*`, `null`, a serialised origin (Fetch standard, section 3.2), or one whose host begins with `*.`. */
export const corsOrigin: Text = text(
  new RegExp(String.raw`^(?:\*|null|[A-Za-z][A-Za-z0-9+.-]*://(?:\*\.)?${HOST}(?::[0-9]{1,5})?/?)$`),
  "origin",
  'an origin such as https://app.example.com or https://*.example.com, "*" or "null"',
);

/** @param what names the kind of name in messages, such as "a name" */
export function nameOf(what: string): Text {
  return text(/^[A-Za-z0-9_.-]{1,64}$/, "name", `${what}: 1 to 64 letters, digits, dots, dashes and underscores`);
}

export const filePath: Text = text(/^[^\0]+$/, "file", "the path of a file");

/** A module to import: a path or URL, or the name of a package. */
export const moduleName: Text = text(
  /^(?:file:\/\/\/|\.{0,2}\/|@?[A-Za-z0-9])[^\0]*$/,
  "module",
  "a module: a path such as ./middleware/stamp.ts, or the name of a package",
  (name) => !/^[a-z]+:(?!\/\/\/)/.test(name),
);

/**
 * A secret, such as the token that a request must bring, after it was read from where it is. Spaces inside are kept as they are; spaces around it would not arrive, because a receiver removes
 * them from a field's value (RFC 9110 section 5.5), and control characters cannot be sent.
 */
export const secret: SecretText = z
  .string()
  .min(1, { error: "expected a token that is not empty" })
  .regex(/^(?:[^\s\p{Cc}]| )*$/u, {
    error: "expected a token without line ends, tabs and control characters",
    abort: true,
  })
  .regex(/^(?! ).*(?<! )$/u, { error: "expected a token without spaces around it" })
  .meta({ title: "secret" }) as z.ZodType as SecretText;

/** What a secret has at least that nobody may find by trying: the bytes of the hash of HS256 (RFC 7518 section 3.2). */
const LONG_SECRET_MIN = 32;

/** A secret against which others can try guesses as fast as they compute. @param why completes the message about a shorter one */
export function longSecret(why: string): SecretText {
  const error = `expected at least ${LONG_SECRET_MIN} characters: ${why}`;
  return secret.refine((text) => text.length >= LONG_SECRET_MIN, { error }).meta({ title: "secret" });
}

/** What is wrong with the URL of an endpoint, without quoting it, since it may hold a password. */
function whyNoEndpoint(url: string): string {
  if (/^(?:https?\+)?unix[:@/]/i.test(url)) return whyNoSocket(url);
  if (/^[\w.-]+(?::\d+)?$/.test(url)) return "; http:// or https:// is missing before the host";
  const [, authority = "", rest = ""] = /^https?:\/\/([^/?#]*)(.*)$/is.exec(url) ?? [];
  if (authority.includes("@")) return "; no user and no password stand in it";
  const port = /:(\d+)$/.exec(authority)?.[1];
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) return "; a port is a number from 1 to 65535";
  return rest.length > 1 ? "; no path and no query stand after the host, they are the request's" : "";
}

function whyNoSocket(url: string): string {
  if (/^unix:\/.*:/.test(url)) return "; nothing stands after the path of the socket, not even the colon of nginx";
  return parseListenAddress(url).problem?.endsWith("bytes") === true
    ? `; the path of a socket has at most ${UNIX_PATH_BYTES_MAX} bytes`
    : "; a socket is unix: and its absolute path";
}

/** As `text`, with the type of an address. */
function addressText(...given: Parameters<typeof text>): AddressText {
  return text(...given) as z.ZodType as AddressText;
}

/**
 * A schema for texts that match `pattern` and for which `holds` is true. `expected` completes the message "expected ...".
 * @param why completes the message with what is wrong with a value, without repeating the value
 */
function text(
  pattern: RegExp,
  title: string,
  expected: string,
  holds: (value: string) => boolean = () => true,
  why: (value: string) => string = () => "",
): Text {
  const error = ({ input }: { readonly input?: unknown }): string => `expected ${expected}${typeof input === "string" ? why(input) : ""}`;
  return z.string({ error }).regex(pattern, { error, abort: true }).refine(holds, { error }).meta({ title });
}
