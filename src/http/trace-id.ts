/**
 * The trace id of a `traceparent` field (W3C Trace Context, section 3.2): version `-` trace id `-` parent id `-` flags. "": the value has another form,
 * and then no recipient may use it (section 3.2.2.3). Versions after 00 may have more parts at the end.
 */
export function traceIdOf(traceparent: string): string {
  if (!FORM.test(traceparent) || (traceparent.length !== LENGTH_00 && traceparent.startsWith("00"))) return "";
  return traceparent.slice(3, 35);
}

const FORM = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/;
const LENGTH_00 = 55;
