/** Media types with stars, such as `image/*`, `application/*+json` and the one of all types. */

/** @param type in lower case, without parameters @param range in lower case */
export function isInRange(type: string, range: string): boolean {
  if (range === "*/*") return true;
  const star = range.indexOf("/*") + 1;
  if (star === 0) return range === type;
  const suffix = range.slice(star + 1);
  return type.startsWith(range.slice(0, star)) && type.length > star + suffix.length && type.endsWith(suffix);
}
