/** Connections to a TLS listener that bring no request: handshakes, full and resumed, and clients that leave or send nonsense in the middle of one. */
import { once } from "node:events";
import net from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";
import { DOOR_NAME } from "./door.ts";
import type { Door } from "./door.ts";
import { endBy } from "./socket-turns.ts";
import type { Random } from "./random.ts";

type Kind = "full" | "resumed" | "no hello" | "part of a hello" | "after the hello" | "nonsense after the hello" | "nonsense" | "reset";

const KINDS: readonly (readonly [Kind, number])[] = [
  ["full", 10],
  ["resumed", 10],
  ["no hello", 2],
  ["part of a hello", 3],
  ["after the hello", 3],
  ["nonsense after the hello", 3],
  ["nonsense", 2],
  ["reset", 3],
];
const WEIGHTS = KINDS.reduce((sum, [, weight]) => sum + weight, 0);

/** No handshake takes as long. */
const LIMIT_MS = 20_000;

export class HandshakeClient {
  private readonly door: Door;
  private readonly context: tls.SecureContext;
  private readonly onProblem: (text: string) => void;
  private session: Buffer | undefined;
  private hello: Buffer = Buffer.alloc(0);

  private constructor(door: Door, onProblem: (text: string) => void) {
    this.door = door;
    this.context = tls.createSecureContext({ ca: door.authority ?? "" });
    this.onProblem = onProblem;
  }

  static async start(door: Door, onProblem: (text: string) => void): Promise<HandshakeClient> {
    const client = new HandshakeClient(door, onProblem);
    client.hello = await helloOf(client.context);
    return client;
  }

  /** One connection, from its begin to its end. */
  async run(random: Random): Promise<void> {
    const kind = this.draw(random);
    const socket = net.connect({ port: this.door.port, host: "127.0.0.1", noDelay: true });
    // Resets are among the expected ends.
    socket.on("error", () => {});
    const closed = new Promise((resolve) => socket.once("close", resolve));
    const limit = setTimeout(() => {
      this.onProblem(`a handshake (${kind}) has no end`);
      socket.destroy();
    }, LIMIT_MS);
    if (kind === "full" || kind === "resumed" || kind === "reset") await this.shake(socket, kind);
    else await this.disturb(socket, kind, random);
    await closed;
    clearTimeout(limit);
  }

  private draw(random: Random): Kind {
    let left = random.below(WEIGHTS);
    for (const [kind, weight] of KINDS) if ((left -= weight) < 0) return kind;
    return "full";
  }

  private async shake(below: net.Socket, kind: "full" | "resumed" | "reset"): Promise<void> {
    const session = kind === "resumed" ? this.session : undefined;
    const resume = session === undefined ? {} : { session };
    const socket = tls.connect({ socket: below, servername: DOOR_NAME, secureContext: this.context, ...resume });
    // Whoever resets may be told of it.
    socket.on("error", (error) => kind !== "reset" && this.onProblem(`a handshake (${kind}) failed: ${error.message}`));
    socket.on("session", (made: Buffer) => (this.session = made));
    await once(socket, "secureConnect").catch(() => {});
    if (session !== undefined && !socket.isSessionReused()) this.onProblem("a session was not resumed");
    if (kind === "reset") {
      // `resetAndDestroy` sends a FIN first, and after that Node's TLS tells nobody of the reset.
      Reflect.set(below, "resetAndClosing", true);
      below.destroy();
    } else socket.end();
  }

  private async disturb(socket: net.Socket, kind: Kind, random: Random): Promise<void> {
    await once(socket, "connect").catch(() => {});
    const { hello } = this;
    if (kind === "part of a hello") socket.write(hello.subarray(0, 1 + random.below(hello.length - 1)));
    else if (kind === "after the hello") socket.write(hello);
    else if (kind === "nonsense after the hello")
      socket.write(Buffer.concat([hello, Buffer.from("\x17\x03\x03\x00\x08nonsense", "latin1")]));
    else if (kind === "nonsense") socket.write(Buffer.from("\x16\x03\x01\x00\x08nonsense", "latin1"));
    socket.resume();
    // The listener closes after nonsense, and the client leaves in the other cases.
    if (!kind.startsWith("nonsense")) endBy(socket, random.pick(["fin", "rst"]));
  }
}

/** The first message of a client of Node's. */
async function helloOf(secureContext: tls.SecureContext): Promise<Buffer> {
  const socket = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _, done) => {
      socket.emit("sent", chunk);
      done();
    },
  });
  const sent = once(socket, "sent") as Promise<[Buffer]>;
  const client = tls.connect({ socket, servername: DOOR_NAME, secureContext });
  client.on("error", () => {});
  const [bytes] = await sent;
  client.destroy();
  return Buffer.from(bytes);
}
