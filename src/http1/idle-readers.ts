/** Readers kept for the next messages: as many as are in use at a time on a busy thread. */
const IDLE_READERS_MAX = 256;

/** Readers of messages that no connection needs at the moment. Few are in use at a time, and those stay in the processor's caches. */
export class IdleReaders<Reader> {
  private readonly idle: Reader[] = [];
  private readonly make: () => Reader;

  constructor(make: () => Reader) {
    this.make = make;
  }

  take(): Reader {
    return this.idle.pop() ?? this.make();
  }

  /** One that is between messages and refers to nothing of the connection that it served. */
  giveBack(reader: Reader): void {
    if (this.idle.length < IDLE_READERS_MAX) this.idle.push(reader);
  }
}
