/** Who the client of an exchange is, as far as its route's `authentication` has found out. */
export interface Identity {
  /** Which method has found it: `tokens`, `api_keys`, `basic`, `jwt`, `certificate`, `forward`, `oidc`. */
  readonly method: string;
  /** The user's name, the id of a key, the subject of a token or certificate; "": the method tells none. */
  readonly user: string;
  /** The client's roles, as the method's file, token or service tells them. */
  readonly roles: readonly string[];
  /** The scopes of its token or key. */
  readonly scopes: readonly string[];
  /** The claims of a token or of a login; empty for the other methods. Never change them: other exchanges have the same object. */
  readonly claims: Readonly<Record<string, unknown>>;
}
