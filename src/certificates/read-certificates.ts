import { X509Certificate } from "node:crypto";
import { certificateBlocks } from "./pem.ts";

/** All certificates of a text, none where it has none; or what is wrong with one, to be put after the name of the file. */
export function readCertificates(text: string): readonly X509Certificate[] | string {
  const blocks = certificateBlocks(text);
  const certificates: X509Certificate[] = [];
  for (const [index, block] of blocks.entries()) {
    try {
      certificates.push(new X509Certificate(block));
    } catch {
      return `cannot be read: certificate ${index + 1} of ${blocks.length} is damaged`;
    }
  }
  return certificates;
}
