/** By how much a limit may be multiplied for a client. */
export const FACTOR_RANGE = { min: 0.001, max: 1000 } as const;

export const FACTOR_EXPECTED = `expected a factor from ${FACTOR_RANGE.min} to ${FACTOR_RANGE.max}`;

/** The factor that a text says in decimal digits; null: it says none. */
export function parseFactor(text: string): number | null {
  if (!/^[0-9]{1,4}(?:\.[0-9]{1,6})?$/.test(text)) return null;
  const factor = Number(text);
  return factor >= FACTOR_RANGE.min && factor <= FACTOR_RANGE.max ? factor : null;
}
