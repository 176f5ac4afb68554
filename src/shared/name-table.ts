/**
 * What a thread knows about the names of endpoints. The main thread looks names up (control/names.ts) and tells every thread what
 * came of it, so that a name is looked up once for the process and connecting never waits for anything but its own name.
 */
import type { ResolvedAddress } from "../base/resolved-address.ts";

/** What became of a name: where it leads, or why that is not known. Codes are those of Node's own errors. */
export interface NameNews {
  readonly name: string;
  readonly result: readonly ResolvedAddress[] | NameErrorCode;
}

/** No such name; no server could tell; no server answered in time. */
export type NameErrorCode = "ENOTFOUND" | "EAI_AGAIN" | "ETIMEOUT";

/** As node:net and node:http call back. */
type Callback = (error: NameError | null, address: string | ResolvedAddress[], family?: number) => void;

export class NameError extends Error {
  readonly code: NameErrorCode;

  constructor(name: string, code: NameErrorCode) {
    super(`${name}: ${code}`);
    this.code = code;
  }
}

interface Entry {
  result: NameNews["result"] | null;
  /** Who waits for the first result. */
  waiting: ((result: NameNews["result"]) => void)[];
  /** Counts the connections, so that the addresses take turns. */
  turn: number;
}

export class NameTable {
  private readonly entries: Map<string, Entry> = new Map();

  /** From now on these names are in use and no others. Of a new one the result will follow. */
  expect(names: ReadonlySet<string>): void {
    for (const name of names) this.entry(name);
    for (const [name, entry] of this.entries) {
      if (names.has(name)) continue;
      this.entries.delete(name);
      settle(entry, "ENOTFOUND");
    }
  }

  take(news: NameNews): void {
    const entry = this.entry(news.name);
    entry.result = news.result;
    settle(entry, news.result);
  }

  /** Whether its first result is still awaited. */
  isPending(name: string): boolean {
    return this.entries.get(name)?.result === null;
  }

  /** The `lookup` option of `net.connect` and of all that is built on it. Calls back at once where there is a result. */
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

/** The addresses in the order in which to try them: IPv6 first (RFC 6724), and of each family another one in front each time. */
function inTurn(addresses: readonly ResolvedAddress[], turn: number): ResolvedAddress[] {
  return ([6, 4] as const).flatMap((family) => {
    const those = addresses.filter((each) => each.family === family);
    const from = turn % Math.max(1, those.length);
    return [...those.slice(from), ...those.slice(0, from)];
  });
}
