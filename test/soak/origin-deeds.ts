/** What the origin does with a request, deed by deed. */
import { Content, PIECE_BYTES_MAX } from "./content.ts";
import type { Digest } from "./content.ts";
import { hasBody } from "./plan.ts";
import type { Plan } from "./plan.ts";
import { Random } from "./random.ts";
import { endBy, pause, written } from "./socket-turns.ts";
import { end } from "./door.ts";
import type { TlsBreak } from "./plan.ts";
import type { TlsWire } from "../support/tls-wire.ts";
import type { Socket } from "node:net";

/** The side of a connection that a deed sees. */
export interface ActingConnection {
  readonly socket: Socket;
  /** What carries its TLS; null: it is in the clear. */
  readonly wire: TlsWire | null;
  readonly digest: Digest;
  readonly requestEnded: boolean;
}

const ENDLESS_HEAD_BYTES = 256 * 1024;
/** A stall ends when the proxy has lost patience, at the latest after this. */
const STALL_MS_MAX = 20_000;
/** The status line and some of the first field. */
const DRIPPED_BYTES = 40;
const FIRST_PAUSE_MS = 300;
const GULPS = 4;
const GULP_PAUSE_MS = 20;
/** How long an upload is not read. */
const UNREAD_MS = 8000;

/** Resolves with whether the connection can be used again. */
export async function act(connection: ActingConnection, plan: Plan, first: boolean): Promise<boolean> {
  const { socket } = connection;
  const { deed } = plan;
  switch (deed.do) {
    case "answer":
      return answer(connection, plan);
    case "flaky":
      if (!first) return answer(connection, plan);
      endBy(socket, deed.how);
      return false;
    case "end-before-head":
      endBy(socket, deed.how);
      return false;
    case "end-in-head": {
      const head = answerHead(plan, connection.digest);
      await written(socket, head.slice(0, Math.floor(deed.share * (head.length - 1))));
      endBy(socket, deed.how);
      return false;
    }
    case "end-in-body":
      await written(socket, answerHead(plan, connection.digest));
      await sendBody(connection, plan, deed.at);
      endBy(socket, deed.how);
      return false;
    case "break":
      await written(socket, answerHead(plan, connection.digest));
      await sendBody(connection, plan, deed.at);
      breakOff(connection, deed.how);
      return false;
    case "garbage":
      await written(socket, deed.wire);
      if (deed.how !== "stay") endBy(socket, deed.how);
      return false;
    case "endless-head":
      await written(socket, "HTTP/1.1 200 OK\r\n");
      for (let sent = 0; sent < ENDLESS_HEAD_BYTES && !socket.destroyed; sent += 1000) await written(socket, `X-A: ${"a".repeat(993)}\r\n`);
      return false;
    case "interims":
      for (const status of deed.statuses) await written(socket, `HTTP/1.1 ${status} Interim\r\nX-Interim: 1\r\n\r\n`);
      return answer(connection, plan);
    case "excess":
      await answer(connection, plan, new Content(plan.seed + 1, "response", deed.bytes));
      return false;
    case "early":
      return answerEarly(connection, plan, deed.after);
    case "drip-head": {
      const head = answerHead(plan, connection.digest);
      for (const byte of head.slice(0, DRIPPED_BYTES)) {
        await written(socket, byte);
        await new Promise(setImmediate);
      }
      await written(socket, head.slice(DRIPPED_BYTES));
      await sendBody(connection, plan, plan.answer.bytes);
      return closes(connection, plan);
    }
    case "slow-read":
      await readSlowly(connection);
      return answer(connection, plan);
    case "stall":
      return stall(connection, plan, deed.where);
  }
}

async function answer(connection: ActingConnection, plan: Plan, excess: Content | null = null): Promise<boolean> {
  const { socket } = connection;
  if (plan.answer.delayMs > 0) await pause(plan.answer.delayMs);
  if (socket.destroyed) return false;
  socket.cork();
  socket.write(answerHead(plan, connection.digest), "latin1");
  const sent = sendBody(connection, plan, plan.answer.bytes);
  if (excess !== null) {
    // Short bodies: all of it leaves at once.
    await sent;
    socket.write(excess.piece(0, excess.bytes));
  }
  socket.uncork();
  await sent;
  return closes(connection, plan);
}

