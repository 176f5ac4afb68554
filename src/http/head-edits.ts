/** What middleware changes in a head beside its fields. */
import { isAuthority } from "./authority.ts";
import { FieldEdits } from "./field-edits.ts";
import { mayHaveBody } from "./status.ts";
import { ORIGIN_FORM, TOKEN } from "./syntax.ts";

/** Edits of a request that goes upstream. Of one exchange's attempt: the next one begins anew. */
export class RequestEdits extends FieldEdits {
  /** Null: as received. */
  method: string | null = null;
  target: string | null = null;
  authority: string | null = null;

  override reset(): void {
    super.reset();
    this.method = null;
    this.target = null;
    this.authority = null;
  }

  /** Throws a TypeError for what is no token, and for CONNECT. Between HEAD and others nothing changes: their responses have other bodies. */
  setMethod(method: string): void {
    if (!TOKEN.test(method) || method === "CONNECT") throw new TypeError(`the method ${JSON.stringify(method)} cannot be sent`);
    this.method = method;
  }

  /** Path and query, from its "/" on; throws a TypeError for anything else. */
  setTarget(target: string): void {
    if (!ORIGIN_FORM.test(target)) throw new TypeError("the target is not a path with a query");
    this.target = target;
  }

  /** Value of Host; throws a TypeError for what is none. What the client asked for stays in X-Forwarded-Host. */
  setAuthority(authority: string): void {
    if (!isAuthority(authority)) throw new TypeError("the authority is malformed");
    this.authority = authority;
  }
}

/** Edits of a final response. */
export class ResponseEdits extends FieldEdits {
  /** Null: as received. */
  status: number | null = null;

  override reset(): void {
    super.reset();
    this.status = null;
  }

  /** Throws a RangeError for what is no final status that has a body: a message does not change whether it has one. */
  setStatus(status: number): void {
    if (!Number.isInteger(status) || status < 200 || status > 599 || !mayHaveBody(status))
      throw new RangeError(`${status} is no status to set`);
    this.status = status;
  }
}
