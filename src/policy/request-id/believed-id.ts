/** Which request ids of others are believed. */

/** Longer than any known form: a UUID has 36 characters, AWS' trace ids have 101. */
const LENGTH_MAX = 128;

/** Characters that mean nothing in a log, in HTML, in JSON, in a shell or in a list of values. */
const ID = new RegExp(`^[A-Za-z0-9._~:/+=@-]{1,${LENGTH_MAX}}$`);

/**
 * The id that a request brought, if it is one; null otherwise.
 * @param values the values of all lines of the field. Of several, nobody knows which one others take.
 */
export function believedId(values: readonly string[]): string | null {
  const [id] = values;
  return id !== undefined && values.length === 1 && ID.test(id) ? id : null;
}
