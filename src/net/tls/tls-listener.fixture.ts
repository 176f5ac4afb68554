/** A TLS listener in this thread, with certificates of a test authority. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import net from "node:net";
import { X509Certificate } from "node:crypto";
import type { TestContext } from "node:test";
import tls from "node:tls";
import { TestAuthority } from "../../../test/support/certificates.ts";
import type { TestCertificate } from "../../../test/support/certificates.ts";
import type { AccessRecord } from "../../observe/access-record.ts";
import type { ClientCertificateRule, ListenerTls, ServedCertificate } from "../../shared/listener-tls.ts";
import { HANDSHAKE_FAILURES } from "../../shared/handshake-failure.ts";
import type { HandshakeFailure } from "../../shared/handshake-failure.ts";
import type { CounterId } from "../../shared/metric-table.ts";
import type { ListenerContext } from "../accept/listener-context.ts";
import { startListener } from "../accept/lone-listener.fixture.ts";
import { rawAccess } from "../transport/raw-access.ts";
import { failureCounter } from "./handshake-failure.ts";

/** The two ways in which TLS can stand on a connection. */
export const WAYS: readonly Way[] = ["raw", "stream"];
export type Way = "raw" | "stream";

const authority = await TestAuthority.create();

/** The certificate of the authority, which clients of the tests trust. */
export const CA: string = authority.certificate;

const issued: Map<string, Promise<TestCertificate>> = new Map();

/** A certificate for these names, the same at each call. */
export function certificateFor(names: readonly string[], kind: "ecdsa" | "rsa" = "ecdsa"): Promise<TestCertificate> {
  const key = `${kind} ${names.join()}`;
  const made = issued.get(key) ?? authority.issue(names, { key: kind });
  issued.set(key, made);
  return made;
}

export async function served(names: readonly string[], more: Partial<ServedCertificate> = {}): Promise<ServedCertificate> {
  const { chain, key } = await certificateFor(names, more.keyKind === "rsa" ? "rsa" : "ecdsa");
  return { names, chain, key, keyKind: "ecdsa", ocsp: null, clients: null, isChallenge: false, ...more };
}

/** A rule for clients whose certificates the authority of the tests has issued. */
export function ruleFor(mode: ClientCertificateRule["mode"], more: Partial<ClientCertificateRule> = {}): ClientCertificateRule {
  return { mode, ca: CA, crl: null, verifyDepth: 2, forward: null, ...more };
}

export function clientCertificate(subject: string): Promise<TestCertificate> {
  return authority.client(subject);
}

export function revocationList(revoked: readonly TestCertificate[]): Promise<string> {
  return authority.crl(revoked);
}

export const TICKET_KEY: ListenerTls["ticketKeys"][number] = { name: Buffer.alloc(16, 1), secret: Buffer.alloc(32, 1) };

export function settings(certificates: readonly ServedCertificate[], more: Partial<ListenerTls> = {}): ListenerTls {
  return {
    certificates,
    strictSni: false,
    onDemand: false,
    minVersion: "TLSv1.2",
    ciphers: "TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256",
    curves: "X25519:prime256v1",
    plainHttp: "refuse",
    ticketKeys: [TICKET_KEY],
    handshakeMs: 5000,
    handshakesMax: 100,
    ...more,
  };
}

export interface TlsListener {
  readonly port: number;
  readonly context: ListenerContext;
  readonly records: AccessRecord[];
  /** What a counter has counted since the start. */
  count(id: CounterId): number;
  /** How many handshakes have failed, by reason. */
  failures(): Partial<Record<HandshakeFailure, number>>;
  /** Log lines. */
  lines(): readonly string[];
}

/** What an origin of the tests answers to each request. */
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** @param answer called for each read of a connection to the origin */
export async function startTls(
  t: TestContext,
  way: Way,
  tlsSettings: ListenerTls,
  answer: (socket: net.Socket, data: Buffer) => void = (socket) => void socket.write(OK),
): Promise<TlsListener> {
  const origin = net.createServer((socket) => {
    socket.on("error", () => {}).on("data", (data: Buffer) => answer(socket, data));
  });
  const records: AccessRecord[] = [];
  const access = way === "raw" ? rawAccess() : null;
  if (way === "raw") assert.ok(access !== null, "this version of Node has no raw access");
  const { port, context } = await startListener(t, origin, access, (record) => void records.push(record));
  context.useTls(tlsSettings);
  const add = t.mock.method(context.thread.metrics, "add");
  const count = (id: CounterId): number =>
    add.mock.calls.reduce((sum, { arguments: [counted, by] }) => (counted === id ? sum + by : sum), 0);
  const failures = (): Partial<Record<HandshakeFailure, number>> => {
    const counts = HANDSHAKE_FAILURES.map((reason) => [reason, count(failureCounter(reason))] as const);
    return Object.fromEntries(counts.filter(([, times]) => times > 0));
  };
  const report = t.mock.method(context.thread, "report");
  const lines = (): readonly string[] => report.mock.calls.map(({ arguments: [level, event, message] }) => `${level} ${event} ${message}`);
  return { port, context, records, count, failures, lines };
}

/** A client that has finished its handshake. */
export async function connect(t: TestContext, port: number, options: tls.ConnectionOptions = {}): Promise<tls.TLSSocket> {
  const socket = tls.connect({ port, host: "127.0.0.1", servername: "a.test", ca: CA, ...options });
  socket.on("error", () => {});
  t.after(() => socket.destroy());
  await once(socket, "secureConnect");
  return socket;
}

/** How the connection of a client that is refused ends: the code of its error. */
export async function refusal(t: TestContext, port: number, options: tls.ConnectionOptions = {}): Promise<string> {
  const socket = tls.connect({ port, host: "127.0.0.1", servername: "a.test", ca: CA, ...options });
  t.after(() => socket.destroy());
  // With TLS 1.3 a client has finished its handshake before the listener has judged its certificate.
  socket.on("secureConnect", () => socket.write("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"));
  let code = "closed";
  socket.on("error", (error: NodeJS.ErrnoException) => (code = error.code ?? error.message));
  socket.on("data", (data: Buffer) => (code = `answered ${data.toString("latin1", 0, 15)}`));
  await new Promise((resolve) => socket.once("close", resolve));
  return code;
}

/** Sends a request and returns the whole of what comes until the connection is closed. */
export async function ask(
  socket: net.Socket,
  head: string = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => void chunks.push(chunk));
  socket.write(head);
  await new Promise((resolve) => socket.once("close", resolve));
  return Buffer.concat(chunks).toString("latin1");
}

/** The names in the certificate that the listener showed. */
export function shownNames(socket: tls.TLSSocket): string {
  const { raw } = socket.getPeerCertificate();
  return new X509Certificate(raw).subjectAltName ?? "";
}

/** A session that the listener gave for this connection. */
export async function sessionOf(socket: tls.TLSSocket): Promise<Buffer> {
  const own = socket.getProtocol() === "TLSv1.2" ? socket.getSession() : undefined;
  if (own !== undefined) return own;
  const got = once(socket, "session") as Promise<[Buffer]>;
  socket.write("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  const [session] = await got;
  return session;
}
