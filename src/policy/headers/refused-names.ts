/**
 * Names of fields that `request_headers` and `response_headers` may not touch, with the reason. What frames a message, what is about one
 * connection, and what the proxy itself says about the client are not the configuration's to write.
 */

/** Whose head is edited. */
export type Side = "request" | "response";
/** `write`: lines of that name are added. `remove`: received lines of that name do not pass, or get another name. */
export type Edit = "write" | "remove";

/** Why a configuration may not edit that field; null: it may. Case does not matter, and neither does the spelling `X_Forwarded_For`. */
export function whyRefused(side: Side, edit: Edit, name: string): string | null {
  // Some origin servers (CGI and its heirs) read other characters as hyphens.
  const plain = name.toLowerCase().replaceAll(/[^0-9a-z-]/g, "-");
  return (
    EVERYWHERE[plain] ??
    (side === "request" ? IN_REQUESTS : IN_RESPONSES)[plain] ??
    (edit === "write" ? WRITTEN[side][plain] : undefined) ??
    null
  );
}

type Reasons = Readonly<Partial<Record<string, string>>>;

const FRAMING = "it says where the message ends: with another value a recipient could read another message";
const ONE_CONNECTION = "it is about one connection, and the proxy writes it for each of its own";
const FORWARD_PROXY = "it is between a client and a forward proxy of its choice, and never passes here";
const WEBSOCKET = "the two ends of a WebSocket prove by it that they mean each other";
const ABOUT_CLIENT =
  "the proxy writes it from what it knows of the client, and origins rely on that; `trusted_proxies` says whose word counts";
const CERTIFICATE = "origins take it for a certificate that the proxy has verified";

const EVERYWHERE: Reasons = {
  host: "it says whom the request is for",
  "content-length": FRAMING,
  "transfer-encoding": FRAMING,
  trailer: FRAMING,
  connection: ONE_CONNECTION,
  "keep-alive": ONE_CONNECTION,
  te: ONE_CONNECTION,
  upgrade: ONE_CONNECTION,
  "proxy-connection": ONE_CONNECTION,
  "http2-settings": ONE_CONNECTION,
  "proxy-authorization": FORWARD_PROXY,
  "proxy-authenticate": FORWARD_PROXY,
  "proxy-authentication-info": FORWARD_PROXY,
  "sec-websocket-key": WEBSOCKET,
  "sec-websocket-accept": WEBSOCKET,
};

const IN_REQUESTS: Reasons = {
  expect: "the proxy itself answers it with 100 (Continue)",
  "max-forwards": "the proxy counts it down",
  via: "loops are recognised by it; `via: false` in an upstream leaves out the proxy's own line",
  forwarded: ABOUT_CLIENT,
  "x-forwarded-for": ABOUT_CLIENT,
  "x-forwarded-proto": ABOUT_CLIENT,
  "x-forwarded-host": ABOUT_CLIENT,
};

const IN_RESPONSES: Reasons = {
  date: "caches compute the age of a response from it",
};

/** What may be removed, but not written. */
const WRITTEN: Readonly<Record<Side, Reasons>> = {
  request: {
    proxy: "CGI programs take it for the address of a proxy (CVE-2016-5385)",
    "client-cert": CERTIFICATE,
    "client-cert-chain": CERTIFICATE,
    "x-forwarded-client-cert": CERTIFICATE,
  },
  response: {
    "proxy-status": "whoever looks for a failure believes it",
    via: "it says which proxies a response has passed",
  },
};
