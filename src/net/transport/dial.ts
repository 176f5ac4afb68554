/** Opens connections to endpoints, over TCP, TLS or a Unix socket. No other file of the data path does. */
import net from "node:net";
import type { Socket } from "node:net";
import tls from "node:tls";
import type { NameTable } from "../../shared/name-table.ts";
import type { Endpoint } from "../../proxy/upstream/endpoint.ts";
import type { EndpointTls } from "../../proxy/upstream/endpoint-settings.ts";
import { rawAccess, takeHandle } from "./raw-access.ts";
import type { RawAccess } from "./raw-access.ts";
import { RawTransport } from "./raw-transport.ts";
import { DialingTls } from "./dial-tls.ts";
import { tlsAccess } from "./tls-access.ts";
import { StreamTransport, onreadOption } from "./stream-transport.ts";
import type { Transport, TransportReader, TransportWriter } from "./transport.ts";

/** If a name has several addresses, the next one is tried 250 ms after the one before (RFC 8305 section 5). */
const RACE = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 250 } as const;

/**
 * Connects to the endpoint. Returns a transport that can only be destroyed until `onConnect` is called. `onConnect` gets the transport to
 * use from then on, which may be another one; for https it is called after the certificate was verified. A failure comes as
 * `reader.onClosed`. Waits for a name that is still being looked up, and tries a name's addresses one after the other (RFC 8305), so that a
 * dead IPv6 address in front of a live IPv4 address only costs 250 ms.
 * @param preface bytes that go first on the connection, before TLS, as latin1 text; "": none
 */
export function dial(
  target: Endpoint,
  names: NameTable,
  reader: TransportReader,
  writer: TransportWriter,
  onConnect: (transport: Transport) => void,
  preface: string,
): Transport {
  const { lookup } = names;
  const { path } = target;
  if (path !== null) return dialPlain({ path, allowHalfOpen: true }, reader, writer, onConnect, preface);
  const address = { host: target.host, port: target.port, lookup, allowHalfOpen: true, noDelay: true, ...RACE } as const;
  if (target.secure) {
    const access = tlsAccess();
    const context = access === null ? null : contextFor(target.settings.tls);
    if (access === null || context === null) return dialTlsStream(preface, target, address, reader, writer, onConnect);
    const { verify, serverName } = target.settings.tls;
    const wanted = { access, context, name: serverName ?? target.host, verify, sessions: target, preface };
    return new DialingTls(net.connect(address).pause(), wanted, reader, writer, onConnect);
  }
  return dialPlain(address, reader, writer, onConnect, preface);
}

function dialPlain(
  address: net.NetConnectOpts,
  reader: TransportReader,
  writer: TransportWriter,
  onConnect: (transport: Transport) => void,
  preface: string,
): Transport {
  const access = rawAccess();
  const socket = net.connect(access === null ? { ...address, onread: onreadOption(reader) } : address);
  const transport = new StreamTransport(socket, reader, writer);
  if (access !== null) socket.pause();
  socket.on("connect", () => {
    const connected = access === null ? transport : rawOf(access, socket, reader, writer);
    // The socket was opened to be used through its handle, but has none.
    if (connected === null) return transport.destroy("ENOTSUP");
    if (preface !== "") connected.write(preface);
    onConnect(connected);
  });
  return transport;
}

/** Opens a TLS connection as a socket of Node's. */
function dialTlsStream(
  preface: string,
  target: Endpoint,
  address: net.TcpNetConnectOpts,
  reader: TransportReader,
  writer: TransportWriter,
  onConnect: (transport: Transport) => void,
): Transport {
  if (preface !== "") return dialTlsAfter(preface, target, net.connect(address), reader, writer, onConnect);
  const socket = secure(target.settings.tls, { ...address, host: target.host, port: target.port }, reader);
  const transport = new StreamTransport(socket, reader, writer);
  socket.on("secureConnect", () => onConnect(transport));
  return transport;
}

/** Begins TLS on a connection that is being opened, once the preface has been sent on it. */
function dialTlsAfter(
  preface: string,
  target: Endpoint,
  socket: Socket,
  reader: TransportReader,
  writer: TransportWriter,
  onConnect: (transport: Transport) => void,
): Transport {
  const { host, port } = target;
  const transport = new StreamTransport(socket, reader, writer);
  socket.on("connect", () => {
    socket.write(preface, "latin1");
    // From here on the socket of TLS tells the reader what becomes of the connection.
    socket.removeAllListeners();
    const inner = secure(target.settings.tls, { host, port, socket }, reader);
    socket.on("error", (error) => inner.destroy(error));
    const secured = new StreamTransport(inner, reader, writer);
    inner.on("secureConnect", () => {
      // Node has no `onread` for TLS on a socket that is there already.
      secured.start();
      onConnect(secured);
    });
  });
  return transport;
}

/** Moves a connected socket to a raw transport; null: the socket has no usable handle. */
function rawOf(access: RawAccess, socket: Socket, reader: TransportReader, writer: TransportWriter): Transport | null {
  const handle = takeHandle(socket);
  if (handle === null) return null;
  socket.removeAllListeners();
  const transport = new RawTransport(access, handle, reader, writer);
  transport.start();
  return transport;
}

/** Begins a TLS connection. If Node throws, as for a faulty certificate file, returns a socket that fails with that error. */
function secure(
  config: EndpointTls,
  address: { readonly host: string; readonly port: number; readonly socket?: Socket },
  reader: TransportReader,
): Socket {
  // SNI allows no IP addresses (RFC 6066 section 3).
  const serverName = config.serverName ?? (net.isIP(address.host) === 0 ? address.host : "");
  try {
    // Node passes `onread` through to the socket, but its types only know it for net.connect.
    const options: tls.ConnectionOptions & { onread: net.OnReadOpts } = {
      ...address,
      onread: onreadOption(reader),
      ...(serverName === "" ? {} : { servername: serverName }),
      rejectUnauthorized: config.verify,
      secureContext: contextOf(config),
      ALPNProtocols: ["http/1.1"],
    };
    return tls.connect(options);
  } catch (error) {
    const socket = new net.Socket();
    socket.destroy(error instanceof Error ? error : new Error(String(error)));
    return socket;
  }
}

/** Null: OpenSSL does not take what the settings name; then `secure` says what is wrong. */
function contextFor(config: EndpointTls): tls.SecureContext | null {
  try {
    return contextOf(config);
  } catch {
    return null;
  }
}

/** One context for each TLS setting, so that certificates are parsed once and not for each connection. */
const contexts = new WeakMap<EndpointTls, tls.SecureContext>();

function contextOf(config: EndpointTls): tls.SecureContext {
  let context = contexts.get(config);
  if (context === undefined) {
    context = tls.createSecureContext({ ...(config.ca === null ? {} : { ca: config.ca }), minVersion: "TLSv1.2" });
    contexts.set(config, context);
  }
  return context;
}
