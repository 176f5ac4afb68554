/** What the client does with an exchange, deed by deed. Resolves when the exchange has ended and nothing more will be sent for it. */
import { Content, PIECE_BYTES_MAX } from "./content.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { ClientExchange } from "./client-exchange.ts";
import { isOverTls } from "./door.ts";
import { pathOf, requestHead } from "./plan.ts";
import type { ClientDeed, Plan } from "./plan.ts";
import { Random } from "./random.ts";
import { pause, written } from "./socket-turns.ts";

/** How long a client that never reads does not: longer than the proxy's limit, by a lot. */
const UNREAD_MS = 8000;

/** A slow reader lets the answer wait, then takes it in gulps. */
const FIRST_PAUSE_MS = 300;
const GULPS = 4;
const GULP_PAUSE_MS = 20;

/** Requests one behind the other in one write. */
export async function pipeline(connection: ClientConnection, exchanges: readonly ClientExchange[]): Promise<void> {
  const { socket } = connection;
  socket.cork();
  for (const exchange of exchanges) {
    connection.ask(exchange);
    void sendWhole(connection, exchange);
  }
  socket.uncork();
  await Promise.all(exchanges.map((exchange) => exchange.done));
}

export async function perform(connection: ClientConnection, exchange: ClientExchange): Promise<void> {
  connection.ask(exchange);
  const { plan } = exchange;
  await DEEDS[plan.client.do](connection, exchange);
  await exchange.done;
}

type Perform = (connection: ClientConnection, exchange: ClientExchange) => Promise<void>;

const DEEDS: Readonly<Record<ClientDeed["do"], Perform>> = {
  plain: sendWhole,
  leave,
  "half-close": async (connection, exchange) => {
    await sendWhole(connection, exchange);
    connection.retire();
  },
  expect: async (connection, exchange) => {
    await written(connection.socket, requestHead(exchange.plan));
    await until(exchange, () => exchange.interims > 0 || exchange.status > 0);
    if (exchange.status > 0 || exchange.ended !== null) {
      await exchange.done;
      connection.retire();
    } else await sendUpload(connection, exchange, exchange.plan.upload?.bytes ?? 0);
  },
  "drip-head": async (connection, exchange) => {
    const head = requestHead(exchange.plan);
    const random = new Random(exchange.plan.seed);
    for (let at = 0; at < head.length;) {
      const end = at + random.between(1, 60);
      await written(connection.socket, head.slice(at, end));
      await pause(random.below(4));
      at = end;
    }
  },
  "slow-read": async (connection, exchange) => {
    await sendWhole(connection, exchange);
    connection.socket.pause();
    await pause(FIRST_PAUSE_MS);
    for (let count = 0; count < GULPS && exchange.ended === null; count++) {
      connection.socket.resume();
      await pause(1);
      connection.socket.pause();
      await pause(GULP_PAUSE_MS);
    }
    connection.socket.resume();
  },
  "never-read": async (connection, exchange) => {
    connection.socket.pause();
    await sendWhole(connection, exchange);
    await pause(UNREAD_MS);
    connection.socket.resume();
  },
  stall: async (connection, exchange) => {
    const { plan } = exchange;
    const head = requestHead(plan);
    const atHead = plan.client.do === "stall" && plan.client.where === "head";
    await written(connection.socket, atHead ? head.slice(0, head.length - 5) : head);
    if (!atHead) await sendUpload(connection, exchange, Math.floor((plan.upload?.bytes ?? 0) / 2));
    await exchange.done;
    connection.retire();
  },
  hostile: async (connection, exchange) => {
    const { plan } = exchange;
    if (plan.client.do !== "hostile") return;
    await written(connection.socket, plan.client.hostile.wire(pathOf(plan), `X-Fault: ${plan.kind}/${plan.seed}\r\n`));
    await exchange.done;
    if (!exchange.closes && exchange.ended !== "closed") exchange.problem("the connection of a malformed request goes on");
    connection.retire();
  },
};

