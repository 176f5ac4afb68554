/** The command line of `npm run bench`. */
import { parseArgs } from "node:util";
import type { Rival } from "./rivals/rival.ts";
import type { Work } from "./workloads/work.ts";

export interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly minutes: number;
  readonly changing: boolean;
  /** Another revision of Millrace to compare with, or null. */
  readonly against: string | null;
  /** Whether to keep processors from sleeping while they have nothing to do. */
  readonly awake: boolean;
  /** Whether proxies, origin and load get real-time priority, so that nothing else on the machine stops them. */
  readonly realtime: boolean;
  readonly chosen: readonly Chosen[];
}

export interface Chosen {
  readonly work: Work;
  readonly rivals: readonly Rival[];
}

export function help(works: readonly Work[]): string {
  const width = Math.max(...works.map(({ name }) => name.length));
  return `npm run bench -- [--work NAME,NAME] [--quick] [--rounds N] [--seconds N] [--minutes N] [--only NAME,NAME]
              [--against REV] [--changing] [--awake] [--realtime]

  --work        of the list below (${works[0]?.name ?? ""}); all: every one
  --rounds N    rounds, each proxy once per round (5)
  --seconds N   length of a measurement (4)
  --minutes N   length of ten-minutes (10)
  --quick       2 rounds of 3 s: under a minute
  --only        proxies of the workload by name, such as "millrace,nginx"
  --against     another revision of Millrace beside this one, and nothing else: which is faster?
  --changing    request fields that differ from request to request (small and features)
  --awake       keep processors from sleeping: otherwise who is slow pays for waking the load generator (takes root)
  --realtime    nothing else of the machine stops proxies, origin and load: for latencies (takes root)

${works.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`).join("\n")}
`;
}

/** The options; a text that says what is wrong with the arguments; or null if the usage was asked for. */
export function readOptions(argv: readonly string[], works: readonly Work[]): Options | string | null {
  const values = parse(argv);
  if (typeof values === "string") return values;
  if (values.help === true) return null;
  const quick = values.quick === true;
  const rounds = Number(values.rounds ?? (quick ? 2 : 5));
  const seconds = Number(values.seconds ?? (quick ? 3 : 4));
  const minutes = Number(values.minutes ?? 10);
  for (const [name, value] of Object.entries({ rounds, seconds, minutes })) {
    if (!Number.isInteger(value) || value < 1) return `--${name} must be a whole number above 0`;
  }
  if (values.only !== undefined && values.against !== undefined)
    return "--against compares Millrace with itself: there is nothing for --only to choose";
  const asked = values.work?.split(",") ?? [works[0]?.name];
  const names = asked.includes("all") ? works.map(({ name }) => name) : [...new Set(asked)];
  const only = values.only?.split(",");
  const unused = new Set(only);
  const chosen: Chosen[] = [];
  for (const name of names) {
    const work = works.find((each) => each.name === name);
    if (work === undefined) return `there is no workload ${JSON.stringify(name)}`;
    const rivals = choose(work, only ?? (quick ? work.quick : undefined), values.against);
    if (typeof rivals === "string") return rivals;
    if (values.changing === true && work.canChange !== true) return `--changing changes nothing in ${name}`;
    for (const each of rivals) unused.delete(each.name);
    if (rivals.length > 0) chosen.push({ work, rivals });
  }
  if (unused.size > 0) {
    const known = new Set(works.flatMap(({ name, rivals }) => (names.includes(name) ? rivals.map((each) => each.name) : [])));
    return `no proxy of ${names.join(", ")} is called ${JSON.stringify([...unused].join(", "))}; there are ${[...known].join(", ")}`;
  }
  return {
    rounds,
    seconds,
    minutes,
    changing: values.changing === true,
    against: values.against ?? null,
    awake: values.awake === true,
    realtime: values.realtime === true,
    chosen,
  };
}

function choose({ name, rivals }: Work, names: readonly string[] | undefined, revision: string | undefined): readonly Rival[] | string {
  if (revision === undefined) return rivals.filter((each) => names === undefined || names.includes(each.name));
  // The configuration that the workload is about. A workload that compares Millrace with itself has the larger configuration last.
  const own = rivals.filter(({ at }) => at !== undefined);
  const one = own.find((each) => each.name === "millrace") ?? own.at(-1);
  return one?.at === undefined ? `${name} has no Millrace to compare` : [one, { ...one, ...one.at(revision) }];
}

function parse(argv: readonly string[]): Values | string {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        work: { type: "string" },
        quick: { type: "boolean" },
        rounds: { type: "string" },
        seconds: { type: "string" },
        minutes: { type: "string" },
        only: { type: "string" },
        against: { type: "string" },
        changing: { type: "boolean" },
        awake: { type: "boolean" },
        realtime: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

interface Values {
  readonly work?: string;
  readonly quick?: boolean;
  readonly rounds?: string;
  readonly seconds?: string;
  readonly minutes?: string;
  readonly only?: string;
  readonly against?: string;
  readonly changing?: boolean;
  readonly awake?: boolean;
  readonly realtime?: boolean;
  readonly help?: boolean;
}
