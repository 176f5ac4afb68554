/**
 * A name service of the tests' own: a DNS server on loopback that says what a test tells it to, and files in the place of
 * /etc/resolv.conf and /etc/hosts for the proxy under test. This module is also loaded into that process before anything else, where it
 * puts those files in place.
 */
import { Buffer } from "node:buffer";
import dgram from "node:dgram";
import { EventEmitter, once } from "node:events";
import fs from "node:fs";
import { isIPv6 } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

/** Addresses of both families, what the server says instead, or nothing at all. */
export type DnsAnswer = readonly string[] | "NXDOMAIN" | "SERVFAIL" | "silence";

export interface Question {
  readonly name: string;
  readonly family: 4 | 6;
}

const FOLDER = "MILLRACE_TEST_NAME_SERVICE";
const HEADER_BYTES = 12;
const TYPES: Readonly<Record<number, 4 | 6>> = { 1: 4, 28: 6 };

/** Emits `question` after each one. */
export class NameService extends EventEmitter {
  /** By name, in lower case; a name that is not there does not exist. */
  readonly answers: Map<string, DnsAnswer> = new Map();
  /** All questions so far. */
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

  /** As `nameserver` of a resolv.conf names it. */
  get server(): string {
    return `[127.0.0.1]:${this.port}`;
  }

  /** What the proxy's environment needs to use this service. */
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

  /** RFC 1035 section 4.1, as much of it as a question for an address and its answer need. */
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
    // The name is the question's.
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
