import { isAuthority } from "./authority.ts";

/** What an absolute-form target such as `http://a.test/path` consists of (RFC 9112 section 3.2.2). */
export interface AbsoluteForm {
  readonly authority: string;
  /** The target in origin-form; "*" for OPTIONS of the whole host. */
  readonly forwardTarget: string;
}

/** Splits an absolute-form target. Null: it is malformed, or of another scheme. */
export function splitAbsolute(method: string, target: string): AbsoluteForm | null {
  const match = /^http:\/\/([^/?]*)(.*)$/i.exec(target);
  const authority = match?.[1];
  const rest = match?.[2];
  if (authority === undefined || rest === undefined || !isAuthority(authority)) return null;
  return { authority, forwardTarget: rest.startsWith("/") ? rest : rest === "" && method === "OPTIONS" ? "*" : `/${rest}` };
}

/** Whether two authorities name the same server: case and the default port do not matter (RFC 9110 section 4.2.3). */
export function isSameAuthority(one: string, other: string): boolean {
  return plain(one) === plain(other);
}

function plain(authority: string): string {
  return authority.toLowerCase().replace(/:(?:80)?$/, "");
}
