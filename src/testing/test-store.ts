/** A store of `stores` in memory, which several proxies of a test can share, and which fails as the test says. */
import { ScriptedCount } from "../stores/count-like-the-script.ts";
import { NOTICES_MAX } from "../stores/notices.ts";
import { StoreFault } from "../stores/store-connection.ts";
import type { StoreClock, StoreCommand, StoreConnection, StoreConnector } from "../stores/store-connection.ts";

/**
 * How a store answers: as it should; after so many milliseconds; never; that it is full; with something else than it was asked for; or it cannot be reached.
 */
export type TestStoreMood = "fine" | number | "silent" | "full" | "wrong" | "gone";

/** A store of the configuration's `stores`, for one test proxy or for several that count together. */
export class TestStore {
  /** How it answers from now on. Connections that are open are lost when it becomes `gone`. */
  get mood(): TestStoreMood {
    return this.now;
  }
  set mood(mood: TestStoreMood) {
    this.now = mood;
    if (mood === "gone") for (const lose of this.open.values()) lose();
  }
  private now: TestStoreMood = "fine";
  private readonly counts: ScriptedCount = new ScriptedCount();
  private readonly open: Map<StoreConnection, () => void> = new Map();
  private readonly notices: { readonly topic: string; readonly number: string; readonly text: string }[] = [];
  private count: number = 0;

  /** How many questions have come. */
  get questions(): number {
    return this.count;
  }

  /** The names of the keys that it holds. */
  get names(): readonly string[] {
    return this.counts.names;
  }

  /** What was told by it, oldest first. */
  get told(): readonly string[] {
    return this.notices.map(({ text }) => text);
  }

  /** Tells something by it, in the place of another machine. */
  tell(topic: string, text: string): void {
    this.notices.push({ topic, number: `1-${this.notices.length}`, text });
  }

  /** How many connections are open. */
  get connections(): number {
    return this.open.size;
  }

  /** @internal */
  connector(clock: StoreClock): StoreConnector {
    return { connect: (lost) => this.connect(clock, lost) };
  }

  private connect(clock: StoreClock, lost: (why: string) => void): Promise<StoreConnection> {
    if (this.now === "gone") return Promise.reject(new StoreFault("it cannot be reached (ECONNREFUSED)"));
    if (this.now === "silent") {
      const { promise, reject } = Promise.withResolvers<StoreConnection>();
      clock.after(2000, () => reject(new StoreFault("there was no connection within 1000 ms")));
      return promise;
    }
    const waiting = new Set<(error: StoreFault) => void>();
    const connection: StoreConnection = {
      send: (command) =>
        new Promise((resolve, reject) => {
          waiting.add(reject);
          const settle = (end: () => void): void => {
            waiting.delete(reject);
            end();
          };
          this.answer(
            clock,
            command,
            (reply) => settle(() => resolve(reply)),
            (fault) => settle(() => reject(fault)),
          );
        }),
      append: (topic, text) =>
        this.noticing(() => {
          this.notices.push({ topic, number: `${clock.now() | 0}-${this.notices.length}`, text });
          return "";
        }),
      readNotices: (topic, after) => this.noticing(() => this.noticesAfter(topic, after)),
      machineOf: () => "",
      close: () => {
        this.open.delete(connection);
        for (const reject of waiting) reject(new StoreFault("the connection was closed"));
        waiting.clear();
      },
      end: async () => connection.close(),
    };
    this.open.set(connection, () => {
      connection.close();
      lost("the connection was lost");
    });
    return Promise.resolve(connection);
  }

  private noticing(then: () => unknown): Promise<unknown> {
    if (this.now === "silent") return new Promise(() => {});
    return this.now === "fine" ? Promise.resolve(then()) : Promise.reject(new StoreFault("it cannot be reached"));
  }

  private noticesAfter(topic: string, after: string): unknown {
    const own = this.notices.filter((notice) => notice.topic === topic);
    const at = own.findIndex(({ number }) => number === after);
    return own.filter(({ number }, index) => (at < 0 ? Number.parseInt(number, 10) >= Number(after) : index > at)).slice(0, NOTICES_MAX);
  }

  private answer(clock: StoreClock, command: StoreCommand, resolve: (reply: unknown) => void, reject: (fault: StoreFault) => void): void {
    this.count++;
    switch (this.now) {
      case "fine":
        if (this.notices.some(({ topic }) => topic === command.name))
          return reject(new StoreFault("a key holds something else (WRONGTYPE)", { isOfKey: true }));
        return resolve(this.counts.run(command, clock.now()));
      case "silent":
      case "gone":
        return;
      case "full":
        return reject(new StoreFault("it is full (OOM)", { isPassing: true }));
      case "wrong":
        return resolve(["OK", command.name]);
      default:
        clock.after(this.now, () => resolve(this.counts.run(command, clock.now())));
    }
  }
}
