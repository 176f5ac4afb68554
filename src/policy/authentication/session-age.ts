/** The greatest age of a session that begins with a login, in milliseconds: 30 days. Whatever a configuration says, a revocation is kept for so long. */
export const SESSION_AGE_MAX_MS: number = 30 * 24 * 3_600_000;