async function leave(connection: ClientConnection, exchange: ClientExchange): Promise<void> {
  const { plan } = exchange;
  const { client } = plan;
  if (client.do !== "leave") return;
  const { socket } = connection;
  const head = requestHead(plan);
  const gentle = client.how === "fin";
  exchange.unansweredLine = gentle ? "one" : "maybe";
  switch (client.phase) {
    case "head": {
      const sent = head.slice(0, 1 + Math.floor(client.share * (head.length - 2)));
      const named = sent.includes("\r\n");
      // The proxy may be writing the last message of the handshake, which takes the reset's notice away from the read after it.
      if (!gentle) exchange.unansweredLine = !isOverTls(socket) ? "none" : named ? "maybe" : "maybe nameless";
      else if (!named) exchange.unansweredLine = "nameless";
      await written(socket, sent);
      await pause(client.share * 10);
      break;
    }
    case "upload":
      await written(socket, head);
      await sendUpload(connection, exchange, Math.floor(client.share * (plan.upload?.bytes ?? 0)));
      break;
    case "waiting":
      await sendWhole(connection, exchange);
      await pause(client.share * 60);
      break;
    case "response": {
      await sendWhole(connection, exchange);
      const enough = Math.floor(client.share * plan.answer.bytes);
      await until(exchange, () => exchange.status > 0 && exchange.bodyBytes >= enough);
    }
  }
  if (exchange.ended === null) connection.leave(client.how);
  else connection.retire();
}

/** The whole request; what is short goes out at once. */
async function sendWhole(connection: ClientConnection, exchange: ClientExchange): Promise<void> {
  const { socket } = connection;
  const { plan } = exchange;
  socket.cork();
  const head = written(socket, requestHead(plan));
  const upload = plan.upload === null ? null : sendUpload(connection, exchange, plan.upload.bytes);
  socket.uncork();
  await head;
  await upload;
}

/** The first `bytes` of the upload; with all of them also its end. Stops when nobody wants more. */
async function sendUpload(connection: ClientConnection, exchange: ClientExchange, bytes: number): Promise<void> {
  const { plan } = exchange;
  const { socket } = connection;
  const { upload } = plan;
  if (upload === null) return;
  const content = new Content(plan.seed, "request", upload.bytes);
  const random = new Random(plan.seed);
  const size = Math.min(PIECE_BYTES_MAX, Math.ceil(bytes / upload.pieces) + 1);
  for (let at = 0; at < bytes && !notWanted(connection, exchange);) {
    const piece = content.piece(at, Math.min(bytes, at + size));
    at += piece.length;
    if (upload.framing === "chunked") socket.write(`${piece.length.toString(16)}\r\n`, "latin1");
    const gone = written(socket, piece);
    if (upload.framing === "chunked" && !socket.destroyed) socket.write("\r\n", "latin1");
    if (upload.pieces === 1) continue;
    await gone;
    if (random.chance(0.2)) await pause(random.below(3));
  }
  if (upload.framing === "chunked" && bytes === upload.bytes && !notWanted(connection, exchange)) await written(socket, "0\r\n\r\n");
}

function notWanted({ socket }: ClientConnection, exchange: ClientExchange): boolean {
  return socket.destroyed || socket.writableEnded || (exchange.ended !== null && exchange.closes) || exchange.ended === "left";
}

function until(exchange: ClientExchange, condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    exchange.onProgress = () => {
      if (exchange.ended !== null || condition()) resolve();
    };
    exchange.onProgress();
  });
}

/** Whether it can be one of several that go out together. */
export function canBePipelined({ client, minor, upload, deed }: Plan): boolean {
  return (
    client.do === "plain" &&
    minor === 1 &&
    deed.do !== "early" &&
    deed.do !== "stall" &&
    (upload === null || (upload.bytes < 4000 && upload.pieces === 1))
  );
}
