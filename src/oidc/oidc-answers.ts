/** What the engine makes of a request. Whoever asks it turns these into answers, each with `Cache-Control: no-store`. */
import type { ProviderFault } from "./provider/provider-fault.ts";
import type { OidcSession } from "./session/session.ts";

/** Why a login ended without a session. */
export interface LoginFailure {
  readonly code:
    /** The browser has no login under way that the provider's answer belongs to, or it took too long. Starting again helps. */
    | "login_expired"
    /** The provider does not let this user in. */
    | "login_refused"
    /** One login after the other, and none lasts. */
    | "login_loop"
    /** The provider's answer does not pass the checks, or it does not take ours. */
    | "login_invalid"
    /** What the provider says of the user does not fit into cookies. */
    | "session_too_large";
  readonly status: 400 | 403 | 502;
  /** For the user. Not escaped: it may hold what the provider has said. */
  readonly text: string;
  /** For the log. */
  readonly reason: string;
}

/** Answer 503: nobody can log in now. */
export interface Unavailable {
  readonly kind: "unavailable";
  readonly retryAfterMs: number;
  /** For the log. */
  readonly reason: string;
}

/** Show an error page. */
export interface Failed {
  readonly kind: "failed";
  readonly failure: LoginFailure;
  readonly setCookies: readonly string[];
}

/** Redirect with 303, so that a POST becomes a GET. */
interface Redirect<Kind extends string> {
  readonly kind: Kind;
  readonly location: string;
  readonly setCookies: readonly string[];
}

/** What becomes of a request without a session. */
export type Otherwise = "login" | "unknown";

export type CheckAnswer =
  /** The request may pass. `setCookies` go with the response. `outage`, for the log: why the session has no new tokens though they are due. */
  | { readonly kind: "session"; readonly session: OidcSession; readonly setCookies: readonly string[]; readonly outage?: string }
  | Redirect<"login">
  /** Answer 401: a script asks, which no redirect would help. */
  | { readonly kind: "unauthorized"; readonly setCookies: readonly string[] }
  /** There is no session, and nobody wants a login for this request. */
  | { readonly kind: "unknown"; readonly setCookies: readonly string[] }
  | Unavailable
  | Failed;

export type CallbackAnswer =
  | Redirect<"redirect">
  /** Answer 429: the provider was not asked, and the login is still under way. */
  | { readonly kind: "too_many" }
  | Unavailable
  | Failed;

export type LogoutAnswer =
  | Redirect<"redirect">
  /** Nobody vouches that the user wants this: show a form that sends POST to the same path. */
  | { readonly kind: "confirm" }
  /** Answer 403: another site's page has sent it. */
  | { readonly kind: "refused" };

export type BackChannelAnswer =
  /** Answer 200. */
  | { readonly kind: "revoked" }
  /** Answer 400. `reason` is for the log. */
  | { readonly kind: "refused"; readonly reason: string }
  | Unavailable;

/** Codes with which a provider says that it is not able to answer now (RFC 6749, section 4.1.2.1). */
const OVERLOADED: ReadonlySet<string> = new Set(["server_error", "temporarily_unavailable"]);

/** What a fault of the provider means for a login. */
export function failureOf(fault: Exclude<ProviderFault, { kind: "unavailable" }>): LoginFailure {
  const { reason } = fault;
  if (fault.kind === "invalid") {
    return { code: "login_invalid", status: 502, text: "The login service gave an answer that cannot be trusted.", reason };
  }
  const { code, description } = fault;
  if (code === "access_denied" || code === "login_required" || code === "consent_required" || code === "interaction_required") {
    return { code: "login_refused", status: 403, text: `The login was refused: ${description === "" ? code : description}`, reason };
  }
  // The code was used before, or too late.
  if (code === "invalid_grant") return { ...EXPIRED, reason };
  // What else it has said is for the log: it is about the proxy's own request, secret included, and no user's business.
  return { code: "login_invalid", status: 502, text: `The login service answers: ${code}`, reason };
}

export function isOverloaded(fault: ProviderFault): boolean {
  return fault.kind === "refused" && OVERLOADED.has(fault.code);
}

const EXPIRED = {
  code: "login_expired",
  status: 400,
  text: "This login is over, or was begun in another browser. Please start again.",
} as const;

/** @param reason for the log */
export function expiredLogin(reason: string): LoginFailure {
  return { ...EXPIRED, reason };
}
