/** The fields of a response, as they go to the client. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { isPlainObject } from "../options/plain-object.ts";
import type { Options } from "../options/options.ts";
import type { ProxyResponse } from "./proxy-response.ts";
import type { Target } from "../options/target.ts";

type ResponseOptions = Pick<
  Options,
  "autoRewrite" | "hostRewrite" | "protocolRewrite" | "cookieDomainRewrite" | "cookiePathRewrite" | "preserveHeaderKeyCase"
>;

/** Sets status and fields of the client's response to those of the target's, with what the options change. */
export function copyResponseHead(
  from: ProxyResponse,
  req: IncomingMessage,
  res: ServerResponse,
  target: Target,
  options: ResponseOptions,
): void {
  const { headers } = from;
  const location = headers.location;
  if (location !== undefined && REDIRECTS.has(from.statusCode ?? 0)) headers.location = rewritten(location, req, target, options);
  const cookies = headers["set-cookie"];
  if (cookies !== undefined) {
    headers["set-cookie"] = [cookies]
      .flat()
      .map((cookie) => withAttribute(cookie, "domain", options.cookieDomainRewrite))
      .map((cookie) => withAttribute(cookie, "path", options.cookiePathRewrite));
  }
  const spelled = options.preserveHeaderKeyCase === true ? spelling(from.rawHeaders) : null;
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) res.setHeader(spelled?.get(name) ?? name, value);
  res.statusCode = from.statusCode ?? 200;
  if (req.httpVersionMajor < 2 && from.statusMessage !== undefined && from.statusMessage !== "") res.statusMessage = from.statusMessage;
}

const REDIRECTS = new Set([201, 301, 302, 307, 308]);

/** Only a location that names the target is rewritten. */
function rewritten(location: string, req: IncomingMessage, target: Target, options: ResponseOptions): string {
  const { autoRewrite, hostRewrite, protocolRewrite } = options;
  const url = URL.parse(location);
  if (url === null || url.host !== target.authority) return location;
  const rest = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*(.*)$/is.exec(location)?.[1];
  if (rest === undefined) return location;
  const host = hostRewrite ?? (autoRewrite === true ? (req.headers.host ?? url.host) : url.host);
  const scheme = (protocolRewrite ?? url.protocol).replace(/:?$/, ":");
  return `${scheme}//${host}${rest}`;
}

/** The cookie with another value of that attribute (lower case), or without it. */
function withAttribute(cookie: string, attribute: string, rewrite: ResponseOptions["cookiePathRewrite"]): string {
  if (rewrite === undefined || rewrite === false) return cookie;
  const [pair = "", ...attributes] = cookie.split(";");
  let isDone = false;
  const kept = attributes.flatMap((each) => {
    const [, name = "", value = ""] = /^\s*([^=]*?)\s*=\s*(.*?)\s*$/s.exec(each) ?? [];
    if (isDone || name.toLowerCase() !== attribute) return [each];
    isDone = true;
    const next = isPlainObject(rewrite)
      ? Object.hasOwn(rewrite, value)
        ? rewrite[value]
        : Object.hasOwn(rewrite, "*")
          ? rewrite["*"]
          : value
      : rewrite;
    return typeof next === "string" && next !== "" ? [`${each.slice(0, each.indexOf("=") + 1)}${next}`] : [];
  });
  return [pair, ...kept].join(";");
}

/** How names are spelled, by their lower case. */
function spelling(raw: readonly string[]): ReadonlyMap<string, string> {
  return new Map(raw.flatMap((name, at) => (at % 2 === 0 ? [[name.toLowerCase(), name] as const] : [])));
}
