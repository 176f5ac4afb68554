import type { z } from "zod";
import type { FeatureFacts } from "./feature-facts.ts";
import type { Finding, KeyPath } from "./finding.ts";

/** What is declared of a feature: what the program must know of it without its code. */
export interface FeatureDeclaration {
  readonly facts: FeatureFacts;
  /** Checks the value of its key in a route, fills in defaults, and gives what the feature is compiled from. Each key in it has a description. */
  readonly schema: z.ZodType;
  /** What the key does, for the reference page; what holds where it is absent, too. */
  readonly description: string;
  /**
   * Where secrets stand in its value, as `tokens[]`; absent: it has none. They may be `file:PATH`, and of whatever stands under the key no text is
   * ever shown. The schema knows them as `secret`.
   */
  readonly secrets?: readonly string[];
  /** What other proxies call its keys, by the key here (`""` is the feature's own): words with a space between. They are answered with it. */
  readonly calledElsewhere?: Readonly<Record<string, string>>;
  /** What the schema cannot say: keys that need or exclude each other, and what is probably not meant. Reads the value as the file has it. */
  readonly check?: (value: unknown, path: KeyPath) => readonly Finding[];
}
