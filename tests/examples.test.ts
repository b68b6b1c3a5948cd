import { afterAll, expect, test } from 'bun:test'
import path from 'node:path'
import { sendHttpFile } from './support/http-file'
import { startTestServer, stopTestServers } from './support/world'

afterAll(stopTestServers)

test('every request of examples.http has the documented response on demo data', async () => {
  const { url } = await startTestServer({ env: { SEED: 'demo' } })
  const text = await Bun.file(path.join(import.meta.dir, '..', 'examples.http')).text()
  const sent = await sendHttpFile(text, { host: url })
  expect(sent.length).toBeGreaterThan(20)
  const outcome = sent.map(({ title, status, answer }) => [title, status < 400 ? 'done' : answer.reason])
  expect(outcome).toEqual(sent.map(({ title, refused }) => [title, refused ?? 'done']))
})
