/** The cases of features in `test/corpus` as typed values; README.md there tells the meaning of every field. */
import { caseRecords } from "./case-fields.ts";

export interface FeatureCase {
  readonly id: string;
  /** The key of the configuration that the case is about. */
  readonly feature: string;
  /** What one client connection sends, one character a byte. */
  readonly wire: string;
  /** The client's address. */
  readonly from: string | undefined;
  /** What an endpoint answers each request with, and whether it ends the connection after it. */
  readonly origin: string | undefined;
  readonly originEnds: boolean;
  /** Statuses of the final answers, in order; undefined: one, of class 4xx. */
  readonly answers: readonly number[] | undefined;
  /** Statuses of the interim responses that the client gets, in order, where it matters. */
  readonly interims: readonly number[] | undefined;
  /** Method and target of the requests that come to endpoints, in order. */
  readonly forwarded: readonly string[];
  /** The body of each of these requests. */
  readonly bodies: readonly string[] | undefined;
  readonly fwdHas: readonly RegExp[];
  readonly fwdNot: readonly RegExp[];
  readonly respHas: readonly RegExp[];
  readonly respNot: readonly RegExp[];
  /** The body of the last final answer. */
  readonly body: string | undefined;
  /** Must not occur in any body that the client gets. */
  readonly bodyNot: string | undefined;
  readonly why: string;
  readonly source: string;
}

export type FeatureFile = "feature-edits" | "feature-answers";

export function featureCases(file: FeatureFile): FeatureCase[] {
  return caseRecords(`${file}.json`).map((record) => {
    const one: FeatureCase = {
      id: record.text("id"),
      feature: record.text("feature"),
      wire: record.text("wire"),
      from: record.optionalText("from"),
      origin: record.optionalText("origin"),
      originEnds: record.flag("originEnds"),
      answers: record.has("answers") ? record.numbers("answers") : undefined,
      interims: record.has("interims") ? record.numbers("interims") : undefined,
      forwarded: record.texts("forwarded"),
      bodies: record.has("bodies") ? record.texts("bodies") : undefined,
      fwdHas: record.patterns("fwdHas"),
      fwdNot: record.patterns("fwdNot"),
      respHas: record.patterns("respHas"),
      respNot: record.patterns("respNot"),
      body: record.optionalText("body"),
      bodyNot: record.optionalText("bodyNot"),
      why: record.text("why"),
      source: record.text("source"),
    };
    record.nothingElse();
    return one;
  });
}
