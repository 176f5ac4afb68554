/**
 * Runs a memory network inside a normal program. The network's events are delivered in turns of Node's own event loop, so that promises of
 * the test and of its upstreams run in between. The network's clock stands still until `advance` is called.
 */
import type { MemoryNetwork } from "../net/transport/memory/memory-network.ts";

/** Turns of the event loop without an event after which the network is quiet. Promises can need a few turns to cause the next event. */
const QUIET_TURNS = 3;

export class Pump {
  private readonly network: MemoryNetwork;
  private isScheduled: boolean = false;
  private isStopped: boolean = false;

  constructor(network: MemoryNetwork) {
    this.network = network;
    network.onReady = () => this.schedule();
  }

  /** Lets `ms` milliseconds of the network's time pass. Resolves when everything that happens in them has happened. */
  async advance(ms: number): Promise<void> {
    const { clock } = this.network;
    const until = clock.nowMs + ms;
    await this.quiet();
    while (clock.step(until)) {
      // The proxy's own ticks, forty a second, settle no promise, so no turn of the event loop is needed after them.
      if (!clock.wasTick || this.network.hasEvents) await this.quiet();
    }
  }

  /** Resolves when nothing more happens without the clock moving. */
  async quiet(): Promise<void> {
    for (let turns = 0; turns < QUIET_TURNS; turns++) {
      while (this.network.step()) turns = 0;
      await new Promise(setImmediate);
    }
  }

  stop(): void {
    this.isStopped = true;
  }

  private schedule(): void {
    if (this.isScheduled || this.isStopped) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      this.network.settle();
    });
  }
}
