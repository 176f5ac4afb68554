/** Connects to endpoints; the only place of the data path that does. */
import net from "node:net";
import type { Socket } from "node:net";
import tls from "node:tls";
import type { NameTable } from "../../shared/name-table.ts";
import type { Endpoint } from "../../proxy/upstream/endpoint.ts";
import type { EndpointTls } from "../../proxy/upstream/endpoint-settings.ts";
import { rawAccess, takeHandle } from "./raw-access.ts";
import type { RawAccess } from "./raw-access.ts";
import { RawTransport } from "./raw-transport.ts";
import { StreamTransport, onreadOption } from "./stream-transport.ts";
import type { Transport, TransportReader, TransportWriter } from "./transport.ts";

/** RFC 8305 section 5: the next address is tried 250 ms after the one before. */
const RACE = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 250 } as const;

/**
 * Connects to the endpoint; `onConnect` is called once it stands (for https: once the certificate was verified too) with the transport to
 * use from then on, which need not be the one that is returned. Failures come as `onClosed`. A name that is still being looked up is
 * waited for. One with several addresses is tried address by address (RFC 8305), so a dead IPv6 address before a live IPv4 one costs a quarter of a second and no answer.
 */
export function dial(
  target: Endpoint,
  names: NameTable,
  reader: TransportReader,
  writer: TransportWriter,
  onConnect: (transport: Transport) => void,
): Transport {
  const { lookup } = names;
  const address = { host: target.host, port: target.port, lookup, allowHalfOpen: true, noDelay: true, ...RACE } as const;
  if (target.secure) {
    const socket = secure(target.settings.tls, address, reader);
    const transport = new StreamTransport(socket, reader, writer);
    socket.on("secureConnect", () => onConnect(transport));
    return transport;
  }
  const access = rawAccess();
  const socket = net.connect(access === null ? { ...address, onread: onreadOption(reader) } : address);
  const transport = new StreamTransport(socket, reader, writer);
  if (access !== null) socket.pause();
  socket.on("connect", () => {
    const connected = access === null ? transport : rawOf(access, socket, reader, writer);
    // A socket that was opened to be read through its handle, and has none.
    if (connected === null) transport.destroy("ENOTSUP");
    else onConnect(connected);
  });
  return transport;
}

function rawOf(access: RawAccess, socket: Socket, reader: TransportReader, writer: TransportWriter): Transport | null {
  const handle = takeHandle(socket);
  if (handle === null) return null;
  socket.removeAllListeners();
  const transport = new RawTransport(access, handle, reader, writer);
  transport.start();
  return transport;
}

/** What Node refuses by throwing fails as a connection would. */
function secure(config: EndpointTls, address: { readonly host: string; readonly port: number }, reader: TransportReader): Socket {
  // An IP address is no name that could be asked for (RFC 6066 section 3).
  const serverName = config.serverName ?? (net.isIP(address.host) === 0 ? address.host : "");
  try {
    // `onread` is passed through to the socket; Node's types know it for net.connect only.
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

/** Certificates are read and parsed once, not for each connection. */
const contexts = new WeakMap<EndpointTls, tls.SecureContext>();

function contextOf(config: EndpointTls): tls.SecureContext {
  let context = contexts.get(config);
  if (context === undefined) {
    context = tls.createSecureContext({ ...(config.ca === null ? {} : { ca: config.ca }), minVersion: "TLSv1.2" });
    contexts.set(config, context);
  }
  return context;
}
