/** Opens connections to endpoints, over TCP, TLS or a Unix socket. No other file of the data path does. */
import net from "node:net";
import type { Socket } from "node:net";
import { rawAccess, takeHandle } from "./raw-access.ts";
import type { RawAccess } from "./raw-access.ts";
import { RawTransport } from "./raw-transport.ts";
import type { Dialing } from "./dialing.ts";
import { dialTls } from "./dial-tls.ts";
import { tlsAccess } from "./tls-access.ts";
import { StreamTransport, onreadOption } from "./stream-transport.ts";
import type { Transport, TransportReader, TransportWriter } from "./transport.ts";

/** If a name has several addresses, the next one is tried 250 ms after the one before (RFC 8305 section 5). */
const RACE = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 250 } as const;

/**
 * Connects to the endpoint. Returns a transport that can only be destroyed until `onConnect` is called. Waits for a name that is still being looked up, and
 * tries a name's addresses one after the other (RFC 8305), so that a dead IPv6 address in front of a live IPv4 address only costs 250 ms.
 */
export function dial(dialing: Dialing): Transport {
  const { host, port, path, secure } = dialing.endpoint;
  if (path !== null) return dialPlain({ path, allowHalfOpen: true }, dialing);
  const { lookup } = dialing.names;
  const address = { host, port, lookup, allowHalfOpen: true, noDelay: true, ...RACE } as const;
  if (secure) return dialTls(tlsAccess(), dialing, net.connect(address).pause());
  return dialPlain(address, dialing);
}

function dialPlain(address: net.NetConnectOpts, { reader, writer, preface, onConnect }: Dialing): Transport {
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

/** Moves a connected socket to a raw transport; null: the socket has no usable handle. */
function rawOf(access: RawAccess, socket: Socket, reader: TransportReader, writer: TransportWriter): Transport | null {
  const handle = takeHandle(socket);
  if (handle === null) return null;
  socket.removeAllListeners();
  const transport = new RawTransport(access, handle, reader, writer);
  transport.start();
  return transport;
}
