/** What happens to the rest of a request's body when the request was answered before it was complete. */
import { Known, bit } from "../http/known-fields.ts";
import type { Exchange } from "../proxy/exchange/exchange.ts";

/** How much of a refused request's body is read and thrown away, so that the connection can be used again. A longer rest ends the connection. */
export const DISCARD_BYTES_MAX: number = 64 * 1024;

/** How many bytes are read and thrown away while a connection ends. */
export const LINGER_BYTES_MAX: number = 32 * 1024 * 1024;

/** How long a connection that ends waits for its client to close, or to send the rest of its request. */
export const LINGER_MS = 2000;

/** Whether to read the rest of a refused request to keep the connection: the body is short, and the client will send it without a 100. */
export function isWorthReading({ request, requestLength }: Exchange): boolean {
  if ((request.present & bit(Known.expect)) !== 0) return false;
  return requestLength > 0 && requestLength <= DISCARD_BYTES_MAX;
}
