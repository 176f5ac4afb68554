/** Opens sockets to endpoints; the only place of the data path that does. */
import net from "node:net";
import type { Socket } from "node:net";
import tls from "node:tls";
import type { EndpointTarget } from "../proxy/snapshot.ts";
import { onreadOption } from "./adopt-socket.ts";
import type { Reader } from "./adopt-socket.ts";

/** RFC 8305 section 5: the next address is tried 250 ms after the one before. */
const RACE = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 250 } as const;

/**
 * Connects to the endpoint; `onConnect` is called once it stands (for https: once the certificate was verified too). Failures come as
 * the socket's `error` and `close`. A name with several addresses is tried address by address (RFC 8305), so a dead IPv6 address
 * before a live IPv4 one costs a quarter of a second and no answer.
 */
export function openSocket(target: EndpointTarget, reader: Reader, onConnect: () => void): Socket {
  const onread = onreadOption(reader);
  const address = { host: target.host, port: target.port, allowHalfOpen: true, noDelay: true, ...RACE } as const;
  if (target.tls === null) {
    const socket = net.connect({ ...address, onread });
    socket.on("connect", onConnect);
    return socket;
  }
  const { server_name: serverName, verify, ca } = target.tls;
  // `onread` is passed through to the socket; Node's types know it for net.connect only.
  const options: tls.ConnectionOptions & { onread: net.OnReadOpts } = {
    ...address,
    onread,
    ...(serverName === "" ? {} : { servername: serverName }),
    rejectUnauthorized: verify,
    ...(ca === null ? {} : { ca: [...ca] }),
    ALPNProtocols: ["http/1.1"],
    minVersion: "TLSv1.2",
  };
  const socket = tls.connect(options);
  socket.on("secureConnect", onConnect);
  return socket;
}
