import { afterAll } from 'bun:test'
import { stopCluster } from './database'

// One PostgreSQL serves all files of a run; it ends with the last of them.
afterAll(stopCluster)
