/**
 * Waits for what code of the user's does, but no longer than a time limit: rejects then with an Error that names `who`.
 * @param tooLate takes a result that comes after the time limit
 */
export async function withinTime<T>(
  act: () => PromiseLike<T> | T,
  limitMs: number,
  who: string,
  tooLate: (result: T) => void = () => undefined,
): Promise<T> {
  const acting = Promise.resolve(act());
  const late = Promise.withResolvers<never>();
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    late.reject(new Error(`${who} has not settled within ${limitMs / 1000} s`));
  }, limitMs);
  void acting.then(
    (result) => {
      if (isLate) tooLate(result);
    },
    () => undefined,
  );
  try {
    return await Promise.race([acting, late.promise]);
  } finally {
    clearTimeout(limit);
  }
}
