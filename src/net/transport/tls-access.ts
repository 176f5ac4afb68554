/**
 * Access to Node's internal TLS handle, for `RawTlsTransport`. As in raw-access.ts nothing of it is documented, so it is checked first: a handle
 * on a socket that is not connected must report a fault, and leave a write open until it is destroyed, exactly as `RawTlsTransport` expects. If
 * it does not, `tlsAccess` returns null, and Node's own TLS sockets are used through `StreamTransport`.
 */
import { Buffer } from "node:buffer";
import { createSecureContext } from "node:tls";
import type { SecureContext } from "node:tls";
import { RecordBatch } from "../buffers/record-batch.ts";
import { RecordWatch } from "./record-watch.ts";
import { hasRawMethods, internalBinding, newTcpHandle, rawAccess } from "./raw-access.ts";
import type { RawAccess, RawHandle } from "./raw-access.ts";

/** Node's internal handle of one TLS connection. It stands on a TCP handle, whose bytes it decrypts. */
export interface TlsHandle extends Omit<RawHandle, "close" | "reset" | "setNoDelay" | "getpeername" | "getsockname" | "onread"> {
  /** As that of a TCP handle, with decrypted bytes. */
  onread: (this: TlsHandle) => Buffer | undefined;
  /** A handshake begins: the first one, or with TLS 1.2 another one that the peer has asked for. Called while OpenSSL works. */
  onhandshakestart: (this: TlsHandle) => void;
  /** The handshake is finished. Called while OpenSSL works: nothing may be written or destroyed in it. */
  onhandshakedone: (this: TlsHandle) => void;
  /** The connection has failed; an alert that says so has been written. */
  onerror: (this: TlsHandle, error: Error & { readonly code?: string }) => void;
  /** Takes bytes that were read from the TCP handle, as if it had read them itself. */
  receive(bytes: Uint8Array): void;
  /** For a client: sends the first message. */
  start(): void;
  /** Frees OpenSSL's state. Never to be called while OpenSSL works. The handle must not be used afterwards. */
  destroySSL(): void;
  /** For a server: whether to ask for a certificate, and whether to refuse a client that sends none. */
  setVerifyMode(request: boolean, refuseNone: boolean): void;
  /** The protocols for ALPN, in their form on the wire (RFC 7301 section 3.1). */
  setALPNProtocols(protocols: Buffer): void;
  /** For a client: the name in SNI. */
  setServername(name: string): void;
  /** For a client: a session to resume. */
  setSession(session: Uint8Array): void;
  /** For a server: the response to staple. */
  setOCSPResponse(response: Uint8Array): void;
  /** For a client: calls `onnewsession` for each session that the server offers. For a server it would read ClientHellos itself. */
  enableSessionCallbacks(): void;
  onnewsession?: (this: TlsHandle, id: Buffer, session: Buffer) => void;
  isSessionReused(): boolean;
  getProtocol(): string;
  getCipher(): { readonly standardName: string; readonly name: string };
  /** False: none. */
  getALPNNegotiatedProtocol(): string | false;
  /** Why the peer's certificate is not accepted; null: it is, or there is none. */
  verifyError(): (Error & { readonly code?: string }) | null;
  /** The peer's certificate and, with `withChain`, those that vouch for it. Empty or undefined: none. */
  getPeerCertificate(withChain: boolean): PeerCertificate | undefined;
}

/** A certificate as the handle tells it, with the certificate of its issuer, where that is known. That of a root is its own issuer. */
export interface PeerCertificate {
  readonly raw?: Buffer;
  readonly issuerCertificate?: PeerCertificate;
}

/** The internals of Node that TLS on its handles needs. */
export interface TlsAccess extends RawAccess {
  /** Puts TLS on a TCP or Unix handle. */
  wrap(handle: RawHandle, context: SecureContext, isServer: boolean): TlsHandle;
  /** Collects records of large messages, for all connections of this thread. */
  readonly records: RecordBatch;
  /** Looks for connections whose records bring no data. */
  readonly watch: RecordWatch;
}

let known: TlsAccess | null | undefined;

/** Returns this thread's access, or null if this version of Node works differently. Searched once. */
export function tlsAccess(): TlsAccess | null {
  if (known !== undefined) return known;
  try {
    const raw = rawAccess();
    const access = raw === null ? null : findAccess(raw);
    known = access !== null && rehearse(access) ? access : null;
  } catch {
    known = null;
  }
  return known;
}

const METHODS = [
  "receive",
  "start",
  "destroySSL",
  "setVerifyMode",
  "setALPNProtocols",
  "setServername",
  "setSession",
  "setOCSPResponse",
  "enableSessionCallbacks",
  "isSessionReused",
  "getProtocol",
  "getCipher",
  "getALPNNegotiatedProtocol",
  "verifyError",
  "getPeerCertificate",
];

function isTlsHandle(value: unknown): value is TlsHandle {
  return hasRawMethods(value) && METHODS.every((name) => typeof Reflect.get(value, name) === "function");
}

function findAccess(raw: RawAccess): TlsAccess | null {
  const binding = internalBinding("tls_wrap");
  const wrap: unknown = typeof binding === "object" && binding !== null ? Reflect.get(binding, "wrap") : null;
  if (typeof wrap !== "function") return null;
  return {
    ...raw,
    records: new RecordBatch((then) => void setImmediate(then)),
    watch: new RecordWatch((ms, look) => {
      const timer = setInterval(look, ms).unref();
      return () => clearInterval(timer);
    }),
    wrap: (handle, context, isServer) => {
      // The last argument says that nobody else has an unfinished write on the handle.
      const made: unknown = Reflect.apply(wrap, binding, [handle, context.context, isServer, false]);
      if (!isTlsHandle(made)) throw new Error("the TLS handle of this version of Node is different");
      return made;
    },
  };
}

/** Whether a TLS handle reports a fault and keeps a write open as `RawTlsTransport` expects. */
function rehearse(access: TlsAccess): boolean {
  const context = createSecureContext();
  return failsAtOnce(access, context) && keepsAWriteOpen(access, context);
}

function failsAtOnce(access: TlsAccess, context: SecureContext): boolean {
  return onHandle(access, context, (handle) => {
    const codes: unknown[] = [];
    let starts = 0;
    handle.onhandshakestart = () => void starts++;
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- Node's handles call this field
    handle.onerror = (error) => void codes.push(error.code);
    handle.receive(Buffer.from("GET / HTTP/1.1\r\n\r\n", "latin1"));
    return starts === 1 && codes.length === 1 && codes[0] === "ERR_SSL_HTTP_REQUEST";
  });
}

function keepsAWriteOpen(access: TlsAccess, context: SecureContext): boolean {
  let request: ReturnType<TlsHandle["writeLatin1String"]> = 0;
  const isOpen = onHandle(access, context, (handle) => {
    request = handle.writeLatin1String(null, "x");
    return typeof request === "object" && request.writeStatus === null;
  });
  return isOpen && hasFailed(request);
}

function hasFailed(request: ReturnType<TlsHandle["writeLatin1String"]>): boolean {
  return typeof request === "object" && typeof request.writeStatus === "number" && request.writeStatus < 0;
}

/** Tries something on a TLS handle over a TCP handle that is not connected. */
function onHandle(access: TlsAccess, context: SecureContext, trial: (handle: TlsHandle) => boolean): boolean {
  const tcp = newTcpHandle();
  if (tcp === null) return false;
  const handle = access.wrap(tcp, context, true);
  try {
    return trial(handle);
  } finally {
    handle.destroySSL();
    tcp.close();
  }
}
