/**
 * What one exchange is to be: its request, what the origin does with it, what the client does meanwhile, and every outcome that is right.
 * It follows from the kind's name and a seed, which travel in the field `X-Fault: KIND/SEED`: client and origin make the same plan.
 */
import type { HostileWire } from "./hostile.ts";

/** How a connection is ended: in order, or by a reset. */
export type End = "fin" | "rst";

/** How a connection of TLS breaks off: without close_notify, within a record, by a record that nobody can decrypt, or by a fatal alert. */
export type TlsBreak = "no close_notify" | "half a record" | "forged record" | "alert";

/** Which upstream of the proxy takes it; the first part of the path. Where it is not said otherwise, some of the origins speak TLS. */
export type RouteName =
  /** Origins that never end an idle connection unannounced. */
  | "main"
  /** The same, and all of them speak TLS. */
  | "secure"
  /** Origins that speak TLS, but not with everybody. */
  | "shy"
  /** An origin that ends idle connections whenever it likes. */
  | "restless"
  /** An origin that sends bytes nobody asked for on idle connections. */
  | "late"
  /** Nobody listens there. */
  | "refused";

export interface Upload {
  readonly bytes: number;
  readonly framing: "length" | "chunked";
  /** Written at once with the head, or piece by piece. */
  readonly pieces: number;
}

export interface Answer {
  readonly status: number;
  readonly bytes: number;
  readonly framing: "length" | "chunked" | "close";
  /** The origin's own version. */
  readonly minor: 0 | 1;
  readonly trailers: boolean;
  /** Wait before the head. */
  readonly delayMs: number;
}

/** What the origin does. */
export type Deed =
  | { readonly do: "answer" }
  /** Ends the connection the first time it sees this request, answers the second time. */
  | { readonly do: "flaky"; readonly how: End }
  | { readonly do: "end-before-head"; readonly how: End; readonly atHead: boolean }
  | { readonly do: "end-in-head"; readonly how: End; readonly share: number }
  | { readonly do: "end-in-body"; readonly how: End; readonly at: number }
  /** TLS alone: breaks off within the body. */
  | { readonly do: "break"; readonly how: TlsBreak; readonly at: number }
  | { readonly do: "garbage"; readonly wire: string; readonly how: End | "stay" }
  | { readonly do: "endless-head" }
  | { readonly do: "interims"; readonly statuses: readonly number[] }
  | { readonly do: "excess"; readonly bytes: number }
  /** Answers before the upload is there. */
  | { readonly do: "early"; readonly after: End | "read-on" }
  | { readonly do: "drip-head" }
  /** Takes the upload in pauses. */
  | { readonly do: "slow-read" }
  | { readonly do: "stall"; readonly where: "head" | "in-head" | "body" | "upload" };

/** What the client does. */
export type ClientDeed =
  | { readonly do: "plain" }
  /** `share`: how much of the head, the upload or the response has passed by then. */
  | { readonly do: "leave"; readonly phase: "head" | "upload" | "waiting" | "response"; readonly how: End; readonly share: number }
  | { readonly do: "half-close" }
  | { readonly do: "expect" }
  | { readonly do: "drip-head" }
  | { readonly do: "slow-read" }
  | { readonly do: "never-read" }
  | { readonly do: "stall"; readonly where: "head" | "body" }
  | { readonly do: "hostile"; readonly hostile: HostileWire };

/**
 * How an exchange ended for the client. `200`: the origin's answer, whole. `own 502`: the proxy's answer. `cut`: it ended visibly
 * incomplete. `closed`: the connection ended without a byte of an answer. `left`: the client went away itself.
 */
export type Outcome = `${number}` | `own ${number}` | "cut" | "closed" | "left";

export interface Plan {
  readonly kind: string;
  readonly seed: number;
  readonly route: RouteName;
  readonly method: "GET" | "HEAD" | "POST" | "PUT";
  readonly minor: 0 | 1;
  readonly upload: Upload | null;
  readonly answer: Answer;
  readonly deed: Deed;
  readonly client: ClientDeed;
  readonly outcomes: readonly Outcome[];
}

export function pathOf(plan: Plan): string {
  return `/${plan.route}/${plan.seed}`;
}

/** The request head as the client sends it. */
export function requestHead(plan: Plan): string {
  const { upload, client } = plan;
  const framing =
    upload === null ? "" : upload.framing === "length" ? `Content-Length: ${upload.bytes}\r\n` : "Transfer-Encoding: chunked\r\n";
  return (
    `${plan.method} ${pathOf(plan)} HTTP/1.${plan.minor}\r\nHost: soak.test\r\nX-Fault: ${plan.kind}/${plan.seed}\r\n${framing}` +
    `${client.do === "expect" ? "Expect: 100-continue\r\n" : ""}\r\n`
  );
}

/** Whether the response has a body; its size is then `answer.bytes`. */
export function hasBody(plan: Plan): boolean {
  return plan.method !== "HEAD" && plan.answer.status !== 204 && plan.answer.status !== 304;
}
