/** A promise that resolves after that time, unless it is cancelled. */
export function timer(delayMs: number): { readonly due: Promise<void>; readonly cancel: () => void } {
  let handle: NodeJS.Timeout | undefined;
  const due = new Promise<void>((resolve) => {
    handle = setTimeout(resolve, delayMs);
  });
  return { due, cancel: () => clearTimeout(handle) };
}
