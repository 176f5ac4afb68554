/** What the engine of a login says, as answers of the proxy. None of them may be stored: they set cookies, or hold for one client alone. */
import type { BackChannelAnswer, CallbackAnswer, CheckAnswer, LoginFailure, LogoutAnswer, Unavailable } from "../../oidc/oidc-answers.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";

type Fields = LocalAnswer["fields"];

const NOT_STORED = ["Cache-Control", "no-store"] as const;

/** To the provider, back to where the login began, or away after a logout. 303 makes a GET of a POST. */
export function redirect(reason: string, location: string, setCookies: readonly string[], why?: string): LocalAnswer {
  return {
    ...(why === undefined ? {} : { why }),
    status: 303,
    reason,
    detail: "",
    fields: [["Location", location], ...lines(setCookies), NOT_STORED],
  };
}

export function unavailable({ retryAfterMs }: Pick<Unavailable, "retryAfterMs">): LocalAnswer {
  return {
    status: 503,
    reason: "login_unavailable",
    detail: "The login service does not answer. Please try again in a moment.",
    fields: [["Retry-After", String(Math.ceil(retryAfterMs / 1000))], NOT_STORED],
  };
}

export function failed({ code, status, text }: LoginFailure, setCookies: readonly string[]): LocalAnswer {
  return { status, reason: code, detail: text, fields: [...lines(setCookies), NOT_STORED] };
}

/** 401 for scripts, which no redirect would help. */
export function unauthorized(challenges: readonly string[], setCookies: readonly string[]): LocalAnswer {
  const fields = challenges.map((challenge) => ["WWW-Authenticate", challenge] as const);
  return {
    status: 401,
    reason: "unauthorized",
    detail: "A login is required.",
    fields: [...fields, ...lines(setCookies), NOT_STORED],
  };
}

export function loggedOut(answer: LogoutAnswer, logoutPath: string): LocalAnswer {
  if (answer.kind === "redirect") return redirect("logged_out", answer.location, answer.setCookies);
  if (answer.kind === "refused") {
    return {
      status: 403,
      reason: "logout_refused",
      detail: "Another site has asked for this logout.",
      fields: [NOT_STORED],
      proxyStatus: "http_request_denied",
    };
  }
  const text = `<!doctype html><html lang="en"><title>Log out</title><form method="post" action="${escaped(logoutPath)}"><button>Log out</button></form></html>\n`;
  return {
    status: 200,
    reason: "logout_asked",
    detail: "",
    // No other site may lay the button under a click. A policy for the form would also stop its redirect to the provider.
    fields: [["Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"], NOT_STORED],
    body: { contentType: "text/html; charset=utf-8", text },
  };
}

/** OpenID Connect Back-Channel Logout 1.0, section 2.8. */
export function backChannel(answer: BackChannelAnswer): LocalAnswer {
  if (answer.kind === "unavailable") return unavailable(answer);
  if (answer.kind === "revoked") return { status: 200, reason: "session_revoked", detail: "", fields: [NOT_STORED] };
  return { status: 400, reason: "logout_token_refused", detail: "This is no valid logout token.", fields: [NOT_STORED] };
}

/** Why the provider is to blame, for the log; null: nobody is, or the user. */
export function providersFault(answer: CheckAnswer | CallbackAnswer | BackChannelAnswer): string | null {
  if (answer.kind === "unavailable") return answer.reason;
  if (answer.kind !== "failed") return null;
  const { code, reason } = answer.failure;
  return code === "login_invalid" || code === "session_too_large" ? `${code}: ${reason}` : null;
}

function lines(setCookies: readonly string[]): Fields {
  return setCookies.map((line) => ["Set-Cookie", line] as const);
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
