/** The stores of a test's proxy: each a {@link TestStore}, asked by the proxy's own clock. */
import { storesOf } from "../base/stores-of.ts";
import type { StoreConfig } from "../config/schema/stores-schema.ts";
import { ResponseMemories } from "../control/stores/response-memories.ts";
import { StoreStates } from "../control/stores/store-states.ts";
import type { MemoryNetwork } from "../net/transport/memory/memory-network.ts";
import type { AppLog } from "../observe/app-log.ts";
import { ThreadResponseStores } from "../response-stores/thread-response-stores.ts";
import type { StoreClock } from "../stores/store-connection.ts";
import { ThreadStores } from "../stores/thread-stores.ts";
import { TestStore } from "./test-store.ts";

export class TestStores {
  readonly ofThread: ThreadStores;
  readonly states: StoreStates;
  /** Those of responses, over memory as the proxy has it. */
  readonly responses: ThreadResponseStores = new ThreadResponseStores(0);
  readonly memories: ResponseMemories = new ResponseMemories({ seats: 1, tell: (all) => this.responses.take(all) });

  /** @param given those that the test has made. Any other is the proxy's alone. */
  constructor({ clock, platform }: MemoryNetwork, log: AppLog, given: Readonly<Record<string, TestStore>>) {
    const ofProxy: StoreClock = {
      now: () => clock.nowMs,
      after: (ms, then) => clock.after(ms, then),
      atTurnEnd: (then) => platform.atTurnEnd(then),
    };
    this.states = new StoreStates({ log, now: platform.epochMs });
    this.ofThread = new ThreadStores({
      clock: ofProxy,
      connectorFor: (_config, name) => (given[name] ?? new TestStore()).connector(ofProxy),
      tell: (news) => this.states.take(0, news),
    });
  }

  /** The configuration in use has these stores. Throws an Error where there is no memory for them. */
  use(stores: Readonly<Record<string, StoreConfig>>): void {
    const [problem] = this.memories.prepare(stores);
    if (problem !== undefined) throw new Error(problem);
    this.memories.keep(stores);
    this.responses.use(stores);
    const outside = storesOf(stores, "redis");
    this.ofThread.use(outside);
    this.states.keep(outside);
  }
}
