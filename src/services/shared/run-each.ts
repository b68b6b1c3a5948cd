import type { Deps } from '../../context'

/**
 * Does the same for each of many, one after the other, and adds up. What fails for one is logged and keeps nobody else
 * from it; it will be done at the next run.
 */
export async function runForEach<T>(
  { log }: Pick<Deps, 'log'>,
  many: T[],
  run: (one: T) => Promise<number>,
): Promise<number> {
  let sum = 0
  for (const one of many)
    sum += await run(one).catch((error) => {
      log.error({ error, one }, 'a job failed for one of many; it will run again')
      return 0
    })
  return sum
}
