/**
 * Counts the handshakes of a listener that are under way in a thread. One client may have a share of them only: else it could keep all others out with a few
 * thousand connections on which it says nothing, because each of these has ten seconds.
 */
import { clientKey } from "../../base/client-key.ts";
import type { HandshakeLimit } from "../accept/handshake.ts";

/** The part of all that one client may have. */
const SHARE = 1 / 4;
/** This many one client may always have: browsers open a few connections at once, and several people may share an address. */
const SHARE_MIN = 16;

export class HandshakeCount {
  /** Of all clients. */
  all: number = 0;
  private readonly ofClients: Map<string, number> = new Map();
  private readonly most: number;
  private readonly mostOfClient: number;

  /** @param most how many may be under way at once */
  constructor(most: number) {
    this.most = most;
    this.mostOfClient = Math.max(SHARE_MIN, Math.ceil(most * SHARE));
  }

  /** The limit because of which no further one may begin; null: one may. @param client its address; null: it speaks for many */
  limitFor(client: string | null): HandshakeLimit | null {
    if (this.all >= this.most) return "handshakes";
    return client !== null && this.of(clientKey(client)) >= this.mostOfClient ? "handshakes_per_client" : null;
  }

  begin(client: string): void {
    const key = clientKey(client);
    this.all++;
    this.ofClients.set(key, this.of(key) + 1);
  }

  end(client: string): void {
    const key = clientKey(client);
    const left = this.of(key) - 1;
    this.all--;
    if (left > 0) this.ofClients.set(key, left);
    else this.ofClients.delete(key);
  }

  private of(key: string): number {
    return this.ofClients.get(key) ?? 0;
  }
}
