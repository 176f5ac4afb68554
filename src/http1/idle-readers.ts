/** Readers that are kept: about as many as a busy thread uses at a time. */
const IDLE_READERS_MAX = 256;

/**
 * A stack of message readers that no connection uses at the moment. Connections that are idle have no reader, so a thread needs few, and
 * these stay in the processor's caches.
 */
export class IdleReaders<Reader> {
  private readonly idle: Reader[] = [];
  private readonly make: () => Reader;

  constructor(make: () => Reader) {
    this.make = make;
  }

  take(): Reader {
    return this.idle.pop() ?? this.make();
  }

  /** @param reader must be between messages and must have forgotten its connection (see `MessageReader.forget`) */
  giveBack(reader: Reader): void {
    if (this.idle.length < IDLE_READERS_MAX) this.idle.push(reader);
  }
}
