/**
 * Ties a schema to the types that stand beside it. Declarations cannot be inferred from a schema (`isolatedDeclarations`), so the types
 * are written out; here the compiler refuses every difference, in either direction, between them and what the schema reads and gives.
 */
import type { z } from "zod";

/** `exactly<Output, Input>()(schema)` is the schema itself. */
export function exactly<Output, Input>(): Tie<Output, Input> {
  return (schema, ..._same) => schema;
}

type Tie<Output, Input> = <S extends z.ZodType<Output, Input>>(
  schema: S,
  ...differs: Difference<S, Output, Input>
) => z.ZodType<Output, Input>;

/** No argument where both are the same, else one that nobody can give. */
type Difference<S extends z.ZodType, Output, Input> =
  Same<z.output<S>, Output> extends true ? (Same<z.input<S>, Input> extends true ? [] : [inTheInput: never]) : [inTheOutput: never];

/** Identity, not assignability: an optional key that only one side has is a difference. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- T is what makes the compiler ask whether A and B are identical
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
