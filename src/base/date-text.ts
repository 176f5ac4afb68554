/** Reads a date, or a time with its zone, as RFC 3339 writes them: `2027-01-31`, `2027-01-31T12:00:00Z`. A date is its beginning in UTC. */

const DATE_TEXT = /^(\d{4}-\d\d-\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;

/** Milliseconds since 1970; null: it is none. `Date.parse` alone guesses, by month first or in the machine's zone, and takes 31 February for 3 March. */
export function dateOf(text: string): number | null {
  const [, day = ""] = DATE_TEXT.exec(text) ?? [];
  const dayMs = Date.parse(day);
  if (Number.isNaN(dayMs) || new Date(dayMs).toISOString().slice(0, day.length) !== day) return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}
