/** Accepts the connections of one listener in one thread. */
import net from "node:net";
import { getSystemErrorName } from "node:util";
import { plainPeer } from "../../http/client-address.ts";
import type { ListenTarget } from "../../shared/protocol.ts";
import type { ListenerContext } from "./listener-context.ts";
import { ListenerPause } from "./listener-pause.ts";
import { acceptHandles, rawAccess } from "../transport/raw-access.ts";
import type { RawHandle } from "../transport/raw-access.ts";
import { RawTransport } from "../transport/raw-transport.ts";
import { StreamTransport } from "../transport/stream-transport.ts";
import type { OpenTransport } from "../transport/transport.ts";

/** Room for a burst of connects while the thread is busy; the kernel caps it at net.core.somaxconn. */
const BACKLOG = 4096;

export class Listener {
  readonly context: ListenerContext;
  private server: net.Server;
  private readonly pause: ListenerPause = new ListenerPause();

  constructor(context: ListenerContext) {
    this.context = context;
    this.server = this.newServer();
  }

  /** Resolves when it accepts connections; rejects with the system's error. */
  listen(target: ListenTarget): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(options(target), () => {
        this.server.off("error", reject);
        this.listens();
        resolve();
      });
    });
  }

  /** Of a TCP listener that listens. */
  get port(): number {
    const address = this.server.address();
    return address !== null && typeof address === "object" ? address.port : 0;
  }

  /** Called now and then: goes on accepting once there is place. */
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
    // Where handles are accepted past this server, it never sees a connection.
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
    const access = rawAccess();
    if (access === null) return;
    const onUnixSocket = this.onUnixSocket();
    acceptHandles(this.server, (handle, status) => {
      if (handle === null) return this.reportFailure(status === 0 ? "the connection cannot be used" : getSystemErrorName(status));
      const peer = onUnixSocket ? null : peerOf(handle);
      // The client has reset it already; what it had sent might still be there to be read, from nobody knows whom.
      if (peer === undefined) return handle.close();
      handle.setNoDelay?.(true);
      this.accept((reader, writer) => new RawTransport(access, handle, reader, writer), peer);
    });
  }

  /** By its path, or inherited: then it has no address that Node knows. */
  private onUnixSocket(): boolean {
    const address = this.server.address();
    return address === null || typeof address === "string";
  }

  private reportFailure(what: string): void {
    this.context.thread.report("error", "accept_failed", `a listener failed: ${what}`);
  }
}

/** The other end's address; undefined when it is gone already. */
function peerOf(handle: RawHandle): string | undefined {
  const into: { address?: string } = {};
  const status = handle.getpeername?.(into);
  return status === 0 && into.address !== undefined ? plainPeer(into.address) : undefined;
}

function options(target: ListenTarget): net.ListenOptions {
  switch (target.kind) {
    case "tcp":
      return { host: target.host, port: target.port, backlog: BACKLOG, ...(target.reusePort ? { reusePort: true } : {}) };
    case "unix":
      return { path: target.path, backlog: BACKLOG };
    case "fd":
      return { fd: target.fd, backlog: BACKLOG } as net.ListenOptions;
  }
}
