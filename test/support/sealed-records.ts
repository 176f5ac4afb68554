/**
 * Records of TLS that no library would write, sealed with the keys of a real connection: Node makes the handshake, and tells the secrets that these keys come
 * from. For AES-128-GCM with SHA-256, TLS 1.2 and 1.3.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createCipheriv, createHmac } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";

/** Types of records (RFC 8446 section 5.1). */
export const RECORD = { alert: 21, handshake: 22, data: 23 } as const;

/** The ciphers with which these records can be sealed. */
export const CIPHERS = "TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";

const TAG_BYTES = 16;
const KEY_BYTES = 16;

/** What a server sends to end its side in order. */
export const CLOSE_NOTIFY: Buffer = Buffer.from([1, 0]);
/** A server of TLS 1.2 wishes for another handshake. */
export const HELLO_REQUEST: Buffer = handshakeMessage(0, Buffer.alloc(0));

/** A record that announces a new key of this side, under which the records after it are (RFC 8446 section 4.6.3). */
export function newKey(seal: Seal, asksForOne: boolean): Buffer {
  const record = seal.record(RECORD.handshake, handshakeMessage(24, Buffer.from([asksForOne ? 1 : 0])));
  seal.nextKey();
  return record;
}

/** A message of a handshake (RFC 8446 section 4). */
export function handshakeMessage(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  head[0] = type;
  return Buffer.concat([head, body]);
}

/** One side of a connection whose handshake is finished. Its TLS socket must not write any more. */
export interface SealedSide {
  /** The connection below TLS, to which sealed records are written. */
  readonly below: net.Socket;
  readonly secure: tls.TLSSocket;
  readonly seal: Seal;
}

/** Connects as a client, and sends nothing after the handshake. */
export async function sealedClient(port: number, options: tls.ConnectionOptions): Promise<SealedSide> {
  const below = net.connect({ port, host: "127.0.0.1", noDelay: true });
  const bytes = new BytesOf(below);
  const secure = tls.connect({ ciphers: CIPHERS, ...options, socket: bytes });
  const secrets = secretsOf(secure);
  await once(secure, "secureConnect");
  if (secure.getProtocol() !== "TLSv1.2") return { below, secure, seal: new Seal13(secrets, "CLIENT_TRAFFIC_SECRET_0", 0) };
  return { below, secure, seal: new Seal12(secrets, randomIn(bytes.firstRead), "client") };
}

/** Is the server of an accepted connection. */
export async function sealedServer(below: net.Socket, options: tls.SecureContextOptions): Promise<SealedSide> {
  const bytes = new BytesOf(below);
  const secure = new tls.TLSSocket(bytes, { isServer: true, secureContext: tls.createSecureContext({ ciphers: CIPHERS, ...options }) });
  return { below, secure, seal: await sealOf(secure, () => bytes.firstWritten) };
}

/**
 * What seals the records of a server after its handshake, which has not begun.
 * @param firstWritten the bytes with which its side begins, at least 43; asked for after the handshake
 */
export async function sealOf(secure: tls.TLSSocket, firstWritten: () => Buffer): Promise<Seal> {
  const secrets = secretsOf(secure);
  await once(secure, "secure");
  if (secure.getProtocol() === "TLSv1.2") return new Seal12(secrets, randomIn(firstWritten()), "server");
  // With TLS 1.3 OpenSSL sends two session tickets after a full handshake.
  return new Seal13(secrets, "SERVER_TRAFFIC_SECRET_0", secure.isSessionReused() ? 0 : 2);
}

/** Seals records, each with the next number of the connection. */
export interface Seal {
  record(type: number, content: Buffer): Buffer;
  /** Records from here on are under the next key, as after a KeyUpdate (RFC 8446 section 7.2). TLS 1.2 has none. */
  nextKey(): void;
}

/** RFC 8446 section 5.2. */
class Seal13 implements Seal {
  private secret: Buffer;
  private key: Buffer = Buffer.alloc(0);
  private iv: Buffer = Buffer.alloc(0);
  private number: number;

  constructor(secrets: Secrets, label: string, number: number) {
    this.secret = secrets.get(label)?.secret ?? assert.fail("Node has not told the secret");
    this.number = number;
    this.derive();
  }

  record(type: number, content: Buffer): Buffer {
    const inner = Buffer.concat([content, Buffer.from([type])]);
    const head = Buffer.from([RECORD.data, 3, 3, 0, 0]);
    head.writeUInt16BE(inner.length + TAG_BYTES, 3);
    const nonce = Buffer.from(this.iv);
    // Numbers of tests fit into the last four bytes.
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ this.number++) >>> 0, 8);
    return Buffer.concat([head, encrypted(this.key, nonce, head, inner)]);
  }

  nextKey(): void {
    this.secret = expandLabel(this.secret, "traffic upd", 32);
    this.number = 0;
    this.derive();
  }

  private derive(): void {
    this.key = expandLabel(this.secret, "key", KEY_BYTES);
    this.iv = expandLabel(this.secret, "iv", 12);
  }
}

