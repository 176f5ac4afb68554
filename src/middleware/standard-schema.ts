/**
 * The part of Standard Schema (version 1) and of Standard JSON Schema that Millrace uses. Zod, Valibot, ArkType and others implement them,
 * so the options of a middleware may be described with any of these.
 */

/** A schema that checks a value and may change it, for example by filling in defaults. */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** What the standard asks for: how a value is checked. See https://standardschema.dev. */
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
    /** Gives the JSON Schema of what the schema takes; absent where the library has none. */
    readonly jsonSchema?: { readonly input: (options: { readonly target: string }) => Record<string, unknown> } | undefined;
  };
}

/** The value as the schema gives it, or what is wrong with it. */
export type SchemaResult<Output> = { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

/** One thing that is wrong with a value. */
export interface SchemaIssue {
  /** What is wrong, as a sentence. */
  readonly message: string;
  /** The keys that lead to the value. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}
