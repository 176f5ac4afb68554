/** Draws requests for the configuration of config.ts: plain ones, odd spellings of them, and ones that nobody should take. */
import fc from "fast-check";

export interface DrawnRequest {
  readonly method: string;
  readonly target: string;
  /** `name: value` lines, Host included. */
  readonly fields: readonly string[];
  readonly client: string;
  /** The body as it is on the wire. */
  readonly body: string;
}

const method = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom("GET", "GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD") },
  { weight: 1, arbitrary: fc.constantFrom("PATCH", "TRACE", "CONNECT", "get", "PURGE", "M(") },
);
const host = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom("a.test", "a.test", "x.page.test", "closed.test", "b.test") },
  { weight: 1, arbitrary: fc.constantFrom("A.Test:8080", "a.test.", "page.test", "192.0.2.7", "[::1]:80", "a b", "", "x.y.page.test") },
);
const BEGINNINGS = [
  "/old",
  "/find",
  "/u/17",
  "/u/x",
  "/hello",
  "/site",
  "/site/a",
  "/inside",
  "/secret",
  "/api",
  "/api/shared",
  "/split/header",
  "/split/cookie",
  "/split/client",
  "/split/other",
  "/socket",
  "/flat",
  "/careful",
  "/copied",
  "/plain",
  "/described",
  "/never",
  "",
] as const;
/** Other spellings of a path, which routes must read as an origin does, or refuse. */
const respelled = fc.constantFrom(
  (path: string) => path,
  (path: string) => path.replace("a", "%61"),
  (path: string) => path.replace("/", "//"),
  (path: string) => `/x/..${path}`,
  (path: string) => `/.${path}`,
  (path: string) => path.replace(/(.)\//, "$1%2f"),
  (path: string) => `${path};v=1`,
  (path: string) => path.toUpperCase(),
  (path: string) => `${path}\\x`,
  (path: string) => `${path}/..`,
);
const ending = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      "/",
      "/x",
      "/x/y.html",
      "/page.html",
      "/%20",
      "/%e2%82%ac",
      "//evil.test",
      "/%2e%2e/x",
      "/a%zz",
      "/#f",
      "/\xe9",
    ),
  },
);
const query = fc.oneof(
  { weight: 4, arbitrary: fc.constant("") },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "?",
      "?v=1",
      "?v=a%20b&v=2",
      "?never=1",
      "?a[]=1&v=%0d%0aX:1",
      "?v=//evil.test",
      "?v",
      `?long=${"q".repeat(2000)}`,
    ),
  },
);
const target = fc.oneof(
  {
    weight: 20,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...BEGINNINGS),
        fc.oneof({ weight: 10, arbitrary: fc.constant((path: string) => path) }, respelled),
        ending,
        query,
      )
      .map(([beginning, respell, end, text]) => `${respell(`${beginning}${end}` || "/")}${text}`),
  },
  { weight: 1, arbitrary: fc.constantFrom("*", "http://a.test/api/x", "/\x00", `/?long=${"q".repeat(2000)}`, "/x y") },
);

const WEBSOCKET = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
/** Groups of field lines that belong together. */
const GROUPS: readonly (readonly string[])[] = [
  ["X-A: one"],
  ["X-A: two", "X-A: three"],
  ['X-A: \xe9\t"<>'],
  ["X-Secret: 1"],
  ["X-Beta: 1"],
  ["X-Debug: on"],
  ["X-Old: 1"],
  ["Cookie: id=7; other=x"],
  ["cookie: a=b", "Cookie: id=8"],
  ["Authorization: Bearer first"],
  ["Authorization: Bearer wrong"],
  ["Authorization: Bearer first", "X-API-Key: second"],
  ["X-API-Key: second"],
  ["Accept: application/json"],
  ["Accept: text/html"],
  ["Content-Type: application/json"],
  ["Content-Type: text/plain; charset=utf-8"],
  ["Origin: https://page.test"],
  ["Origin: https://evil.test"],
  ["Origin: https://x.page.test", "Access-Control-Request-Method: PUT"],
  ["Origin: https://page.test", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: x-a"],
  ["X-Request-Id: mine"],
  ["X-Forwarded-For: 10.0.0.1", "X-Forwarded-Proto: https"],
  ["X-Forwarded-Prefix: /p", "X-Original-URL: /secret"],
  ["Forwarded: for=10.0.0.1"],
  ["X_Under: 1"],
  ["Max-Forwards: 3"],
  ["Connection: X-A"],
  ["TE: trailers", "Connection: TE"],
  ["Keep-Alive: timeout=5"],
  ["Proxy-Authorization: Basic eA=="],
  ["Range: bytes=0-1"],
  ["X-Tab: a\tb "],
  WEBSOCKET,
  ["Connection: Upgrade", "Upgrade: tcp"],
  ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA"],
];
/** Groups for which the request is refused. */
const REFUSED: readonly (readonly string[])[] = [
  ["Authorization: Bearer first", "Authorization: Bearer second"],
  ["Max-Forwards: 0"],
  ["Expect: something"],
  ["Via: 1.1 millrace, 1.1 other"],
  ["Connection: Host"],
  ["Bad Name: 1"],
  ["X-Bad: a\x01b"],
  [`X-Long: ${"x".repeat(5000)}`],
];

const group = fc.oneof({ weight: 60, arbitrary: fc.constantFrom(...GROUPS) }, { weight: 1, arbitrary: fc.constantFrom(...REFUSED) });

const body = fc.oneof(
  { weight: 12, arbitrary: fc.constant([[], ""] as const) },
  { weight: 1, arbitrary: fc.constant([["Content-Length: 0"], ""] as const) },
  { weight: 1, arbitrary: fc.constant([["Content-Length: 5"], "hello"] as const) },
  { weight: 1, arbitrary: fc.constant([["Content-Length: 30"], "x".repeat(30)] as const) },
  { weight: 1, arbitrary: fc.constant([["Transfer-Encoding: chunked"], "5\r\nhello\r\n0\r\n\r\n"] as const) },
  { weight: 1, arbitrary: fc.constantFrom([["Content-Length: 5, 5"], "hello"] as const, [["Content-Length: x"], ""] as const) },
);
const client = fc.constantFrom("192.0.2.1", "192.0.2.66", "198.51.100.9", "10.1.2.3", "2001:db8::1", "2001:db9::1");

export const drawnRequest: fc.Arbitrary<DrawnRequest> = fc
  .record({
    method,
    target,
    host,
    client,
    groups: fc.array(group, { maxLength: 4 }),
    sent: body,
  })
  .map(({ method: name, target: path, host: authority, client: address, groups, sent: [framing, text] }) => ({
    method: name,
    target: path,
    fields: [`Host: ${authority}`, ...groups.flat(), ...framing, "Connection: close"],
    client: address,
    body: text,
  }));
