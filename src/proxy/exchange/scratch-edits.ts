/**
 * One reusable object for the edits of a request head, and one for a response head, so that an exchange allocates none. A head is edited
 * and written within one call. If a hook causes another exchange to edit a head during that call, the other exchange gets a new object.
 */
import { RequestEdits, ResponseEdits } from "../../http/head-edits.ts";

let spareRequest: RequestEdits | null = null;
let spareResponse: ResponseEdits | null = null;

/** Returns an object without edits. Give it back when the head was written. */
export function takeRequestEdits(): RequestEdits {
  const edits = spareRequest ?? new RequestEdits();
  spareRequest = null;
  edits.reset();
  return edits;
}

export function giveRequestEdits(edits: RequestEdits): void {
  spareRequest = edits;
}

export function takeResponseEdits(): ResponseEdits {
  const edits = spareResponse ?? new ResponseEdits();
  spareResponse = null;
  edits.reset();
  return edits;
}

export function giveResponseEdits(edits: ResponseEdits): void {
  spareResponse = edits;
}