/** RFC 5288 section 3. */
class Seal12 implements Seal {
  private readonly key: Buffer;
  private readonly salt: Buffer;
  /** The record before was the end of the handshake. */
  private number: number = 1;

  constructor(secrets: Secrets, serverRandom: Buffer, side: "client" | "server") {
    const { random, secret } = secrets.get("CLIENT_RANDOM") ?? assert.fail("Node has not told the secret");
    const block = pseudorandom(secret, "key expansion", Buffer.concat([serverRandom, random]), 2 * KEY_BYTES + 8);
    const at = side === "client" ? 0 : 1;
    this.key = block.subarray(at * KEY_BYTES, (at + 1) * KEY_BYTES);
    this.salt = block.subarray(2 * KEY_BYTES + 4 * at, 2 * KEY_BYTES + 4 * at + 4);
  }

  record(type: number, content: Buffer): Buffer {
    const explicit = Buffer.alloc(8);
    explicit.writeUInt32BE(this.number++, 4);
    const head = Buffer.from([type, 3, 3, 0, 0]);
    head.writeUInt16BE(content.length, 3);
    const body = encrypted(this.key, Buffer.concat([this.salt, explicit]), Buffer.concat([explicit, head]), content);
    head.writeUInt16BE(explicit.length + body.length, 3);
    return Buffer.concat([head, explicit, body]);
  }

  nextKey(): void {}
}

function encrypted(key: Buffer, nonce: Buffer, additional: Buffer, text: Buffer): Buffer {
  const cipher = createCipheriv("aes-128-gcm", key, nonce).setAAD(additional);
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

/** HKDF-Expand-Label without context, for at most one block (RFC 8446 section 7.1). */
function expandLabel(secret: Buffer, label: string, length: number): Buffer {
  const full = `tls13 ${label}`;
  const info = Buffer.concat([Buffer.from([0, length, full.length]), Buffer.from(full), Buffer.from([0, 1])]);
  return createHmac("sha256", secret).update(info).digest().subarray(0, length);
}

/** The PRF of TLS 1.2 (RFC 5246 section 5). */
function pseudorandom(secret: Buffer, label: string, seed: Buffer, length: number): Buffer {
  const labelled = Buffer.concat([Buffer.from(label), seed]);
  const hmac = (data: Buffer): Buffer => createHmac("sha256", secret).update(data).digest();
  const blocks: Buffer[] = [];
  for (let a = hmac(labelled); blocks.length * 32 < length; a = hmac(a)) blocks.push(hmac(Buffer.concat([a, labelled])));
  return Buffer.concat(blocks).subarray(0, length);
}

type Secrets = ReadonlyMap<string, { readonly random: Buffer; readonly secret: Buffer }>;

/** What Node tells of a connection's secrets, in the format of NSS key logs. */
function secretsOf(socket: tls.TLSSocket): Secrets {
  const secrets = new Map<string, { random: Buffer; secret: Buffer }>();
  socket.on("keylog", (line: Buffer) => {
    const [label = "", random = "", secret = ""] = line.toString("latin1").trim().split(" ");
    secrets.set(label, { random: Buffer.from(random, "hex"), secret: Buffer.from(secret, "hex") });
  });
  return secrets;
}

/** The server's random value, in the ServerHello that its bytes begin with. */
function randomIn(bytes: Buffer): Buffer {
  return bytes.subarray(11, 43);
}

/** The bytes of a socket as a stream of its own, so that others may write to the socket as well. */
class BytesOf extends Duplex {
  firstRead: Buffer = Buffer.alloc(0);
  firstWritten: Buffer = Buffer.alloc(0);
  private readonly socket: net.Socket;

  constructor(socket: net.Socket) {
    super();
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      if (this.firstRead.length < 43) this.firstRead = Buffer.concat([this.firstRead, bytes]);
      if (!this.push(bytes)) socket.pause();
    });
    socket.on("end", () => void this.push(null));
    socket.on("error", () => void this.destroy());
    socket.on("close", () => void this.destroy());
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(bytes: Buffer, _: BufferEncoding, written: (error?: Error | null) => void): void {
    if (this.firstWritten.length < 43) this.firstWritten = Buffer.concat([this.firstWritten, bytes]);
    this.socket.write(bytes, written);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.socket.destroy();
    done(error);
  }
}
