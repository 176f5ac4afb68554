/**
 * One connection at the origin: a strict reader of requests that ends each with its plan's deed.
 *
 *     head --no body--> act --answered--> head
 *       `--body--> body --complete--^           (some deeds begin at the head)
 *     act --> ended, or a tunnel
 */
import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { TlsWire } from "../support/tls-wire.ts";
import { BodyReader } from "./body-reader.ts";
import { Content, Digest } from "./content.ts";
import { end } from "./door.ts";
import { planOf } from "./kinds.ts";
import { act } from "./origin-deeds.ts";
import type { Tally } from "./origin-tally.ts";
import { serveTunnel } from "./origin-tunnel.ts";
import { hasBody, pathOf } from "./plan.ts";
import type { Plan } from "./plan.ts";
import { Random } from "./random.ts";
import { endBy } from "./socket-turns.ts";
import { tunnelPlanOf } from "./tunnel-plan.ts";

/** What it does with idle connections; see RouteName. */
export type Habit = "plain" | "restless" | "late";

/** So many connections of TLS send their records in pieces. */
const CUT_SHARE = 0.15;
const PIECES_MAX = 5;

const HEAD_LINE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~]*$/;

export class OriginConnection {
  readonly socket: Socket;
  /** What carries its TLS; null: it is in the clear. */
  readonly wire: TlsWire | null;
  readonly tally: Tally;
  /** Of the request's body so far. */
  digest: Digest = new Digest();
  /** The whole request is there. */
  requestEnded: boolean = true;
  private readonly habit: Habit;
  private readonly random: Random;
  private text: string = "";
  private plan: Plan | null = null;
  private content: Content | null = null;
  private body: BodyReader | null = null;
  private bodyBytes: number = 0;
  /** What came behind the request. */
  private held: Buffer[] = [];
  private begun: boolean = false;
  /** The answer is out, and the connection may be used again. */
  private answered: boolean = false;
  private tunnel: boolean = false;
  /** The last answer was one short write, in the proxy's receive buffer at once; of a longer one a reset would take away what waits here. */
  private mayReset: boolean = false;

  constructor(socket: Socket, wire: TlsWire | null, habit: Habit, tally: Tally) {
    this.socket = socket;
    this.wire = wire;
    this.habit = habit;
    this.tally = tally;
    this.random = new Random((wire?.tcp ?? socket).remotePort ?? 0);
    if (wire !== null && this.random.chance(CUT_SHARE)) wire.cut = (bytes) => pieces(bytes, this.random);
    tally.opened();
    socket.on("error", () => {});
    socket.on("close", () => {
      tally.closed();
      if (this.held.length > 0 && habit === "plain")
        tally.violation(`bytes behind the request ${this.plan?.kind ?? ""}/${this.plan?.seed ?? ""}`);
    });
    socket.on("end", () => {
      if (!this.tunnel) end(socket);
    });
    socket.on("data", (bytes: Buffer) => {
      if (!this.tunnel) this.read(bytes);
    });
  }

  private read(bytes: Buffer): void {
    if (this.body !== null) return this.readBody(bytes);
    if (this.plan !== null) {
      // The proxy may have the whole answer before this side has heard that it was written.
      this.held.push(bytes);
      return;
    }
    this.text += bytes.toString("latin1");
    const end = this.text.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = this.text.slice(0, end);
    const rest = bytes.subarray(bytes.length - (this.text.length - end - 4));
    this.text = "";
    this.readHead(head, rest);
  }

