import { afterAll, setDefaultTimeout } from 'bun:test'
import { closeCluster } from './database'
import { stopPairs } from './pair'

// Of the first file only, hooks included: scripts/test.ts says it for all of a run. Bun reads none from bunfig.toml.
setDefaultTimeout(30_000)

// What the files of a process share ends with the last of them.
afterAll(async () => {
  await stopPairs()
  await closeCluster()
})
