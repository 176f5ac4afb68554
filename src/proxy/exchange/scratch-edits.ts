/**
 * Edits of one head, which are used and written within one call: one object serves all exchanges. A hook may end or answer another exchange
 * meanwhile, whose head gets an object of its own then.
 */
import { RequestEdits, ResponseEdits } from "../../http/head-edits.ts";

let spareRequest: RequestEdits | null = null;
let spareResponse: ResponseEdits | null = null;

/** Nothing is edited yet. */
export function takeRequestEdits(): RequestEdits {
  const edits = spareRequest ?? new RequestEdits();
  spareRequest = null;
  edits.reset();
  return edits;
}

/** After the head was written. */
export function giveRequestEdits(edits: RequestEdits): void {
  spareRequest = edits;
}

/** Nothing is edited yet. */
export function takeResponseEdits(): ResponseEdits {
  const edits = spareResponse ?? new ResponseEdits();
  spareResponse = null;
  edits.reset();
  return edits;
}

/** After the head was written. */
export function giveResponseEdits(edits: ResponseEdits): void {
  spareResponse = edits;
}
