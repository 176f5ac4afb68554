/** The fields of the request that is sent: those of the client, as the program has left them in `req.headers`, and what the options say. */
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { fieldLine } from "../../http/field-edits.ts";
import type { FieldPair } from "../../http/field-pairs.ts";
import { plainPeer } from "../../http/client-address.ts";
import type { Options } from "../options/options.ts";
import type { SentRequest } from "./sent-request.ts";
import { spelledFields } from "./spelled-fields.ts";
import type { Target } from "../options/target.ts";

type FieldOptions = Pick<Options, "auth" | "changeOrigin" | "headers" | "xfwd">;

/** Sets the fields of a request before listeners change them. Throws as Node's `setHeader` does. */
export function setRequestFields(request: SentRequest, client: IncomingMessage, target: Target, options: FieldOptions): void {
  const raw = rawFields(client);
  for (const [name, value] of Object.entries(client.headers)) {
    if (value === undefined || name.startsWith(":")) continue;
    const { spelled = name, values = [] } = raw.get(name) ?? {};
    // The lines that came, unless the program has changed the value.
    request.setHeader(spelled, values.length > 1 && joined(name, values) === String(value) ? values : value);
  }
  const authority = client.headers[":authority"];
  if (!request.hasHeader("host") && typeof authority === "string") request.setHeader("Host", authority);
  if (options.xfwd === true) addForwarded(request, client);
  for (const [name, value] of Object.entries(options.headers ?? {})) request.setHeader(name, value);
  if (options.auth !== undefined && !request.hasHeader("authorization"))
    request.setHeader("Authorization", `Basic ${Buffer.from(options.auth).toString("base64")}`);
  if (options.changeOrigin === true) request.setHeader("Host", target.authority);
}

interface RawField {
  readonly spelled: string;
  readonly values: string[];
}

/** The fields as they came, by their names in lower case. */
function rawFields({ rawHeaders }: IncomingMessage): ReadonlyMap<string, RawField> {
  const fields = new Map<string, RawField>();
  // A request that a test has made may have none.
  for (let at = 0; at + 1 < (rawHeaders ?? []).length; at += 2) {
    const [spelled = "", value = ""] = [rawHeaders[at], rawHeaders[at + 1]];
    const known = fields.get(spelled.toLowerCase());
    if (known === undefined) fields.set(spelled.toLowerCase(), { spelled, values: [value] });
    else known.values.push(value);
  }
  return fields;
}

/** The values in one text, as Node joins them. */
function joined(name: string, values: readonly string[]): string {
  return values.join(name === "cookie" ? "; " : ", ");
}

function addForwarded(request: SentRequest, { socket, headers }: IncomingMessage): void {
  const isSecure = Reflect.get(socket, "encrypted") === true;
  const host = headers.host ?? "";
  const { upgrade = "" } = headers;
  const [secure, plain] = /^websocket$/i.test(upgrade) ? ["wss", "ws"] : ["https", "http"];
  const port = /:([0-9]+)$/.exec(host)?.[1] ?? (isSecure ? "443" : "80");
  append(request, "X-Forwarded-For", plainPeer(socket.remoteAddress ?? ""));
  append(request, "X-Forwarded-Port", port);
  append(request, "X-Forwarded-Proto", isSecure ? secure : plain);
  if (!request.hasHeader("X-Forwarded-Host") && host !== "") request.setHeader("X-Forwarded-Host", host);
}

function append(request: SentRequest, name: string, value: string): void {
  const before = textOf(request.getHeader(name));
  if (value !== "") request.setHeader(name, before === "" ? value : `${before},${value}`);
}

function textOf(value: number | string | readonly string[] | undefined): string {
  return Array.isArray(value) ? value.join(",") : String(value ?? "");
}

/** The fields to hand over, and the lines that the proxy would take from no client, which are added where the request is sent. */
export interface FieldsToSend {
  readonly fields: readonly FieldPair[];
  readonly lines: string;
}

/**
 * The fields when listeners have changed them. Throws a TypeError for one that cannot be sent.
 *
 * What says who the client is passes as in http-proxy-middleware: the program decides whom it believes. What says that another path was asked
 * for does not pass from a client, because applications route by it; the program may set it.
 */
export function fieldsToSend(request: SentRequest, client: IncomingMessage, token: FieldPair): FieldsToSend {
  const raw = rawFields(client);
  const fields: FieldPair[] = [token];
  let lines = "";
  for (const [name, value] of spelledFields(request)) {
    const lower = name.toLowerCase();
    if (lower === token[0]) continue;
    if (!CLAIMS.test(lower)) fields.push([name, value]);
    else if (ABOUT_CLIENTS.test(lower) || raw.get(lower)?.values.includes(value) !== true) lines += fieldLine(name, value);
  }
  return { fields, lines };
}

/** Fields that the proxy would drop, as of any client or of one that is no trusted proxy. */
const CLAIMS =
  /^(?:forwarded|x-forwarded-(?:for|proto|host|port|prefix|method|uri)|x-real-ip|x-original-url|x-rewrite-url|client-cert(?:-chain)?|x-forwarded-client-cert)$/;
const ABOUT_CLIENTS = /^(?:forwarded|x-forwarded-(?:for|proto|host|port)|x-real-ip)$/;
