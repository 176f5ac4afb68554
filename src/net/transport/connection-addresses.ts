import { plainPeer } from "../../http/client-address.ts";
import type { ConnectionAddresses } from "../../proxy-protocol/header.ts";
import type { RawHandle, SocketEnd } from "./raw-access.ts";

/** Asks the system for the ends of a connection; null: it does not know them, as for Unix sockets and connections that were reset. */
export function handleAddresses(handle: RawHandle): ConnectionAddresses | null {
  const [peer, own]: [SocketEnd, SocketEnd] = [{}, {}];
  if (handle.getpeername?.(peer) !== 0 || handle.getsockname?.(own) !== 0) return null;
  return connectionAddresses(peer.address, peer.port, own.address, own.port);
}

/** The ends of a connection as Node's sockets tell them; null: the socket does not know them. */
export function connectionAddresses(
  peer: string | undefined,
  peerPort: number | undefined,
  own: string | undefined,
  ownPort: number | undefined,
): ConnectionAddresses | null {
  if (peer === undefined || own === undefined) return null;
  return { source: plainPeer(peer), sourcePort: peerPort ?? 0, destination: plainPeer(own), destinationPort: ownPort ?? 0 };
}
