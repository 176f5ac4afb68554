/** The catalogue: every kind of exchange, how often it is drawn, and how its plan is made. */
import { CLIENT_KINDS } from "./client-kinds.ts";
import { ORDINARY_KINDS } from "./ordinary-kinds.ts";
import { ORIGIN_KINDS } from "./origin-kinds.ts";
import type { Plan } from "./plan.ts";
import { Random } from "./random.ts";
import { TLS_KINDS } from "./tls-kinds.ts";

/** What a kind says of itself; the rest is {@link ORDINARY}. */
export type PlanParts = Partial<Omit<Plan, "kind" | "seed" | "answer">> & { readonly answer?: Partial<Plan["answer"]> };

export interface Kind {
  /** Share among all kinds. */
  readonly weight: number;
  plan(random: Random): PlanParts;
}

export type Kinds = Readonly<Record<string, Kind>>;

const KINDS: Kinds = { ...ORDINARY_KINDS, ...ORIGIN_KINDS, ...CLIENT_KINDS, ...TLS_KINDS };

const ORDINARY: Omit<Plan, "kind" | "seed"> = {
  route: "main",
  method: "GET",
  minor: 1,
  upload: null,
  answer: { status: 200, bytes: 0, framing: "length", minor: 1, trailers: false, delayMs: 0 },
  deed: { do: "answer" },
  client: { do: "plain" },
  outcomes: ["200"],
};

export function planOf(kind: string, seed: number): Plan | null {
  const found = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (found === undefined) return null;
  const parts = found.plan(new Random(seed));
  return { ...ORDINARY, ...parts, kind, seed, answer: { ...ORDINARY.answer, ...parts.answer } };
}

/** Draws kinds by their weights. */
export class KindDraw {
  private readonly names: readonly string[];
  private readonly bounds: readonly number[];

  /** @param only draws this kind alone */
  constructor(only?: string) {
    this.names = only === undefined ? Object.keys(KINDS) : Object.keys(KINDS).filter((name) => name === only);
    if (this.names.length === 0) throw new Error(`no kind is called ${only ?? ""}; there are ${Object.keys(KINDS).join(", ")}`);
    let sum = 0;
    this.bounds = this.names.map((name) => (sum += KINDS[name]?.weight ?? 0));
  }

  draw(random: Random): string {
    const at = random.next() * (this.bounds.at(-1) ?? 0);
    return this.names[this.bounds.findIndex((bound) => at < bound)] ?? "";
  }
}
