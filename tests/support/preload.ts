import { afterAll, setDefaultTimeout } from 'bun:test'
import { closeCluster } from './database'
import { stopPairs } from './pair'

// Applies to the first file only. scripts/test.ts sets it for a whole run, because bunfig.toml cannot.
setDefaultTimeout(60_000)

afterAll(async () => {
  await stopPairs()
  await closeCluster()
})
