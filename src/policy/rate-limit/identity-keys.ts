/** Whether a part of the key of a rate limit depends on who the client is. */
export function isOfIdentity(part: string): boolean {
  return part === "user" || part === "api_key" || part.startsWith("claim:");
}
