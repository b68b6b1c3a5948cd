/**
 * Waits for `work`, but at most `ms` milliseconds: then settles with the result of `onTimeout`, or with the error it throws.
 * The work itself is not cancelled.
 */
export function withTimeout<T, Late>(
  work: Promise<T>,
  ms: number,
  onTimeout: () => Late | Promise<Late>,
): Promise<T | Late> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  }).then(onTimeout)
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