  private readHead(head: string, rest: Buffer): void {
    const lines = head.split("\r\n");
    const fields = new Map<string, string>();
    for (const line of lines.slice(1)) {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon).toLowerCase();
      if (!HEAD_LINE.test(line) || fields.has(name)) this.tally.violation(`a malformed or repeated field line reached the origin: ${line}`);
      fields.set(name, line.slice(colon + 2));
    }
    const [kind = "", seedText] = (fields.get("x-fault") ?? "").split("/");
    const seed = Number(seedText);
    if (kind === "tunnel") {
      this.tunnel = true;
      this.tally.requests++;
      serveTunnel(this.socket, this.tally, tunnelPlanOf(seed), fields.get("sec-websocket-key") ?? "", rest);
      return;
    }
    const plan = planOf(kind, seed);
    if (plan === null) return this.refuse(`a request that no client planned: ${head}`);
    const startLine = `${plan.method} ${pathOf(plan)} HTTP/1.1`;
    if (plan.client.do !== "hostile" && lines[0] !== startLine) return this.refuse(`${lines[0] ?? ""} instead of ${startLine}`);
    if (
      fields.get("host") !== "soak.test" ||
      fields.get("x-forwarded-for") !== "127.0.0.1" ||
      !/1\.[01] millrace$/.test(fields.get("via") ?? "")
    )
      this.tally.violation(`fields of ${plan.kind}/${seed} are wrong: ${head}`);
    this.tally.requests++;
    this.begin(plan, fields, rest);
  }

  private begin(plan: Plan, fields: ReadonlyMap<string, string>, rest: Buffer): void {
    this.plan = plan;
    this.begun = false;
    this.answered = false;
    this.digest = new Digest();
    this.bodyBytes = 0;
    // RFC 9110 section 9.2.2: what is not idempotent is not sent twice.
    const first = this.tally.firstTime(plan.seed);
    if (!first && plan.method === "POST") this.tally.violation(`${plan.kind}/${plan.seed} was sent twice`);
    const length = fields.get("content-length");
    const coding = fields.get("transfer-encoding");
    if (plan.client.do !== "hostile" && (plan.upload?.framing === "length" ? String(plan.upload.bytes) : undefined) !== length)
      this.tally.violation(`Content-Length of ${plan.kind}/${plan.seed} is ${length ?? "missing"}`);
    this.requestEnded = coding === undefined && (length === undefined || length === "0");
    this.content = plan.upload === null ? null : new Content(plan.seed, "request", plan.upload.bytes);
    if (!this.requestEnded) this.body = new BodyReader(coding === undefined ? Number(length) : "chunked");
    if (this.startsAtHead(plan, first)) this.act(plan, first);
    else if (fields.has("expect")) this.socket.write("HTTP/1.1 100 Continue\r\n\r\n");
    if (this.body === null) {
      if (rest.length > 0) this.held.push(rest);
      this.ended(plan, first);
    } else if (rest.length > 0) this.readBody(rest);
  }

  private readBody(bytes: Buffer): void {
    const { body, plan } = this;
    if (body === null || plan === null) return;
    const used = body.read(bytes, (piece) => {
      if (this.content?.holds(this.bodyBytes, piece) === false)
        this.tally.violation(`foreign bytes in the upload of ${plan.kind}/${plan.seed}`);
      this.bodyBytes += piece.length;
      this.digest.add(piece);
    });
    if (used === "malformed") return this.refuse(`the upload of ${plan.kind}/${plan.seed} is malformed`);
    if (!body.ended) return;
    if (used < bytes.length) this.held.push(bytes.subarray(used));
    this.body = null;
    this.requestEnded = true;
    this.ended(plan, false);
  }

  /** The whole request is there. */
  private ended(plan: Plan, first: boolean): void {
    const sent = plan.upload?.bytes ?? 0;
    if (plan.client.do === "hostile") return this.refuse(`the hostile request "${plan.client.hostile.name}" came through`);
    if (this.bodyBytes !== sent)
      this.tally.violation(`the upload of ${plan.kind}/${plan.seed} ended with ${this.bodyBytes} of ${sent} bytes`);
    this.act(plan, first);
  }

  private startsAtHead(plan: Plan, first: boolean): boolean {
    const { deed } = plan;
    if (plan.upload === null) return false;
    if (deed.do === "early" || deed.do === "slow-read" || (deed.do === "end-before-head" && deed.atHead)) return true;
    return (deed.do === "stall" && deed.where === "upload") || (deed.do === "flaky" && first);
  }

  private act(plan: Plan, first: boolean): void {
    if (!this.begun) {
      this.begun = true;
      void act(this, plan, first).then((goesOn) => {
        this.answered = goesOn;
        this.goOn();
      });
    } else this.goOn();
  }

  /** Once the request is there and its answer is out the connection can be used again. */
  private goOn(): void {
    if (!this.answered || !this.requestEnded || this.socket.destroyed) return;
    this.mayReset = this.plan !== null && !hasBody(this.plan);
    this.plan = null;
    const held = this.held.splice(0);
    for (const bytes of held) this.read(bytes);
    if (held.length > 0) return;
    if (this.habit !== "plain" && this.random.chance(0.5)) setTimeout(() => this.disturb(), this.random.below(30));
  }

  /** Does to an idle connection what its habit is. */
  private disturb(): void {
    const { socket } = this;
    if (this.plan !== null || this.text !== "" || socket.destroyed || socket.writableEnded) return;
    if (this.habit === "late") socket.write("stray bytes\r\n\r\n");
    else if (this.random.chance(0.5)) end(socket);
    // In order means closed here: a request that is on its way is answered by a reset.
    else endBy(socket, this.mayReset ? "rst" : "fin");
  }

  private refuse(text: string): void {
    this.tally.violation(text);
    this.socket.destroy();
  }
}

/** Records cut anywhere. */
function pieces(bytes: Buffer, random: Random): Buffer[] {
  const cuts = Array.from({ length: random.between(1, PIECES_MAX - 1) }, () => random.below(bytes.length)).toSorted((a, b) => a - b);
  return [0, ...cuts].map((from, index) => bytes.subarray(from, cuts[index] ?? bytes.length)).filter(({ length }) => length > 0);
}
