/**
 * A name service for tests: a DNS server on loopback that answers what a test tells it to, and files that replace /etc/resolv.conf and /etc/hosts for
 * the proxy under test. The proxy's process loads this module before anything else, to put those files in place.
 */
import { Buffer } from "node:buffer";
import dgram from "node:dgram";
import { EventEmitter, once } from "node:events";
import fs from "node:fs";
import { isIPv6 } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

/** The answer for a name: addresses of both families, an error code, or no answer at all. */
export type DnsAnswer = readonly string[] | "NXDOMAIN" | "SERVFAIL" | "silence";

export interface Question {
  readonly name: string;
  readonly family: 4 | 6;
}

const FOLDER = "MILLRACE_TEST_NAME_SERVICE";
const HEADER_BYTES = 12;
const TYPES: Readonly<Record<number, 4 | 6>> = { 1: 4, 28: 6 };

/** The DNS server. Emits `question` after each question. */
export class NameService extends EventEmitter {
  /** Answers by name in lower case. A name without an answer does not exist (NXDOMAIN). */
  readonly answers: Map<string, DnsAnswer> = new Map();
  /** All questions that came so far. */
  readonly questions: Question[] = [];
  ttl: number = 60;
  readonly port: number;
  private readonly folder: string;
  private readonly socket: dgram.Socket;

  static async start(answers: Readonly<Record<string, DnsAnswer>> = {}): Promise<NameService> {
    const socket = dgram.createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new NameService(socket, answers);
  }

  private constructor(socket: dgram.Socket, answers: Readonly<Record<string, DnsAnswer>>) {
    super();
    this.socket = socket;
    this.port = socket.address().port;
    for (const [name, answer] of Object.entries(answers)) this.answers.set(name, answer);
    this.folder = fs.mkdtempSync(path.join(tmpdir(), "millrace-names-"));
    this.hosts("");
    this.resolvConf(`nameserver ${this.server}`);
    socket.on("message", (message, from) => {
      const reply = this.reply(message);
      if (reply !== null) socket.send(reply, from.port, from.address);
      this.emit("question");
    });
  }

  /** The server's address, in the form of resolv.conf's `nameserver`. */
  get server(): string {
    return `[127.0.0.1]:${this.port}`;
  }

  /** The environment variables with which a proxy uses this service. */
  get environment(): Record<string, string> {
    return { NODE_OPTIONS: `--import=${import.meta.url}`, [FOLDER]: this.folder };
  }

  hosts(text: string): void {
    fs.writeFileSync(path.join(this.folder, "hosts"), text);
  }

  resolvConf(text: string): void {
    fs.writeFileSync(path.join(this.folder, "resolv.conf"), text);
  }

  close(): void {
    this.socket.close();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  /** The reply to a DNS message (RFC 1035 section 4.1, only questions for addresses). Null for no reply. */
  private reply(message: Buffer): Buffer | null {
    const labels: string[] = [];
    let at = HEADER_BYTES;
    for (let length = message[at++] ?? 0; length > 0; length = message[at++] ?? 0) {
      labels.push(message.toString("latin1", at, at + length));
      at += length;
    }
    const type = message.readUInt16BE(at);
    const question = message.subarray(HEADER_BYTES, at + 4);
    const family = TYPES[type];
    const name = labels.join(".").toLowerCase();
    if (family !== undefined) this.questions.push({ name, family });
    const answer = this.answers.get(name) ?? "NXDOMAIN";
    if (answer === "silence") return null;
    const records = typeof answer === "string" ? [] : answer.filter((address) => isIPv6(address) === (family === 6));
    const header = Buffer.from(message.subarray(0, HEADER_BYTES));
    header.writeUInt16BE(0x8180 | (answer === "NXDOMAIN" ? 3 : answer === "SERVFAIL" ? 2 : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    header.writeUInt32BE(0, 8);
    return Buffer.concat([header, question, ...records.map((address) => this.record(type, address))]);
  }

  private record(type: number, address: string): Buffer {
    const bytes = isIPv6(address) ? ipv6Bytes(address) : Buffer.from(address.split(".").map(Number));
    const fixed = Buffer.alloc(12);
    // The record's name is a pointer to the name in the question.
    fixed.writeUInt16BE(0xc000 | HEADER_BYTES, 0);
    fixed.writeUInt16BE(type, 2);
    fixed.writeUInt16BE(1, 4);
    fixed.writeUInt32BE(this.ttl, 6);
    fixed.writeUInt16BE(bytes.length, 10);
    return Buffer.concat([fixed, bytes]);
  }
}

function ipv6Bytes(address: string): Buffer {
  const [left = "", right = ""] = address.split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const [before, after] = [groups(left), groups(right)];
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => "0"), ...after];
  return Buffer.from(all.map((group) => group.padStart(4, "0")).join(""), "hex");
}

const folder = process.env[FOLDER];
if (folder !== undefined) {
  const { readFileSync, statSync } = fs;
  const inPlace = (file: unknown): unknown =>
    file === "/etc/hosts" || file === "/etc/resolv.conf" ? path.join(folder, path.basename(file)) : file;
  Object.assign(fs, {
    readFileSync: (file: fs.PathLike, ...rest: unknown[]) => Reflect.apply(readFileSync, fs, [inPlace(file), ...rest]),
    statSync: (file: fs.PathLike, ...rest: unknown[]) => Reflect.apply(statSync, fs, [inPlace(file), ...rest]),
  });
}
