/** A host for tests of middleware without a thread. */
import type { MiddlewareHost } from "./context-parts.ts";

export interface FakeHost {
  readonly host: MiddlewareHost;
  readonly reports: Parameters<MiddlewareHost["report"]>[];
  readonly counted: Parameters<MiddlewareHost["count"]>[];
  /** The names of the middleware whose code began to run, and "-" for each end. */
  readonly ran: string[];
  /** The name of the middleware that is running; "": none. */
  readonly running: () => string;
}

export function fakeHost(): FakeHost {
  const [reports, counted, ran]: [FakeHost["reports"], FakeHost["counted"], string[]] = [[], [], []];
  const names: string[] = [""];
  let running = 0;
  const host: MiddlewareHost = {
    workerIndex: 3,
    running: {
      enter: (id) => {
        const before = running;
        running = id;
        ran.push(names[id] ?? "?");
        return before;
      },
      leave: (before) => {
        running = before;
        ran.push("-");
      },
    },
    idOf: (name) => {
      if (!names.includes(name)) names.push(name);
      return names.indexOf(name);
    },
    now: () => 1000,
    report: (...given) => void reports.push(given),
    count: (...given) => void counted.push(given),
    fetch: async () => Promise.resolve({ head: null, failure: "no_upstream" }),
  };
  return { host, reports, counted, ran, running: () => names[running] ?? "?" };
}
