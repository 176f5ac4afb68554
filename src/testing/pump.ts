/**
 * Lets a memory network run inside a program: events are delivered by turns of Node's own event loop, so that promises of the test and of
 * its upstreams come in between, while the network's clock stands still until `advance` is called.
 */
import type { MemoryNetwork } from "../net/transport/memory/memory-network.ts";

/** Turns of the event loop without an event after which nothing is expected any more: promises may need one to lead to the next event. */
const QUIET_TURNS = 3;

export class Pump {
  private readonly network: MemoryNetwork;
  private isScheduled: boolean = false;
  private isStopped: boolean = false;

  constructor(network: MemoryNetwork) {
    this.network = network;
    network.onReady = () => this.schedule();
  }

  /** Lets `ms` milliseconds pass, with all that happens in them. */
  async advance(ms: number): Promise<void> {
    const { clock } = this.network;
    const until = clock.nowMs + ms;
    await this.quiet();
    while (clock.step(until)) {
      // The ticks of the proxy itself, forty a second, settle no promise.
      if (!clock.wasTick || this.network.hasEvents) await this.quiet();
    }
  }

  /** Resolves when nothing is left to happen before time passes. */
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
