/** The wires that the fuzzer starts from: the corpus of the tests, and what the fuzzer found before. */
import { existsSync, readFileSync } from "node:fs";

export interface Seed {
  readonly id: string;
  readonly wire: string;
  /** Of a response: whether it answers HEAD. */
  readonly toHead: boolean;
}

export interface Corpus {
  readonly requests: readonly Seed[];
  readonly responses: readonly Seed[];
}

/** Longer ones are other tests' matter: they would take most of the time here. */
const WIRE_BYTES_MAX = 4000;

export function loadCorpus(): Corpus {
  return {
    requests: seeds("../test/corpus/http1.json", "../test/corpus/own-requests.json", "./found.json"),
    responses: seeds("../test/corpus/responses.json", "../test/corpus/own-responses.json", "./found-responses.json"),
  };
}

function seeds(...files: readonly string[]): Seed[] {
  return files.flatMap((file) => {
    const url = new URL(file, import.meta.url);
    if (!existsSync(url)) return [];
    const list = JSON.parse(readFileSync(url, "utf8")) as readonly { id: string; wire: string; method?: string }[];
    return list
      .filter(({ wire }) => wire !== "" && wire.length <= WIRE_BYTES_MAX)
      .map(({ id, wire, method }) => ({ id, wire, toHead: method === "HEAD" }));
  });
}
