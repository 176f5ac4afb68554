/** Whether a key is made of words alone, and so is no secret in a wrong place. */
export function isPlainWord(key: string): boolean {
  return /^[A-Za-z]{1,20}(?:[_-][A-Za-z]{1,20}){0,5}$/.test(key);
}