function breakOff({ socket, wire }: ActingConnection, how: TlsBreak): void {
  if (wire === null || socket.destroyed) return endBy(socket, "rst");
  if (how === "no close_notify") wire.endBare();
  else if (how === "forged record") wire.forge();
  else if (how === "alert") wire.alert();
  else {
    wire.cut = (bytes) => {
      wire.cut = null;
      setImmediate(() => wire.endBare());
      return [bytes.subarray(0, bytes.length / 2)];
    };
    socket.write("one more record");
  }
}

function closes({ socket }: ActingConnection, { answer }: Plan): boolean {
  if (answer.framing !== "close" && answer.minor === 1) return true;
  end(socket);
  return false;
}

async function answerEarly(connection: ActingConnection, plan: Plan, after: "fin" | "rst" | "read-on"): Promise<boolean> {
  const { socket } = connection;
  await written(socket, answerHead(plan, connection.digest));
  await sendBody(connection, plan, plan.answer.bytes);
  // In order means here: half-closed, reading on (RFC 9112 section 9.6); a full close would be a reset.
  if (after === "fin") end(socket);
  if (after === "rst") endBy(socket, "rst");
  return after === "read-on";
}

/** Lets the upload wait, then takes it in gulps; returns when it is there. */
async function readSlowly(connection: ActingConnection): Promise<void> {
  const { socket } = connection;
  socket.pause();
  await pause(FIRST_PAUSE_MS);
  for (let count = 0; count < GULPS && !socket.destroyed; count++) {
    socket.resume();
    await pause(1);
    socket.pause();
    await pause(GULP_PAUSE_MS);
  }
  socket.resume();
  while (!connection.requestEnded && !socket.destroyed) await pause(GULP_PAUSE_MS);
}

async function stall(connection: ActingConnection, plan: Plan, where: "head" | "in-head" | "body" | "upload"): Promise<boolean> {
  const { socket } = connection;
  const head = answerHead(plan, connection.digest);
  if (where === "upload") socket.pause();
  if (where === "in-head") socket.write(head.slice(0, head.length / 2), "latin1");
  if (where === "body") {
    socket.write(head, "latin1");
    await sendBody(connection, plan, Math.floor(plan.answer.bytes / 2));
  }
  const limit = setTimeout(() => socket.destroy(), STALL_MS_MAX);
  // A paused socket does not see its end.
  if (where === "upload") setTimeout(() => socket.resume(), UNREAD_MS);
  await new Promise<void>((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once("close", () => resolve());
  });
  clearTimeout(limit);
  return false;
}

function answerHead(plan: Plan, digest: Digest): string {
  const { status, bytes, framing, minor, trailers } = plan.answer;
  const lines = [
    `HTTP/1.${minor} ${status} Soak`,
    "Content-Type: application/octet-stream",
    `X-Seed: ${plan.seed}`,
    `X-Digest: ${digest.text()}`,
  ];
  if (framing === "close") lines.push("Connection: close");
  else if (status !== 204) lines.push(framing === "length" ? `Content-Length: ${bytes}` : "Transfer-Encoding: chunked");
  if (framing === "chunked" && trailers) lines.push("Trailer: X-Trailer");
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** The first `bytes` of the body; with all of them also its end. */
async function sendBody({ socket }: ActingConnection, plan: Plan, bytes: number): Promise<void> {
  if (!hasBody(plan)) return;
  const { framing, trailers } = plan.answer;
  const content = new Content(plan.seed, "response", plan.answer.bytes);
  const random = new Random(plan.seed);
  const pieceMax = random.pick([100, 3000, 16_384, PIECE_BYTES_MAX]);
  const low = Math.ceil(bytes / 200);
  for (let at = 0; at < bytes && !socket.destroyed;) {
    const piece = content.piece(at, Math.min(bytes, at + Math.min(PIECE_BYTES_MAX, random.between(low, low + pieceMax))));
    at += piece.length;
    if (framing === "chunked") socket.write(`${piece.length.toString(16)}\r\n`, "latin1");
    await written(socket, piece);
    if (framing === "chunked") socket.write("\r\n", "latin1");
  }
  if (bytes < plan.answer.bytes || framing !== "chunked" || socket.destroyed) return;
  await written(socket, trailers ? `0\r\nX-Trailer: ${plan.seed}\r\n\r\n` : "0\r\n\r\n");
}
