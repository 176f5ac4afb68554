/**
 * The addresses of endpoints that are configured by name, as one thread knows them. The main thread looks names up (control/names/names.ts) and
 * sends the results to every thread. So a name is looked up once for the whole process, and a connection waits for no name but its own.
 */
import type { ResolvedAddress } from "../base/resolved-address.ts";

/** The result of a look-up: the addresses of a name, or why there are none. */
export interface NameNews {
  readonly name: string;
  readonly result: readonly ResolvedAddress[] | NameErrorCode;
}

/** There is no such name; no name server could answer; none answered in time. The codes are those of Node's errors. */
export type NameErrorCode = "ENOTFOUND" | "EAI_AGAIN" | "ETIMEOUT";

/** The callback of a `lookup` option of node:net and node:http. */
type Callback = (error: NameError | null, address: string | ResolvedAddress[], family?: number) => void;

/** The error with which a look-up fails, like Node's own. */
export class NameError extends Error {
  readonly code: NameErrorCode;

  constructor(name: string, code: NameErrorCode) {
    super(`${name}: ${code}`);
    this.code = code;
  }
}

interface Entry {
  /** The last result; null before the first. */
  result: NameNews["result"] | null;
  /** Callbacks that wait for the first result. */
  waiting: ((result: NameNews["result"]) => void)[];
  /** Counts the look-ups, so that the addresses take turns. */
  turn: number;
}

export class NameTable {
  private readonly entries: Map<string, Entry> = new Map();

  /** Sets which names are in use. The result of a new name will follow by `take`; a look-up of a name that is dropped fails. */
  expect(names: ReadonlySet<string>): void {
    for (const name of names) this.entry(name);
    for (const [name, entry] of this.entries) {
      if (names.has(name)) continue;
      this.entries.delete(name);
      settle(entry, "ENOTFOUND");
    }
  }

  /** Stores a result that the main thread sent, and answers the look-ups that wait for it. */
  take(news: NameNews): void {
    const entry = this.entry(news.name);
    entry.result = news.result;
    settle(entry, news.result);
  }

  /** Whether the first result of a name in use has not come yet. */
  isPending(name: string): boolean {
    return this.entries.get(name)?.result === null;
  }

  /**
   * The `lookup` option for `net.connect` and what is built on it. Calls back at once when there is a result, else when the first one
   * comes.
   */
  readonly lookup = (name: string, options: { readonly all?: boolean | undefined }, callback: Callback): void => {
    const entry = this.entries.get(name);
    if (entry === undefined) return callback(new NameError(name, "ENOTFOUND"), "");
    const answer = (result: NameNews["result"]): void => {
      if (typeof result === "string") return callback(new NameError(name, result), "");
      const addresses = inTurn(result, entry.turn++);
      const [first] = addresses;
      if (first === undefined) callback(new NameError(name, "ENOTFOUND"), "");
      else if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    };
    if (entry.result === null) entry.waiting.push(answer);
    else answer(entry.result);
  };

  private entry(name: string): Entry {
    let entry = this.entries.get(name);
    if (entry === undefined) this.entries.set(name, (entry = { result: null, waiting: [], turn: 0 }));
    return entry;
  }
}

function settle(entry: Entry, result: NameNews["result"]): void {
  for (const answer of entry.waiting.splice(0)) answer(result);
}

/** The addresses in the order in which to try them: IPv6 first (RFC 6724), and each family begins with another address at every turn. */
function inTurn(addresses: readonly ResolvedAddress[], turn: number): ResolvedAddress[] {
  return ([6, 4] as const).flatMap((family) => {
    const those = addresses.filter((each) => each.family === family);
    const from = turn % Math.max(1, those.length);
    return [...those.slice(from), ...those.slice(0, from)];
  });
}
