import type { Deps } from '../../context'

/** Calls `run` for each item in turn and adds up the results. Logs a failure and continues; the next run retries the item. */
export async function runForEach<T>(
  { log }: Pick<Deps, 'log'>,
  items: T[],
  run: (item: T) => Promise<number>,
): Promise<number> {
  let sum = 0
  for (const item of items)
    sum += await run(item).catch((error) => {
      log.error({ error, one: item }, 'item of a scheduled job failed')
      return 0
    })
  return sum
}
