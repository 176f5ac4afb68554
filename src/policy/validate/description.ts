/**
 * A description of an API as threads get it: made by the main thread from an OpenAPI document (read-description.ts), in pieces of JSON, so that a
 * thread reads what its requests need and nothing else. Schemas are those of JSON Schema 2020-12, and `$ref` is the number of a piece.
 */

/** The first piece. */
export interface DescriptionHead {
  readonly paths: readonly DescribedPath[];
}

export interface DescribedPath {
  /** As the document has it; its literal parts are in canonical form. */
  readonly template: string;
  /** Pieces of the operations, by method in upper case. */
  readonly operations: Readonly<Record<string, number>>;
  /** For each method the paths of its servers, in front of the template: `/v1`, or "". */
  readonly bases: Readonly<Record<string, readonly string[]>>;
}

export interface DescribedOperation {
  readonly parameters: readonly DescribedParameter[];
  /** Null: it takes no body. */
  readonly body: DescribedBody | null;
  /** By status: `200`, `2XX` or `default`. */
  readonly responses: Readonly<Record<string, DescribedContent>>;
}

export type ParameterPlace = "path" | "query" | "header" | "cookie";

export interface DescribedParameter {
  readonly in: ParameterPlace;
  readonly name: string;
  readonly required: boolean;
  readonly style: string;
  readonly explode: boolean;
  readonly allowsEmpty: boolean;
  /** The value is a text in JSON. */
  readonly isJson: boolean;
  readonly schema: unknown;
}

export interface DescribedBody {
  readonly required: boolean;
  readonly content: DescribedContent;
}

/** Schemas by media type or range, in lower case and without parameters. True: everything of that type is right. */
export type DescribedContent = Readonly<Record<string, unknown>>;

/** The pieces of a description, read when they are asked for. */
export interface Pieces {
  piece(index: number): unknown;
}
