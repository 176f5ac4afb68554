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
  /** How much time passes after it, in milliseconds. */
  readonly advance: number;
  /** What an endpoint answers to one request after the other, the last text to all further ones, and whether it ends the connection after it. */
  readonly origin: readonly string[];
  readonly originEnds: boolean;
  /** Statuses of the final answers, in order; undefined: one, of class 4xx. */
  readonly answers: readonly number[] | undefined;
  /** Statuses of the interim responses that the client gets, in order, where it matters. */
  readonly interims: readonly number[] | undefined;
  /** Method and target of the requests that come to endpoints, in order. */
  readonly forwarded: readonly string[];
  /** The body of each of these requests. */
  readonly bodies: readonly string[] | undefined;
  /** Method and target of the copies that come to the upstream of a mirror, if they matter, and what all their heads and bodies must not match. */
  readonly copies: readonly string[] | undefined;
  readonly copyNot: readonly RegExp[];
  readonly fwdHas: readonly RegExp[];
  readonly fwdNot: readonly RegExp[];
  readonly respHas: readonly RegExp[];
  readonly respNot: readonly RegExp[];
  /** The body of the last final answer. */
  readonly body: string | undefined;
  /** Must not occur in any body that the client gets. */
  readonly bodyNot: string | undefined;
  /** The last answer is cut. */
  readonly isCut: boolean;
  /** How many lines the access log gets, if it matters, and what one of them must match, and none may. */
  readonly logged: number | undefined;
  readonly logHas: readonly RegExp[];
  readonly logNot: readonly RegExp[];
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
      advance: record.number("advance") ?? 0,
      origin: record.textOrTexts("origin"),
      originEnds: record.flag("originEnds"),
      answers: record.has("answers") ? record.numbers("answers") : undefined,
      interims: record.has("interims") ? record.numbers("interims") : undefined,
      forwarded: record.texts("forwarded"),
      bodies: record.has("bodies") ? record.texts("bodies") : undefined,
      copies: record.has("copies") ? record.texts("copies") : undefined,
      copyNot: record.patterns("copyNot"),
      fwdHas: record.patterns("fwdHas"),
      fwdNot: record.patterns("fwdNot"),
      respHas: record.patterns("respHas"),
      respNot: record.patterns("respNot"),
      body: record.optionalText("body"),
      bodyNot: record.optionalText("bodyNot"),
      isCut: record.flag("cut"),
      logged: record.number("logged"),
      logHas: record.patterns("logHas"),
      logNot: record.patterns("logNot"),
      why: record.text("why"),
      source: record.text("source"),
    };
    record.nothingElse();
    return one;
  });
}
