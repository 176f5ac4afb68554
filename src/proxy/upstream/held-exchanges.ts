/**
 * The exchanges of a thread that wait for an endpoint of one upstream to come up (`hold` of a route). Outlives reloads, as the upstream does.
 *
 * Ten times a second the exchange that has waited longest tries. When it gets its response, two more try, and two more after each of those: an
 * endpoint that has only just come up gets the whole queue within moments, but not all at once. An established connection alone is no proof that
 * the endpoint is up: a container runtime accepts connections to a published port before the program in the container listens, and resets them.
 */
import { Timed } from "../../base/deadlines.ts";
import type { Deadlines } from "../../base/deadlines.ts";

/** The most exchanges that wait for one upstream, over all threads. */
export const HELD_MAX = 1000;

const PULSE_MS = 100;
const FOLLOWERS = 2;

/** What an exchange in the queue offers. */
export interface Held {
  /** Whether an endpoint could be chosen now. */
  readonly canTry: boolean;
  /** Leaves the queue and tries again. */
  tryAgain(): void;
}

/** The part of a thread that is needed here. */
interface Clock {
  readonly now: number;
  readonly deadlines: Deadlines;
}

export class HeldExchanges extends Timed {
  /** In the order in which they came. */
  private readonly queue: Set<Held> = new Set();
  private clock: Clock | null = null;
  /** How many may try at the next tick because others have got their response. */
  private followers: number = 0;

  add(held: Held, clock: Clock): void {
    this.queue.add(held);
    if (this.clock === null) this.pulseAfter(clock);
  }

  remove(held: Held): void {
    this.queue.delete(held);
    if (this.queue.size > 0) return;
    this.clock?.deadlines.remove(this);
    this.clock = null;
    this.followers = 0;
  }

  /** An exchange that was held gets its response: others follow, at a tick of the clock and not within an event of that exchange. */
  endpointIsUp(): void {
    if (this.queue.size === 0) return;
    this.followers += FOLLOWERS;
    if (this.clock !== null) this.pulseAfter(this.clock);
  }

  onDeadline(): void {
    const { clock } = this;
    this.clock = null;
    const count = Math.max(1, this.followers);
    this.followers = 0;
    this.release(count);
    if (clock !== null && this.queue.size > 0 && this.clock === null) this.pulseAfter(clock);
  }

  private pulseAfter(clock: Clock): void {
    this.clock = clock;
    clock.deadlines.set(this, this.followers > 0 ? clock.now : clock.now + PULSE_MS);
  }

  private release(count: number): void {
    let left = count;
    for (const held of this.queue) {
      if (left === 0 || !held.canTry) return;
      left--;
      this.queue.delete(held);
      held.tryAgain();
    }
  }
}
