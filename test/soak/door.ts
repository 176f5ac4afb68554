/** How the clients reach the proxy: over TCP, or over TLS on it; and how connections of both kinds end, the origin's too. */
import net from "node:net";
import type { Socket } from "node:net";
import tls from "node:tls";

export interface Door {
  readonly port: number;
  /** The authority that the proxy's certificate is from, as PEM text; null: no TLS. */
  readonly authority: string | null;
}

/** The name that the certificate is for. */
export const DOOR_NAME = "soak.test";

/** The TCP sockets below those of TLS. */
const below: WeakMap<Socket, Socket> = new WeakMap();
const contexts: Map<string, tls.SecureContext> = new Map();

/** Opens a connection. `onOpen` is called when the client may send. */
export function openDoor({ port, authority }: Door, onOpen: (socket: Socket) => void): Socket {
  const tcp = net.connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  if (authority === null) return tcp.once("connect", () => onOpen(tcp));
  const secureContext = contexts.get(authority) ?? tls.createSecureContext({ ca: authority });
  contexts.set(authority, secureContext);
  const socket = tls.connect({ socket: tcp, secureContext, servername: DOOR_NAME });
  standsOn(socket, tcp);
  return socket.once("secureConnect", () => onOpen(socket));
}

/** Notes that a socket of TLS stands on that one of TCP. */
export function standsOn(socket: Socket, tcp: Socket): void {
  below.set(socket, tcp);
}

export function isOverTls(socket: Socket): boolean {
  return below.has(socket);
}

/** Ends this side. */
export function end(socket: Socket): void {
  if (below.has(socket)) setImmediate(endLater, socket);
  else socket.end();
}

/** In a turn of its own: where TLS ends, Node throws away what has come and was not decrypted yet, such as what came in the same read. */
function endLater(socket: Socket): void {
  if (!socket.destroyed) socket.end();
}

/** Closes with a reset, which TLS knows nothing of. */
export function reset(socket: Socket): void {
  const tcp = below.get(socket);
  if (tcp === undefined) return void socket.resetAndDestroy();
  // Not within a call of OpenSSL: Node would use the handle after it is gone.
  setImmediate(() => {
    if (!tcp.destroyed) tcp.resetAndDestroy();
    socket.destroy();
  });
}
