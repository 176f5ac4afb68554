/** How a start, an opening of the listeners and a reload end. */
import type { OpenedListener } from "./listeners.ts";

/** Why something was given up. */
type GivenUp =
  /** The abort signal came first, the process ends, or nothing was left to do. */
  | { readonly kind: "stopped" }
  /** `lines`: the reasons, for the person who started the process. */
  | { readonly kind: "failed"; readonly lines: readonly string[] };

export type StartOutcome = { readonly kind: "started" } | GivenUp;

export type OpenOutcome =
  /** Listeners with their real ports, in the configuration's order, and the admin address. */
  { readonly kind: "open"; readonly listeners: readonly OpenedListener[]; readonly adminUrl: string | null } | GivenUp;

export type ReloadOutcome =
  | {
      readonly kind: "reloaded";
      readonly opened: readonly OpenedListener[];
      /** Addresses of the removed listeners, as the previous configuration wrote them. */
      readonly closed: readonly string[];
      /** URL of the new admin address. Null: it has not changed, or there is none any more. */
      readonly adminUrl: string | null;
      /** URL of the previous admin address. Null: it has not changed, or there was none. */
      readonly adminClosed: string | null;
    }
  /** The old configuration is still in use; `lines` says why. */
  | { readonly kind: "refused"; readonly lines: readonly string[] };
