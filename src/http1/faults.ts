/** A reason to refuse a message. */
export interface Fault {
  readonly code: string;
  /** The status that answers a faulty request. For a faulty response the proxy answers 502, whatever the fault. */
  readonly status: 400 | 414 | 431 | 501 | 502 | 505;
  /** A sentence for the client. */
  readonly detail: string;
}

export type FaultName =
  | "requestLine"
  | "statusLine"
  | "version"
  | "startLineTooLong"
  | "methodTooLong"
  | "headTooLarge"
  | "tooManyFields"
  | "emptyLines"
  | "bareLineFeed"
  | "bareCarriageReturn"
  | "fieldName"
  | "fieldValue"
  | "foldedLine"
  | "hostMissing"
  | "hostRepeated"
  | "hostInvalid"
  | "targetInvalid"
  | "targetMismatch"
  | "contentLength"
  | "contentLengthRepeated"
  | "transferEncoding"
  | "transferEncodingOld"
  | "ambiguousLength"
  | "chunkSize"
  | "chunkExtension"
  | "chunkEnd"
  | "traceBody"
  | "incomplete";

export const Faults: Readonly<Record<FaultName, Fault>> = {
  requestLine: fault("bad_request_line", 400, "The request line is malformed."),
  statusLine: fault("bad_status_line", 502, "The status line is malformed."),
  version: fault("bad_version", 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here."),
  startLineTooLong: fault("start_line_too_long", 414, "The request line is too long."),
  methodTooLong: fault("method_too_long", 501, "The request method is too long."),
  headTooLarge: fault("head_too_large", 431, "The request head is too large."),
  tooManyFields: fault("too_many_fields", 431, "The request has too many fields."),
  emptyLines: fault("empty_lines", 400, "Too many empty lines before the request line."),
  bareLineFeed: fault("bare_line_feed", 400, "A line ends without a carriage return."),
  bareCarriageReturn: fault("bare_carriage_return", 400, "A carriage return stands alone."),
  fieldName: fault("bad_field_name", 400, "A field name is malformed."),
  fieldValue: fault("bad_field_value", 400, "A field value holds a forbidden character."),
  foldedLine: fault("folded_line", 400, "A field line begins with white space."),
  hostMissing: fault("host_missing", 400, "An HTTP/1.1 request needs a Host field."),
  hostRepeated: fault("host_repeated", 400, "Host is given more than once."),
  hostInvalid: fault("host_invalid", 400, "The Host field is malformed."),
  targetInvalid: fault("bad_target", 400, "The request target is malformed."),
  targetMismatch: fault("target_mismatch", 400, "The request target and the Host field differ."),
  contentLength: fault("bad_content_length", 400, "Content-Length is malformed."),
  contentLengthRepeated: fault("content_length_repeated", 400, "Content-Length is given more than once."),
  transferEncoding: fault("bad_transfer_encoding", 400, "Transfer-Encoding is not exactly chunked."),
  transferEncodingOld: fault("transfer_encoding_in_1_0", 400, "An HTTP/1.0 message has no Transfer-Encoding."),
  ambiguousLength: fault("ambiguous_length", 400, "Content-Length and Transfer-Encoding are both given."),
  chunkSize: fault("bad_chunk_size", 400, "A chunk size is malformed."),
  chunkExtension: fault("bad_chunk_extension", 400, "What follows a chunk size is malformed or too long."),
  chunkEnd: fault("bad_chunk_end", 400, "A chunk does not end where its size says."),
  traceBody: fault("trace_body", 400, "A TRACE request carries no body."),
  incomplete: fault("incomplete", 400, "The connection ended inside a message."),
};

function fault(code: string, status: Fault["status"], detail: string): Fault {
  return { code, status, detail };
}
