/** How long a message's body is, whatever HTTP version frames it: -1 unknown until it ends, 0 none, else its bytes. */
export type BodyLength = number;
