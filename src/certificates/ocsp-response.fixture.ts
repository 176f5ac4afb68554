/** OCSP responses for tests, unsigned: the proxy leaves signatures to the clients. */
import { Buffer } from "node:buffer";

/** A value of DER with that content. */
export function der(tag: number, ...content: readonly (readonly number[])[]): readonly number[] {
  const bytes = content.flat();
  return [tag, ...(bytes.length < 128 ? [bytes.length] : [0x82, bytes.length >> 8, bytes.length & 255]), ...bytes];
}

export interface OcspWish {
  /** Of the certificate, hexadecimal. */
  readonly serialNumber?: string;
  /** Tag of what is said of the certificate: 0x80 good, 0xa1 revoked, 0x82 unknown. */
  readonly status?: number;
  readonly nextUpdate?: Date;
}

export function ocspResponse({
  serialNumber = "0FA1",
  status = 0x80,
  nextUpdate = new Date(Date.UTC(2027, 0, 31, 12)),
}: OcspWish = {}): Uint8Array {
  const serial = der(0x02, [...Buffer.from(serialNumber, "hex")]);
  const id = der(0x30, der(0x30, der(0x06, [1])), der(0x04, [1]), der(0x04, [2]), serial);
  const single = der(0x30, id, der(status), time(new Date(Date.UTC(2020, 0, 1))), der(0xa0, time(nextUpdate)));
  const data = der(0x30, der(0xa2, der(0x04, [7])), time(new Date(Date.UTC(2020, 0, 1))), der(0x30, single));
  const signature = der(
    0x03,
    Array.from({ length: 200 }, () => 1),
  );
  const basic = der(0x30, data, der(0x30, der(0x06, [1])), signature);
  return Uint8Array.from(der(0x30, der(0x0a, [0]), der(0xa0, der(0x30, der(0x06, [1]), der(0x04, basic)))));
}

function time(date: Date): readonly number[] {
  return der(0x18, [...Buffer.from(date.toISOString().replace(/[-:T]|\.\d+/g, ""))]);
}
