/** What logins at an identity provider stand on in a thread (src/oidc). */
import { WeakValues } from "../../base/weak-values.ts";
import { BucketTable } from "../../shared/bucket-table.ts";
import type { OutsideAnswer, OutsideRequest } from "../../shared/outside-request.ts";

export interface LoginPorts {
  /** Asks the provider. Rejects when `signal` is aborted. */
  readonly ask: (request: OutsideRequest, signal: AbortSignal | null) => Promise<OutsideAnswer>;
  /** What all threads remember of sessions: a table of their own, because its times are milliseconds since 1970 (oidc/session/shared-session-state.ts). */
  readonly table: BucketTable;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  /** Calls `then` once after that many milliseconds, until the returned function is called. */
  readonly after: (ms: number, then: () => void) => () => void;
  /** The logins of this thread. Routes with the same one share it, and one that a reload keeps goes on. */
  readonly known: WeakValues<object>;
  /** The stores from which the thread learns of logouts: for all its logins, and for later ones. */
  readonly followed: WeakSet<object>;
}

/** Where nobody can be asked. @param problem says why */
export function noLogins(problem: string): LoginPorts {
  return {
    ask: () => Promise.resolve({ problem }),
    table: new BucketTable(BucketTable.create(0, 0, 8)),
    epochMs: () => 0,
    after: () => () => {},
    known: new WeakValues(),
    followed: new WeakSet(),
  };
}
