/** Endpoints with TLS over real sockets, and connections to them that are opened as those of the proxy. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import net from "node:net";
import type { TestContext } from "node:test";
import tls from "node:tls";
import { TestAuthority } from "../../../test/support/certificates.ts";
import { plainConfig } from "../../config/plain.ts";
import { Endpoint } from "../../proxy/upstream/endpoint.ts";
import { endpointSettings } from "../../proxy/upstream/endpoint-settings.ts";
import { NameTable } from "../../shared/name-table.ts";
import { upstreamTls } from "../../shared/upstream-tls.ts";
import type { UpstreamTls } from "../../shared/upstream-tls.ts";
import { dialTls } from "./dial-tls.ts";
import type { TlsAccess } from "./tls-access.ts";
import type { Transport, TransportReader, TransportWriter } from "./transport.ts";

/** Whom the connections trust. */
export const authority: TestAuthority = await TestAuthority.create();

export interface Wishes {
  readonly names?: readonly string[];
  readonly valid?: "now" | "expired";
  readonly settings?: Partial<UpstreamTls>;
  readonly server?: tls.TlsOptions;
}

/** A server that answers each connection with what `serve` does, and an endpoint that leads to it. */
export async function serverFor(t: TestContext, serve: (socket: tls.TLSSocket) => void, wishes: Wishes = {}): Promise<Endpoint> {
  const { chain: cert, key } = await authority.issue(wishes.names ?? ["127.0.0.1", "app.test"], { valid: wishes.valid ?? "now" });
  const server = tls.createServer({ cert, key, ...wishes.server });
  server.on("secureConnection", (socket) => serve(socket.on("error", () => {})));
  return endpointOf(t, server, wishes);
}

/** An endpoint at a server, which begins to listen. */
export async function endpointOf(t: TestContext, server: net.Server, { settings = {} }: Wishes = {}): Promise<Endpoint> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  server.on("connection", (socket: net.Socket) => t.after(() => socket.destroy()));
  t.after(() => server.close());
  const url = `https://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  const [config] = Object.values(plainConfig("127.0.0.1:0", url).upstreams);
  assert.ok(config !== undefined);
  const base = { ...upstreamTls(config.tls, new Map()), ca: authority.certificate, ...settings };
  return new Endpoint("app", url, 0, 0, endpointSettings(config, base));
}

/** One end of a connection, with what it is told. */
export class End implements TransportReader, TransportWriter {
  readBuffer: Buffer = Buffer.alloc(16 * 1024);
  readonly told: string[] = [];
  received: number = 0;
  transport: Transport;
  private readonly events: Map<string, () => void> = new Map();

  /** @param access null: with Node's sockets */
  constructor(endpoint: Endpoint, access: TlsAccess | null, preface: string = "") {
    const { host, port } = endpoint;
    const onConnect = (transport: Transport): void => {
      this.transport = transport;
      this.tell("connected");
    };
    const socket = net.connect({ host, port, allowHalfOpen: true, noDelay: true }).pause();
    this.transport = dialTls(access, { endpoint, names: new NameTable(), reader: this, writer: this, preface, onConnect }, socket);
  }

  /** Resolves when it is told something that begins so. */
  until(what: string): Promise<void> {
    if (this.told.some((each) => each.startsWith(what))) return Promise.resolve();
    return new Promise((resolve) => this.events.set(what, resolve));
  }

  private tell(what: string): void {
    this.told.push(what);
    for (const [wanted, resolve] of this.events) if (what.startsWith(wanted)) resolve();
  }

  onRead(_: Buffer, count: number): void {
    this.received += count;
    this.tell("read");
  }

  onEnd(): void {
    this.tell("end");
  }

  onClosed(code: string | null): void {
    this.tell(`closed ${code ?? "well"}`);
  }

  onWritten(): void {
    this.tell("written");
  }

  onWriteFailed(): void {
    this.tell("write failed");
  }
}
