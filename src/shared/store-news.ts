/** What a thread tells the control plane of a store. */

/** What was counted since the last time. */
export interface StoreCounts {
  /** Questions that were answered in time. */
  answered: number;
  /** Milliseconds that those answers took, together. */
  answerMs: number;
  /** Questions that were not answered in time. */
  late: number;
  /** Questions to which the store said that it cannot, or whose connection was lost. */
  failed: number;
  /** Questions that the store was not asked, because it was known not to answer. */
  spared: number;
}

export type StoreNews =
  | { readonly name: string; readonly state: "up" }
  /** It cannot be used. @param why one plain line without secrets */
  | { readonly name: string; readonly state: "down"; readonly why: string }
  | { readonly name: string; readonly state: "counted"; readonly counts: Readonly<StoreCounts> };
