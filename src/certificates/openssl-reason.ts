/** OpenSSL's reasons in other words. */
const REASONS: Readonly<Record<string, string>> = {
  "ee key too small": "its key is too short, RSA keys have at least 2048 bits",
  "ca key too small": "the key of an intermediate certificate is too short, RSA keys have at least 2048 bits",
  "ca md too weak": "it is signed with SHA-1 or MD5",
  "key values mismatch": "its key is that of another certificate",
};

/** Why OpenSSL does not take a certificate with its key, from the error that it has thrown. */
export function opensslReason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const reason = /^error:\w+:[^:]*:[^:]*:(.+)$/.exec(message)?.[1] ?? message;
  return REASONS[reason] ?? reason;
}
