/** What one WebSocket tunnel is to be; follows from its seed, as an exchange's plan does. */
import { createHash } from "node:crypto";
import { bodyBytes } from "./ordinary-kinds.ts";
import { Random } from "./random.ts";

/**
 * `client-fin`, `client-rst`: the origin echoes, the client ends it. `origin-rst`: the origin echoes for a while. `origin-fin`: the origin
 * says something of its own and half-closes right behind it, and gets what the client says after that. `refused`: no tunnel.
 */
export type TunnelMode = "client-fin" | "client-rst" | "origin-fin" | "origin-rst" | "refused";

export interface TunnelPlan {
  readonly seed: number;
  readonly mode: TunnelMode;
  readonly clientBytes: number;
  readonly originBytes: number;
  /** Who resets does it after so many bytes from the client. */
  readonly cutAt: number;
  /** The client sends its first bytes with the request, before the 101. */
  readonly eager: boolean;
  readonly pieces: number;
  /** The path of its request. */
  readonly path: string;
}

export function tunnelPlanOf(seed: number): TunnelPlan {
  const random = new Random(seed);
  const clientBytes = bodyBytes(random);
  const mode = random.pick(["client-fin", "client-fin", "client-rst", "origin-fin", "origin-fin", "origin-rst", "refused"] as const);
  return {
    seed,
    mode,
    clientBytes,
    originBytes: bodyBytes(random),
    cutAt: random.below(clientBytes + 1),
    // Behind a refused upgrade they would be the next request.
    eager: mode !== "refused" && random.chance(0.2),
    pieces: random.between(1, 8),
    path: `/main/tunnel/${seed}`,
  };
}

/** RFC 6455 section 4.2.2. */
export function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}
