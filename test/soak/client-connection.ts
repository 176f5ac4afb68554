/** A client's connection: requests go out as its user writes them, responses go to the exchanges in the order in which they asked. */
import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { ClientExchange } from "./client-exchange.ts";
import { end, openDoor } from "./door.ts";
import type { Door } from "./door.ts";
import type { End } from "./plan.ts";
import { ResponseReader } from "./response-reader.ts";
import { endBy } from "./socket-turns.ts";

export class ClientConnection {
  readonly socket: Socket;
  /** Another request may be sent. */
  usable: boolean = true;
  lastUsedAt: number = 0;
  private readonly queue: ClientExchange[] = [];
  private readonly reader: ResponseReader = new ResponseReader(() => this.front());
  private readonly onProblem: (text: string) => void;
  private left: boolean = false;
  private lastKind: string = "nothing";

  private constructor(socket: Socket, onProblem: (text: string) => void) {
    this.socket = socket;
    this.onProblem = onProblem;
    socket.on("data", (bytes: Buffer) => this.read(bytes));
    socket.on("end", () => {
      if (!this.left) {
        this.reader.end();
        this.over();
      }
      socket.end();
    });
    // Resets are among the expected ends: `close` follows.
    socket.on("error", () => {});
    socket.on("close", () => this.over());
  }

  /** Rejects when the proxy does not accept. */
  static open(door: Door, onProblem: (text: string) => void): Promise<ClientConnection> {
    return new Promise((resolve, reject) => {
      const socket = openDoor(door, () => {
        socket.off("error", reject);
        resolve(new ClientConnection(socket, onProblem));
      });
      socket.once("error", reject);
    });
  }

  /** The exchange's request is about to be written. */
  ask(exchange: ClientExchange): void {
    this.lastKind = `${exchange.plan.kind}/${exchange.plan.seed}`;
    this.queue.push(exchange);
    exchange.giveUp = () => this.socket.destroy();
  }

  /** The client goes away, whatever its exchanges are at. */
  leave(how: End): void {
    this.left = true;
    this.usable = false;
    for (const exchange of this.queue.splice(0)) exchange.end("left");
    endBy(this.socket, how);
  }

  /** No further request comes; what the proxy says to that must be nothing. */
  retire(): void {
    this.usable = false;
    if (!this.left && !this.socket.destroyed && !this.socket.writableEnded) end(this.socket);
  }

  private read(bytes: Buffer): void {
    if (this.left) return;
    const problem = this.reader.read(bytes);
    const front = this.front();
    if (problem === null) return;
    if (front === null) this.onProblem(`${problem} (after ${this.lastKind})`);
    else front.problem(problem);
    this.socket.destroy();
  }

  /** Whose response comes next. */
  private front(): ClientExchange | null {
    for (;;) {
      const [exchange] = this.queue;
      if (exchange === undefined) return null;
      if (exchange.ended === null) return exchange;
      this.queue.shift();
      if (!exchange.closes) continue;
      this.usable = false;
      for (const behind of this.queue.splice(0)) behind.end("unanswered");
    }
  }

  /** Nothing more comes. */
  private over(): void {
    this.usable = false;
    this.front();
    const [front, ...behind] = this.queue.splice(0);
    front?.end(front.status === 0 ? "closed" : "cut");
    for (const exchange of behind) exchange.end("unanswered");
  }
}
