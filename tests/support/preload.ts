import { afterAll, setDefaultTimeout } from 'bun:test'
import { stopCluster } from './database'
import { stopPairs } from './pair'

// Of the first file only, hooks included: scripts/test.ts says it for all of a run. Bun reads none from bunfig.toml.
setDefaultTimeout(30_000)

// One PostgreSQL serves all files of a run; it ends with the last of them.
afterAll(async () => {
  await stopPairs()
  await stopCluster()
})
