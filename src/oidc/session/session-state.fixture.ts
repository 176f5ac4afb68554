/** Marks and revocations as the threads of a process share them, for tests. */
import { BucketTable } from "../../shared/bucket-table.ts";
import { SharedMarks, SharedRevocations } from "./shared-session-state.ts";

/** How long revocations are kept. */
export const LIFETIME_MS = 8 * 3_600_000;

export interface SessionState {
  readonly marks: SharedMarks;
  readonly revocations: SharedRevocations;
}

/** What each of two threads has of a new table. */
export function sharedByTwo(entries: number = 1_000): readonly [SessionState, SessionState] {
  const buffer = BucketTable.create(1, 2, entries);
  return [stateIn(buffer, 0), stateIn(buffer, 1)];
}

function stateIn(buffer: SharedArrayBuffer, worker: number): SessionState {
  const table = new BucketTable(buffer);
  return { marks: new SharedMarks(table, worker), revocations: new SharedRevocations(table, worker, LIFETIME_MS) };
}
