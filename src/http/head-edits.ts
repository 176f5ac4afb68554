/**
 * What a middleware changes in a head before it is sent: fields, and the method, target and Host of a request or the status of a response.
 * Hooks get the `...Changes` types; the exchange and the writers of heads use the classes.
 */
import { isAuthority } from "./authority.ts";
import { FieldEdits } from "./field-edits.ts";
import type { ResponseHead } from "./response-head.ts";
import { mayHaveBody } from "./status.ts";
import { ORIGIN_FORM, TOKEN } from "./syntax.ts";

/** What middleware may change in the fields of a head; FieldEdits says what each does. */
export type FieldChanges = Pick<FieldEdits, "remove" | "append" | "appendLines" | "set">;
/** What middleware may change in a request that goes upstream. `method`, `target` and `authority` are null where nothing has changed them. */
export type RequestChanges = FieldChanges &
  Pick<RequestEdits, "setMethod" | "setTarget" | "setAuthority"> &
  Readonly<Pick<RequestEdits, "method" | "target" | "authority">>;
/** A final response and what middleware may change in it; ResponseEdits says which lines that reaches. */
export type ResponseChanges = FieldChanges & Pick<ResponseEdits, "setStatus"> & Readonly<Pick<ResponseEdits, "head" | "status">>;

/** Edits of a request that goes upstream. Each attempt of an exchange begins with no edits. */
export class RequestEdits extends FieldEdits {
  /** For each of the three, null: send it as received. */
  method: string | null = null;
  target: string | null = null;
  authority: string | null = null;

  override reset(): void {
    super.reset();
    this.method = null;
    this.target = null;
    this.authority = null;
  }

  /**
   * Sets the method. Throws a TypeError for CONNECT and for text that is not a token. The exchange refuses a change from or to HEAD,
   * because responses to HEAD have no body.
   */
  setMethod(method: string): void {
    if (!TOKEN.test(method) || method === "CONNECT") throw new TypeError(`the method ${JSON.stringify(method)} cannot be sent`);
    this.method = method;
  }

  /** Sets path and query, beginning with "/". Throws a TypeError for anything else. */
  setTarget(target: string): void {
    if (!ORIGIN_FORM.test(target)) throw new TypeError("the target is not a path with a query");
    this.target = target;
  }

  /** Sets the value of Host. Throws a TypeError for a malformed one. X-Forwarded-Host still names the host that the client asked for. */
  setAuthority(authority: string): void {
    if (!isAuthority(authority)) throw new TypeError("the authority is malformed");
    this.authority = authority;
  }
}

/**
 * Edits of a final response. `remove` and `set` hold for the received lines, for the fields of an answer of the proxy's own, and for the
 * lines that the proxy writes itself: Date, Content-Type, Cache-Control and Proxy-Status. They do not reach what says where the response
 * ends: Content-Length, Transfer-Encoding and Connection.
 */
export class ResponseEdits extends FieldEdits {
  /** The head as received. Null for an answer of the proxy's own. It has none of the edits. */
  head: ResponseHead | null = null;
  /** The status in place of the received one. Null: none was set. */
  newStatus: number | null = null;
  private receivedStatus: number = 0;

  override reset(): void {
    super.reset();
    this.head = null;
    this.newStatus = null;
    this.receivedStatus = 0;
  }

  /**
   * Begins the edits of one response.
   * @param head null for an answer of the proxy's own
   */
  begin(head: ResponseHead | null, status: number): void {
    this.head = head;
    this.receivedStatus = status;
  }

  /** The status that the client will get. */
  get status(): number {
    return this.newStatus ?? this.receivedStatus;
  }

  /**
   * Sets the status. Throws a RangeError unless it is a final status whose responses may have a body, because an edit must not change
   * whether there is a body. It has no effect on the proxy's own answers and on responses without a body (204, 304).
   */
  setStatus(status: number): void {
    if (!Number.isInteger(status) || status < 200 || status > 599 || !mayHaveBody(status))
      throw new RangeError(`${status} is no status to set`);
    if (this.head === null || !mayHaveBody(this.head.status)) return;
    this.newStatus = status;
  }
}
