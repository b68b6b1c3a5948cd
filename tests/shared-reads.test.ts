import { expect, test } from 'bun:test'
import { createSharedReads } from '../src/realtime/shared-reads'
import { createTokenExpiry } from '../src/realtime/token-expiry'

test('callers during a read share the next one, which starts after it', async () => {
  const pending: PromiseWithResolvers<number>[] = []
  const share = createSharedReads<number>()
  const ask = () =>
    share('board', () => {
      const read = Promise.withResolvers<number>()
      pending.push(read)
      return read.promise
    })
  const first = ask()
  const [second, third] = [ask(), ask()]
  expect(pending).toHaveLength(1)
  pending[0]?.resolve(1)
  expect(await first).toBe(1)
  await Bun.sleep(0)
  expect(pending).toHaveLength(2)
  pending[1]?.resolve(2)
  expect(await Promise.all([second, third])).toEqual([2, 2])
  const fourth = ask()
  expect(pending).toHaveLength(3)
  pending[2]?.resolve(3)
  expect(await fourth).toBe(3)
})

test('a failed read fails its callers, and the next one runs', async () => {
  const share = createSharedReads<string>()
  const failed = share('board', () => Promise.reject(new Error('no database')))
  const next = share('board', async () => 'read')
  await expect(failed).rejects.toThrow('no database')
  expect(await next).toBe('read')
})

test('one timer closes each connection when its own token expires', async () => {
  const closed: string[] = []
  const connection = (name: string, ms: number) => ({
    expiresAt: Date.now() + ms,
    socket: { close: () => void closed.push(name) },
  })
  const later = connection('later', 120)
  const sooner = connection('sooner', 40)
  const renewed = connection('renewed', 20)
  const connections = new Set([later, sooner, renewed])
  const expiry = createTokenExpiry(connections)
  for (const each of connections) expiry.watch(each)
  renewed.expiresAt += 60_000
  for (const name of ['sooner', 'later']) {
    while (!closed.includes(name)) await Bun.sleep(5)
    for (const each of [sooner, later]) if (each.expiresAt <= Date.now()) connections.delete(each)
  }
  expect(closed).toEqual(['sooner', 'later'])
  expiry.stop()
})
