/** The stores of a test's proxy: each a {@link TestStore}, asked by the proxy's own clock. */
import { StoreStates } from "../control/stores/store-states.ts";
import type { MemoryNetwork } from "../net/transport/memory/memory-network.ts";
import type { AppLog } from "../observe/app-log.ts";
import type { StoreClock } from "../stores/store-connection.ts";
import { ThreadStores } from "../stores/thread-stores.ts";
import { TestStore } from "./test-store.ts";

export class TestStores {
  readonly ofThread: ThreadStores;
  readonly states: StoreStates;

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

  /** The configuration in use has these stores. */
  use(stores: Parameters<ThreadStores["use"]>[0]): void {
    this.ofThread.use(stores);
    this.states.keep(stores);
  }
}
