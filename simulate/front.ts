/**
 * How clients come in: who may become a connection of a listener, at once or after a handshake (introductions.ts), by its limits.
 */
import type { Config } from "../src/config/schema/schema.ts";
import type { Admission } from "../src/net/accept/admission.ts";
import type { ListenerContext } from "../src/net/accept/listener-context.ts";
import type { MemoryNetwork } from "../src/net/transport/memory/memory-network.ts";
import { MemoryTransport } from "../src/net/transport/memory/memory-transport.ts";
import type { Transport, TransportReader, TransportWriter } from "../src/net/transport/transport.ts";
import type { SimulatedClient } from "./client.ts";
import { listenerAt } from "./configs.ts";
import { HANDSHAKES_MAX, introductionMs, isRight, mayIntroduce } from "./introductions.ts";
import { REFUSED_MS, RefusedHandshake } from "./refused-handshake.ts";
import { OpenConnections } from "./open-connections.ts";
import type { Pending } from "./open-connections.ts";
import { LISTENERS } from "./plan.ts";

/** How late a deadline may be, because deadlines have the precision of ticks. */
const TICKS_MS = 60;

export class Front {
  private readonly network: MemoryNetwork;
  private readonly transports: Set<Transport>;
  private readonly config: () => Config;
  private readonly fail: (message: string) => void;
  private readonly open: OpenConnections = new OpenConnections();
  /** Clients by the address of their load balancer. */
  private readonly bySender: Map<string, SimulatedClient> = new Map();
  /** Clients whose load balancer has named them, and that were let in. */
  private readonly introduced: Set<SimulatedClient> = new Set();
  /** Whether the limits admit the connection whose handshake is ending. */
  private mayStay: boolean = true;
  private readonly watched: WeakSet<Admission> = new WeakSet();

  /**
   * @param transports gets the transport of each connection
   * @param config gives the configuration in use
   */
  constructor(network: MemoryNetwork, transports: Set<Transport>, config: () => Config, fail: (message: string) => void) {
    this.network = network;
    this.transports = transports;
    this.config = config;
    this.fail = fail;
  }

  /** A client is going to connect through its load balancer. */
  awaits(client: SimulatedClient): void {
    this.bySender.set(client.plan.introduction?.sender ?? "", client);
  }

  /** The connections that are in a handshake, of the listener at `address` or of all (null). */
  handshakes(address: string | null): readonly Pending[] {
    return LISTENERS.filter((each) => address === null || address === each).flatMap((each) => [...this.open.inHandshake(each)]);
  }

  listen(address: string, context: ListenerContext): void {
    this.network.listen(address, (open, peer) => {
      const listener = listenerAt(this.config().listeners, address);
      const mayIntroduceOthers = mayIntroduce(listener, peer);
      const limitMs = introductionMs(listener);
      const mayStay = this.open.begins(address, peer, this.config(), mayIntroduceOthers) && (limitMs === null || mayIntroduceOthers);
      const opened: Transport[] = [];
      const pending: Pending = { sender: peer };
      context.admission.accept((reader, writer) => {
        this.watchEnd(reader, () => {
          this.open.inHandshake(address).delete(pending);
          this.open.ends(address, peer);
        });
        const transport = open(reader, writer) as MemoryTransport;
        if (limitMs !== null && mayStay) this.beginsHandshake(address, pending, limitMs);
        transport.handTo = (next, nextWriter) => this.endsHandshake(address, pending, transport, next, nextWriter);
        this.transports.add(transport);
        opened.push(transport);
        return transport;
      }, peer);
      if (opened.every(({ destroyed }) => destroyed) === mayStay)
        this.fail(`${address} ${mayStay ? "turns away" : "lets in"} ${peer}, against its limits`);
    });
  }

  private watchEnd(reader: TransportReader, ended: () => void): void {
    const onClosed = reader.onClosed.bind(reader);
    reader.onClosed = (code) => {
      ended();
      onClosed(code);
    };
  }

  private isRefused(address: string, sender: string): void {
    const pending = [...this.open.inHandshake(address)].find((each) => each.sender === sender);
    if (pending === undefined) return this.fail(`${sender} is refused, and in no handshake`);
    this.network.clock.after(REFUSED_MS + TICKS_MS, () => {
      if (this.open.inHandshake(address).has(pending)) this.fail(`${sender} is refused, and stays`);
    });
  }

  private beginsHandshake(address: string, pending: Pending, limitMs: number): void {
    const all = this.open.inHandshake(address);
    all.add(pending);
    this.network.clock.after(limitMs + TICKS_MS, () => {
      if (all.has(pending)) this.fail(`the handshake of ${pending.sender} takes more than ${limitMs} ms`);
    });
  }

  /** The header of a connection has come: from now on the connection is that of the client that it names. */
  private endsHandshake(
    address: string,
    pending: Pending,
    transport: MemoryTransport,
    reader: TransportReader,
    writer: TransportWriter,
  ): void {
    const { sender } = pending;
    const client = this.bySender.get(sender);
    if (client?.plan.introduction === null || client === undefined) return this.fail(`${sender} introduces nobody`);
    if (!this.open.inHandshake(address).delete(pending)) this.fail(`the handshake of ${sender} ends twice`);
    if (!isRight(client.plan.introduction)) this.fail(`what ${sender} sends is taken for a header`);
    this.mayStay = this.open.isNamed(address, sender, client.plan.address, this.config());
    if (this.mayStay) this.introduced.add(client);
    this.watchEnd(reader, () => this.open.ends(address, client.plan.address));
    MemoryTransport.prototype.handTo.call(transport, reader, writer);
  }

  /** Watches who becomes a connection after a handshake, and lets only so many be under way. */
  watchHandshakes(address: string, { admission }: ListenerContext): void {
    const { handshake } = admission;
    if (handshake !== null) {
      const begin = handshake.begin.bind(handshake);
      handshake.limitFor = () => (this.open.inHandshake(address).size >= HANDSHAKES_MAX ? "handshakes" : null);
      handshake.begin = (open, peer, events) =>
        this.bySender.get(peer)?.plan.introduction?.kind === "refused" && mayIntroduce(listenerAt(this.config().listeners, address), peer)
          ? new RefusedHandshake(open, events, () => this.isRefused(address, peer))
          : begin(open, peer, events);
    }
    if (this.watched.has(admission)) return;
    this.watched.add(admission);
    const finished = admission.handshakeFinished.bind(admission);
    admission.handshakeFinished = (pending, open, facts) => {
      const opened: Transport[] = [];
      const client = this.bySender.get(pending.peer)?.plan.address ?? "";
      if (facts.peer !== client || facts.client !== client) this.fail(`${pending.peer} introduces ${client}, and not ${facts.client}`);
      finished(
        pending,
        (reader, writer) => {
          const transport = open(reader, writer);
          opened.push(transport);
          return transport;
        },
        facts,
      );
      if (opened.every(({ destroyed }) => destroyed) === this.mayStay)
        this.fail(`${address} ${this.mayStay ? "turns away" : "lets in"} ${client} after its handshake, against its limits`);
    };
  }

  /** Fails if a client that comes through a load balancer is served without a right header. */
  mustBeIntroduced(client: SimulatedClient, what: string): void {
    if (client.plan.introduction !== null && !this.introduced.has(client)) this.fail(`${what} for a client that nobody has introduced`);
  }
}
