/**
 * `bun run test` runs the checks, then all tests against a real PostgreSQL, and lists the lines of src/services that no test
 * ran. `--prove` runs the long tests in full. Other arguments are passed to `bun test` and skip the checks and the coverage.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { SHARED_CLUSTER, startCluster } from '../tests/support/database'
import { coverageOf } from './coverage'

const words = process.argv.slice(2)
const prove = words.includes('--prove')
const rest = words.filter((word) => word !== '--prove')
/** Each test file starts servers and perhaps a browser. With `--prove` some measure latency, so they run alone. */
const MAX_PARALLEL = prove ? 1 : 2

const checked =
  rest.length > 0 ||
  (await Bun.spawn([process.execPath, 'scripts/check.ts'], { stdout: 'inherit', stderr: 'inherit' })
    .exited) === 0

const folder = await mkdtemp(path.join(tmpdir(), 'coworkspace-tests-'))
const report = path.join(folder, 'report.xml')
const coverage = ['--coverage', '--coverage-reporter=lcov', `--coverage-dir=${folder}`]
const parallel = Math.min(availableParallelism(), MAX_PARALLEL)
const cluster = await startCluster()
const tests = Bun.spawn(
  [
    process.execPath,
    'test',
    '--timeout=60000',
    `--parallel=${parallel}`,
    '--reporter=junit',
    `--reporter-outfile=${report}`,
    ...(rest.length === 0 ? coverage : rest),
  ],
  {
    stdout: 'inherit',
    stderr: 'inherit',
    env: { ...process.env, NODE_ENV: 'test', [SHARED_CLUSTER]: cluster.url, ...(prove && { PROVE: '1' }) },
  },
)
// A signal to this process alone must also end the tests. A terminal sends it to both.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => tests.kill(signal))
const exitCode = await tests.exited
await cluster.stop()

const lcov = await Bun.file(path.join(folder, 'lcov.info'))
  .text()
  .catch(() => '')
for (const line of coverageOf(lcov, 'src/services')) process.stdout.write(`\n${line}`)
const summary =
  /<testsuites\b[^>]*>/.exec(
    await Bun.file(report)
      .text()
      .catch(() => ''),
  )?.[0] ?? ''
const count = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(summary)?.[1] ?? 0)
await rm(folder, { recursive: true })
const skipped = count('skipped')
const failed = count('failures') + (checked ? 0 : 1)
const passed = count('tests') - count('failures') - skipped + (checked ? 1 : 0)
const broken = exitCode !== 0 && failed === 0 ? 1 : 0
process.stdout.write(`\n${passed} passed, ${failed + broken} failed, ${skipped} skipped\n`)
process.exit(exitCode === 0 && checked && passed > 0 ? 0 : 1)
