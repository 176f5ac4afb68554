/** The client's end of a WebSocket tunnel: opens it, talks through it, ends it or sees it ended, and says what was wrong. */
import type { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { Content } from "./content.ts";
import { end, openDoor, reset } from "./door.ts";
import type { Door } from "./door.ts";
import { pause, written } from "./socket-turns.ts";
import { acceptOf } from "./tunnel-plan.ts";
import type { TunnelPlan } from "./tunnel-plan.ts";

export interface TunnelEnd {
  /** 0: the connection ended without an answer. */
  readonly status: number;
  readonly problems: readonly string[];
}

/** No tunnel lives as long. */
const TUNNEL_MS_MAX = 30_000;

export async function runTunnel(door: Door, plan: TunnelPlan): Promise<TunnelEnd> {
  const socket = openDoor(door, () => talk.begin());
  const talk = new Talk(socket, plan);
  const limit = setTimeout(() => talk.giveUp(), TUNNEL_MS_MAX);
  await talk.closed;
  clearTimeout(limit);
  return { status: talk.status, problems: talk.verdict() };
}

class Talk {
  readonly closed: Promise<void>;
  status: number = 0;
  private readonly socket: Socket;
  private readonly plan: TunnelPlan;
  private readonly key: string = randomBytes(16).toString("base64");
  private readonly expected: Content;
  private readonly said: Content;
  private readonly problems: string[] = [];
  private text: string = "";
  private received: number = 0;
  private finReceived: boolean = false;

  constructor(socket: Socket, plan: TunnelPlan) {
    this.socket = socket;
    this.plan = plan;
    this.said = new Content(plan.seed, "request", plan.clientBytes);
    this.expected = plan.mode === "origin-fin" ? new Content(plan.seed, "response", plan.originBytes) : this.said;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    // Resets are among the expected ends.
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => this.read(bytes));
    socket.on("end", () => this.end());
  }

  /** The connection stands. */
  begin(): void {
    const { plan, socket } = this;
    socket.write(
      `GET ${plan.path} HTTP/1.1\r\nHost: soak.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: ${this.key}\r\nX-Fault: tunnel/${plan.seed}\r\n\r\n`,
    );
    if (plan.eager) socket.write(this.said.piece(0, this.eagerBytes));
  }

  giveUp(): void {
    this.problem(`no end after ${TUNNEL_MS_MAX} ms`);
    this.socket.destroy();
  }

  /** What was wrong; to be asked after the end. */
  verdict(): readonly string[] {
    const { plan, status, received } = this;
    const lost = plan.mode === "origin-rst";
    const wanted = plan.mode === "refused" ? 403 : 101;
    // A reset can overtake the 101.
    if (status !== wanted && !(lost && status === 502)) this.problem(`status ${status}`);
    const bytes = plan.mode === "client-fin" ? plan.clientBytes : plan.mode === "origin-fin" ? plan.originBytes : null;
    if (bytes !== null && status === 101 && received !== bytes) this.problem(`ended with ${received} of ${bytes} bytes`);
    if (bytes !== null && !this.finReceived) this.problem("ended without a FIN");
    return this.problems;
  }

  private get eagerBytes(): number {
    return Math.min(this.plan.cutAt, 5000);
  }

  private read(bytes: Buffer): void {
    if (this.status === 101) return this.take(bytes);
    this.text += bytes.toString("latin1");
    const end = this.text.indexOf("\r\n\r\n");
    if (end < 0 || this.status !== 0) return;
    this.status = Number(this.text.slice(9, 12));
    if (this.status !== 101) {
      this.socket.end();
      return;
    }
    if (!this.text.slice(0, end + 2).includes(`\r\nSec-WebSocket-Accept: ${acceptOf(this.key)}\r\n`))
      this.problem("a wrong Sec-WebSocket-Accept");
    const rest = bytes.subarray(bytes.length - (this.text.length - end - 4));
    if (rest.length > 0) this.take(rest);
    if (this.plan.mode !== "origin-fin" || this.plan.pieces % 2 === 0) void this.speak();
  }

  private take(bytes: Buffer): void {
    if (!this.expected.holds(this.received, bytes)) this.problem(`foreign bytes at ${this.received}`);
    this.received += bytes.length;
  }

  private end(): void {
    this.finReceived = true;
    const { plan, socket } = this;
    // Its own half of the connection is still open to speak.
    if (this.status === 101 && plan.mode === "origin-fin") {
      if (plan.pieces % 2 === 1) void this.speak();
    } else if (!socket.destroyed) socket.end();
  }

  /** Says everything, the last bytes together with the FIN; or a part, and resets. */
  private async speak(): Promise<void> {
    const { plan, socket } = this;
    const resets = plan.mode === "client-rst";
    const bytes = resets ? plan.cutAt : plan.clientBytes;
    const size = Math.min(64 * 1024, Math.ceil(plan.clientBytes / plan.pieces) + 1);
    for (let at = plan.eager ? this.eagerBytes : 0; at < bytes && !socket.destroyed && !socket.writableEnded;) {
      const piece = this.said.piece(at, Math.min(bytes, at + size));
      at += piece.length;
      if (at >= bytes && !resets) socket.write(piece);
      else {
        await written(socket, piece);
        await pause(plan.seed % 3);
      }
    }
    if (resets) reset(socket);
    // In origin-rst the origin has the last word.
    else if (plan.mode !== "origin-rst" && !socket.destroyed) end(socket);
  }

  private problem(text: string): void {
    this.problems.push(`tunnel ${this.plan.seed} (${this.plan.mode}): ${text}`);
  }
}
