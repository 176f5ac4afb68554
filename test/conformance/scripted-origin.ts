/** An origin that answers `/case/ID` with that case's bytes, broken as they may be, and `/plain/...` with an answer of its own. */
import { once } from "node:events";
import net from "node:net";
import type { AddressInfo, Socket } from "node:net";
import type { ResponseCase } from "./cases.ts";
import { readRequests } from "./strict-requests.ts";
import type { StrictRequest } from "./strict-requests.ts";

/** The corpus: so much later come a case's late bytes. */
const LATE_MS = 60;

export class ScriptedOrigin {
  /** How often each case was asked for. */
  readonly asked: Map<string, number> = new Map();
  /** What it got that no strict parser understands. */
  readonly faults: string[] = [];
  private readonly cases: ReadonlyMap<string, ResponseCase>;
  private readonly server: net.Server;
  private readonly sockets: Set<Socket> = new Set();
  private readonly socketOf: Map<string, Socket> = new Map();

  private constructor(cases: readonly ResponseCase[]) {
    this.cases = new Map(cases.map((one) => [one.id, one]));
    this.server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.accept(socket));
  }

  static async start(cases: readonly ResponseCase[]): Promise<ScriptedOrigin> {
    const origin = new ScriptedOrigin(cases);
    origin.server.listen(0, "127.0.0.1");
    await once(origin.server, "listening");
    return origin;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Resolves with true once the connection on which the case was answered last is closed, with false at the deadline. */
  async connectionClosed(id: string, withinMs: number): Promise<boolean> {
    const socket = this.socketOf.get(id);
    if (socket === undefined || socket.closed) return true;
    try {
      await once(socket, "close", { signal: AbortSignal.timeout(withinMs) });
      return true;
    } catch {
      return false;
    }
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, "close");
  }

  private accept(socket: Socket): void {
    let bytes = "";
    let answered = 0;
    this.sockets.add(socket);
    socket.setEncoding("latin1");
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("data", (text: string) => {
      bytes += text;
      const { requests, fault } = readRequests(bytes, "origin");
      for (; answered < requests.length; answered++) {
        const request = requests[answered];
        if (request !== undefined) this.answer(socket, request);
      }
      if (fault !== null) {
        this.faults.push(fault);
        socket.destroy();
      }
    });
  }

  private answer(socket: Socket, request: StrictRequest): void {
    const one = this.cases.get(request.target.slice("/case/".length));
    if (!request.target.startsWith("/case/") || one === undefined) {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${request.target.length}\r\n\r\n${request.target}`);
      return;
    }
    this.asked.set(one.id, (this.asked.get(one.id) ?? 0) + 1);
    this.socketOf.set(one.id, socket);
    socket.write(one.wire, "latin1", () => {
      if (one.late !== undefined) setTimeout(() => socket.write(one.late ?? "", "latin1"), LATE_MS);
      if (one.end === "fin") socket.end();
      else if (one.end === "rst") socket.resetAndDestroy();
    });
  }
}
