/** The corpora of `test/corpus` as typed values; README.md there tells the meaning of every field. */
import { Fields, caseRecords } from "./case-fields.ts";

export interface RequestCase {
  readonly id: string;
  readonly class: string;
  /** What one client connection sends, one character a byte. */
  readonly wire: string;
  readonly expect: "accept" | "normalize" | "reject-400" | "reject-any-4xx-or-close";
  readonly assert: RequestAsserts;
  /** The status of the refusal, where it is known more closely than `expect` says. */
  readonly status: number | undefined;
  readonly why: string;
  readonly source: string;
}

interface RequestAsserts {
  readonly fwdHas: readonly RegExp[];
  readonly fwdNot: readonly RegExp[];
  readonly rawNot: readonly RegExp[];
  readonly trailerNot: readonly RegExp[];
  readonly respNot: readonly RegExp[];
  readonly responses: number | undefined;
  readonly incomplete: boolean;
  readonly tunnelNot: boolean;
  readonly lastReject: boolean;
}

export interface ResponseCase {
  readonly id: string;
  readonly wire: string;
  readonly end: "fin" | "rst" | "keep";
  /** Sent 60 ms behind `wire`. */
  readonly late: string | undefined;
  /** The origin said more than it was asked for: its connection must not be used again. */
  readonly drops: boolean;
  /** The request that is answered: its method, version and further field lines. */
  readonly method: string;
  readonly version: "1.0" | "1.1";
  readonly fields: readonly string[];
  readonly expect: "pass" | "502" | "abort" | "normalize" | "any";
  readonly body: string | undefined;
  readonly respHas: readonly RegExp[];
  readonly respNot: readonly RegExp[];
  /** The status that the client gets, where it is known more closely than `expect` says. */
  readonly status: number | undefined;
  readonly why: string;
  readonly source: string;
}

/** In `test/corpus`, and what the fuzzer found beside the fuzzer. */
export type CorpusFile =
  | "http1.json"
  | "own-requests.json"
  | "responses.json"
  | "own-responses.json"
  | "../../fuzz/found.json"
  | "../../fuzz/found-responses.json";

export function requestCases(file: CorpusFile): RequestCase[] {
  return caseRecords(file).map((record) => {
    const asserts = new Fields(`${record.text("id")}.assert`, record.table("assert"));
    const one: RequestCase = {
      id: record.text("id"),
      class: record.text("class"),
      wire: record.text("wire"),
      expect: record.oneOf("expect", ["accept", "normalize", "reject-400", "reject-any-4xx-or-close"]),
      assert: {
        fwdHas: asserts.patterns("fwdHas"),
        fwdNot: asserts.patterns("fwdNot"),
        rawNot: asserts.patterns("rawNot"),
        trailerNot: asserts.patterns("trailerNot"),
        respNot: asserts.patterns("respNot"),
        responses: asserts.number("responses"),
        incomplete: asserts.flag("incomplete"),
        tunnelNot: asserts.flag("tunnelNot"),
        lastReject: asserts.flag("lastReject"),
      },
      status: record.number("status"),
      why: record.text("why"),
      source: record.text("source"),
    };
    record.text("proto");
    asserts.nothingElse();
    record.nothingElse();
    return one;
  });
}

export function responseCases(file: CorpusFile): ResponseCase[] {
  return caseRecords(file).map((record) => {
    const one: ResponseCase = {
      id: record.text("id"),
      wire: record.text("wire"),
      end: record.oneOf("end", ["fin", "rst", "keep"]),
      late: record.optionalText("late"),
      drops: record.flag("drops"),
      method: record.text("method"),
      version: record.optionalText("version") === "1.0" ? "1.0" : "1.1",
      fields: record.texts("fields"),
      expect: record.oneOf("expect", ["pass", "502", "abort", "normalize", "any"]),
      body: record.optionalText("body"),
      respHas: record.patterns("respHas"),
      respNot: record.patterns("respNot"),
      status: record.number("status"),
      why: record.text("why"),
      source: record.text("source"),
    };
    record.nothingElse();
    return one;
  });
}
