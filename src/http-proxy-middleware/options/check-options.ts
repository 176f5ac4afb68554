/** Says what is wrong with the options of `createProxyMiddleware`, before anything is made of them. */
import { didYouMean } from "../../base/did-you-mean.ts";
import type { Options } from "./options.ts";
import { isPlainObject } from "./plain-object.ts";
import { EVENTS } from "./proxy-server.ts";

/** Throws a TypeError for an option that is unknown, that cannot be had here, or that has a value that cannot be used. */
export function checkOptions(options: unknown): asserts options is Options {
  if (!isPlainObject(options)) throw new TypeError(`expected options: createProxyMiddleware({ target: "http://127.0.0.1:3000" })`);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const reason = REFUSED[name];
    if (reason !== undefined && !(value === false && OFF.includes(name))) throw new TypeError(`${name}: ${reason}`);
    if (reason === undefined && !OPTIONS.includes(name)) throw new TypeError(`unknown option "${name}"${didYouMean(name, OPTIONS)}`);
  }
  checkEvents(options["on"]);
  const { target, router, logger, headers, plugins } = options;
  if ((target === undefined || target === null || target === "") && (router === undefined || router === null))
    throw new TypeError(`expected target: createProxyMiddleware({ target: "http://127.0.0.1:3000" })`);
  if (router !== undefined && typeof router !== "function" && !isPlainObject(router))
    throw new TypeError("router: expected an object of hosts or paths and targets, or a function");
  if (logger !== undefined && !isLogger(logger)) throw new TypeError("logger: expected an object with the functions info, warn and error");
  if (headers !== undefined && !isPlainObject(headers)) throw new TypeError("headers: expected an object of names and values");
  if (plugins !== undefined && !(Array.isArray(plugins) && plugins.every((each) => typeof each === "function")))
    throw new TypeError("plugins: expected a list of functions");
  for (const name of ["timeout", "proxyTimeout"]) {
    const value = options[name];
    if (value !== undefined && !(typeof value === "number" && value >= 0 && value <= TIME_MS_MAX))
      throw new TypeError(`${name}: expected a number of milliseconds`);
  }
}

/** The longest time that Node's timers keep. */
const TIME_MS_MAX = 2 ** 31 - 1;

function checkEvents(on: unknown): void {
  if (on === undefined) return;
  if (!isPlainObject(on)) throw new TypeError("on: expected an object of events and functions");
  for (const [name, value] of Object.entries(on)) {
    if (!EVENTS.some((event) => event === name)) throw new TypeError(`unknown event "${name}" in on${didYouMean(name, EVENTS)}`);
    if (value !== undefined && typeof value !== "function") throw new TypeError(`on.${name}: expected a function`);
  }
}

function isLogger(logger: unknown): boolean {
  return (
    typeof logger === "object" &&
    logger !== null &&
    ["info", "warn", "error"].every((name) => typeof Reflect.get(logger, name) === "function")
  );
}

const OPTIONS = [
  "target",
  "pathFilter",
  "pathRewrite",
  "router",
  "changeOrigin",
  "prependPath",
  "ignorePath",
  "method",
  "headers",
  "auth",
  "xfwd",
  "ws",
  "secure",
  "timeout",
  "proxyTimeout",
  "selfHandleResponse",
  "autoRewrite",
  "hostRewrite",
  "protocolRewrite",
  "cookieDomainRewrite",
  "cookiePathRewrite",
  "preserveHeaderKeyCase",
  "on",
  "logger",
  "plugins",
  "ejectPlugins",
  "followRedirects",
  "toProxy",
  "agent",
];

/** Of what is refused: what may be switched off, which it is anyway. */
const OFF = ["followRedirects", "toProxy", "agent", "http2"];

const CERTIFICATES = "certificates and ciphers for connections to targets cannot be set yet";
const OLD = "this is the spelling of version 2";

/** Why an option that http-proxy-middleware has cannot be had here. */
const REFUSED: Readonly<Record<string, string | undefined>> = {
  followRedirects:
    "the proxy does not follow redirects: an origin would choose whom the proxy connects to. The client gets them, see autoRewrite",
  toProxy: "requests are sent in origin-form only; a forward proxy cannot be the target",
  agent: "connections to targets are made and kept by the proxy itself, not by an agent of node:http",
  forward: "requests cannot be sent to a second target yet; `mirror` of a route will do that",
  buffer: "a body that was read before is sent by itself if it is in req.body or req.rawBody; else write it in on.proxyReq",
  localAddress: "the local address of connections to targets cannot be chosen",
  http2: "targets are asked over HTTP/1.1",
  lookup: "names are looked up by the proxy itself",
  ssl: `${CERTIFICATES}; secure: false switches verification off`,
  ca: "set NODE_EXTRA_CA_CERTS, or run the proxy with createProxy and tls.ca_file",
  cert: CERTIFICATES,
  key: CERTIFICATES,
  pfx: CERTIFICATES,
  context: `${OLD}: write pathFilter`,
  onError: `${OLD}: write on: { error }`,
  onProxyReq: `${OLD}: write on: { proxyReq }`,
  onProxyRes: `${OLD}: write on: { proxyRes }`,
  onProxyReqWs: `${OLD}: write on: { proxyReqWs }`,
  onOpen: `${OLD}: write on: { open }`,
  onClose: `${OLD}: write on: { close }`,
  logLevel: `${OLD}: write logger`,
  logProvider: `${OLD}: write logger`,
};
