/** Listens on a socket and accepts connections, for one listener in one thread. Pauses while file descriptors are short. */
import net from "node:net";
import { getSystemErrorName } from "node:util";
import { plainPeer } from "../../http/client-address.ts";
import type { ListenTarget } from "../../shared/protocol.ts";
import type { ListenerContext } from "./listener-context.ts";
import { ListenerPause } from "./listener-pause.ts";
import { bindingName, moveSocket } from "./socket-file.ts";
import { acceptHandles, rawAccess } from "../transport/raw-access.ts";
import type { RawAccess, RawHandle } from "../transport/raw-access.ts";
import { RawTransport } from "../transport/raw-transport.ts";
import { StreamTransport } from "../transport/stream-transport.ts";
import { tlsAccess } from "../transport/tls-access.ts";
import type { OpenTransport } from "../transport/transport.ts";

/** Length of the system's queue of connections that wait to be accepted while the thread is busy. The kernel caps it at net.core.somaxconn. */
const BACKLOG = 4096;

export class Listener {
  readonly context: ListenerContext;
  private server: net.Server;
  private readonly pause: ListenerPause = new ListenerPause();
  private readonly access: RawAccess | null;

  /** @param access null: connections are sockets of Node's */
  constructor(context: ListenerContext, access: RawAccess | null = rawAccess()) {
    this.context = context;
    this.access = access;
    this.server = this.newServer();
  }

  /** Resolves when connections are accepted; rejects with the system's error. */
  async listen(target: ListenTarget): Promise<void> {
    const bound = target.kind === "unix" ? bindingName(target.path) : "";
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(options(target, bound), () => {
        this.server.off("error", reject);
        this.listens();
        resolve();
      });
    });
    if (target.kind === "unix") moveSocket(bound, target.path);
  }

  /** Port of a listening TCP listener; 0 for other kinds. */
  get port(): number {
    const address = this.server.address();
    return address !== null && typeof address === "object" ? address.port : 0;
  }

  /** Called at intervals: writes the notices, and ends a pause when there is room again. */
  tick(): void {
    this.context.notices.tick(this.context.config);
    if (this.pause.isOn && this.context.admission.hasPlace()) this.resume();
  }

  /** Stops accepting. Open connections go on. */
  close(): void {
    if (this.pause.isOn) this.resume();
    this.server.close();
  }

  private accept(open: OpenTransport, peer: string | null): void {
    const { admission } = this.context;
    if (admission.accept(open, peer) || !admission.canWait) return;
    admission.canWait = this.pause.begin(this.server);
    if (this.pause.hasFailed) this.resume();
  }

  private resume(): void {
    const listening = this.pause.end();
    if (listening === null) return this.reportFailure("the listener was lost");
    this.server = this.newServer();
    this.server.listen(listening, BACKLOG);
    this.listens();
  }

  private newServer(): net.Server {
    // The function is only called if `acceptHandles` does not take the connections (see `listens`).
    return net.createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => {
      const { remoteAddress } = socket;
      const open: OpenTransport = (reader, writer) => new StreamTransport(socket, reader, writer);
      if (this.onUnixSocket()) this.accept(open, null);
      else if (remoteAddress === undefined) socket.destroy();
      else this.accept(open, plainPeer(remoteAddress));
    });
  }

  private listens(): void {
    this.server.on("error", (error: NodeJS.ErrnoException) => this.reportFailure(error.code ?? error.message));
    const { access } = this;
    if (access === null) return;
    const onUnixSocket = this.onUnixSocket();
    acceptHandles(this.server, (handle, status) => {
      if (handle === null) return this.reportFailure(status === 0 ? "the connection cannot be used" : getSystemErrorName(status));
      const peer = onUnixSocket ? null : peerOf(handle);
      // The client has reset the connection already. Bytes that it sent may still be readable, but its address is unknown.
      if (peer === undefined) return handle.close();
      handle.setNoDelay?.(true);
      const isRaw = this.context.tls === null || tlsAccess() !== null;
      this.accept(
        isRaw
          ? (reader, writer) => new RawTransport(access, handle, reader, writer)
          : (reader, writer) => new StreamTransport(socketOf(handle), reader, writer),
        peer,
      );
    });
  }

  /** Whether the server listens on a Unix socket, opened by path or inherited. For an inherited one Node gives no address. */
  private onUnixSocket(): boolean {
    const address = this.server.address();
    return address === null || typeof address === "string";
  }

  private reportFailure(what: string): void {
    this.context.thread.report("error", "accept_failed", `a listener failed: ${what}`);
  }
}

/** The address of the other end; undefined if the connection is closed already. */
function peerOf(handle: RawHandle): string | undefined {
  const into: { address?: string } = {};
  const status = handle.getpeername?.(into);
  return status === 0 && into.address !== undefined ? plainPeer(into.address) : undefined;
}

/** A socket of Node's on an accepted handle that nobody has used. */
function socketOf(handle: RawHandle): net.Socket {
  // Node's types do not know the option `handle`.
  const options: { handle: unknown; allowHalfOpen: true; pauseOnCreate: true } = { handle, allowHalfOpen: true, pauseOnCreate: true };
  return new net.Socket(options as net.SocketConstructorOpts);
}

/** @param bound what a Unix socket is bound to at first */
function options(target: ListenTarget, bound: string): net.ListenOptions {
  switch (target.kind) {
    case "tcp":
      return { host: target.host, port: target.port, backlog: BACKLOG, ...(target.reusePort ? { reusePort: true } : {}) };
    case "unix":
      return { path: bound, backlog: BACKLOG };
    case "fd":
      return { fd: target.fd, backlog: BACKLOG } as net.ListenOptions;
  }
}
