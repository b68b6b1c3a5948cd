import { afterAll, setDefaultTimeout } from 'bun:test'
import { stopCluster } from './database'

setDefaultTimeout(30_000)

// One PostgreSQL serves all files of a run; it ends with the last of them.
afterAll(stopCluster)

// Also for hooks, which bunfig's timeout leaves at five seconds: the first one starts PostgreSQL.
setDefaultTimeout(30_000)
