/**
 * Load balancers in front of listeners: each connection begins with a PROXY header that names its client, or fails to. The header is the handshake of these
 * listeners, so that connections in one are limited, timed, drained and turned away as those in a TLS handshake are.
 */
import { Buffer } from "node:buffer";
import type { Config } from "../src/config/schema/schema.ts";
import type { Draw } from "./draw.ts";

type Listener = Config["listeners"][number];

/** What comes first on a connection of such a listener. */
export interface Introduction {
  /** The load balancer's address. Each connection has its own, so that it tells whose it is. */
  readonly sender: string;
  readonly kind: "v1" | "v2" | "local" | "unknown" | "none" | "malformed" | "silent" | "cut" | "refused";
}

/** By the variant of the configuration: whose headers are taken. The second one leaves out half of the load balancers. */
const FROM = ["198.18.0.0/15", "198.18.0.0/17", "198.18.0.0/15"] as const;
const LIMIT_MS = [1000, 2500, 700] as const;
/** How many handshakes may be under way at once on one listener. The listener itself has such a limit for TLS alone. */
export const HANDSHAKES_MAX = 3;
const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

/** Further keys of a listener behind load balancers. */
export function introducedListener(variant: number): { readonly keys: string; readonly timeout: string } {
  return { keys: `, proxy_protocol: { from: ["${FROM[variant]}"] }`, timeout: `, proxy_protocol: ${LIMIT_MS[variant]}ms` };
}

/** Whether that address is a load balancer's whose headers the listener takes. */
export function mayIntroduce(listener: Listener | undefined, sender: string): boolean {
  const from = listener?.proxy_protocol?.from;
  const [first, second, third = ""] = sender.split(".");
  return from !== undefined && first === "198" && second === "18" && (Number(third) < 128 || from[0] !== FROM[1]);
}

/** How long the header may take; null: the listener expects none. */
export function introductionMs(listener: Listener | undefined): number | null {
  return listener?.proxy_protocol === undefined ? null : listener.timeouts.proxy_protocol;
}

export function drawIntroduction(draw: Draw, client: number): Introduction {
  const isOther = draw.oneIn(4);
  return {
    sender: `198.18.${(isOther ? 128 : 0) + (client >> 8)}.${client & 255}`,
    kind: draw.oneIn(4) ? draw.pick("local", "unknown", "none", "malformed", "silent", "cut", "refused") : draw.pick("v1", "v2"),
  };
}

/** Whether the header is a right one. */
export function isRight({ kind }: Introduction): boolean {
  return kind === "v1" || kind === "v2" || kind === "local" || kind === "unknown";
}

/** Whether the header says that the load balancer speaks for itself. */
export function namesNobody({ kind }: Introduction): boolean {
  return kind === "local" || kind === "unknown";
}

/** The bytes that come before the first request. @param client the address that they name */
export function introductionBytes({ kind }: Introduction, client: string): Buffer {
  const v1 = Buffer.from(`PROXY TCP4 ${client} 203.0.113.80 47110 80\r\n`, "latin1");
  switch (kind) {
    case "v1":
      return v1;
    case "v2":
      return Buffer.concat([SIGNATURE, Buffer.from([0x21, 0x11, 0, 12, ...octets(client), ...octets("203.0.113.80"), 0xb8, 0x06, 0, 80])]);
    case "local":
      return Buffer.concat([SIGNATURE, Buffer.from([0x20, 0x00, 0, 0])]);
    case "unknown":
      return Buffer.from("PROXY UNKNOWN\r\n", "latin1");
    case "refused":
    case "malformed":
      return Buffer.from(`PROXY TCP4 ${client} 203.0.113.80 0x80 80\r\n`, "latin1");
    case "cut":
      return v1.subarray(0, 20);
    case "none":
    case "silent":
      return Buffer.alloc(0);
  }
}

function octets(address: string): number[] {
  return address.split(".").map(Number);
}
